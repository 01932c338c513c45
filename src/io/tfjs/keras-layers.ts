import { ELU, LeakyReLU, ReLU, ReLU6, SELU } from '../../nn/activations/rectifiers.ts'
import { HardSigmoid } from '../../nn/activations/hard.ts'
import { GELU, Sigmoid, SiLU, Softplus, Softsign, Tanh } from '../../nn/activations/smooth.ts'
import { Sequential } from '../../nn/containers.ts'
import { softmax } from '../../nn/functional/activations.ts'
import { BatchNorm1d, BatchNorm2d } from '../../nn/layers/batch-norm.ts'
import { Conv2d } from '../../nn/layers/conv.ts'
import { Dropout } from '../../nn/layers/dropout.ts'
import { Embedding } from '../../nn/layers/embedding.ts'
import { Identity, Linear } from '../../nn/layers/linear.ts'
import { ZeroPad2d } from '../../nn/layers/padding.ts'
import { Upsample } from '../../nn/layers/upsample.ts'
import { type Layer, Module } from '../../nn/module.ts'
import { concat } from '../../tensor/joining.ts'
import type { Tensor } from '../../tensor/tensor.ts'
import type { Settings } from '../settings.ts'
import { pool, samePadded } from './same-padding.ts'

/**
 * The layers of Keras as modules. Images are [N, C, H, W] here and [N, H, W, C] there, so weights are turned when they are loaded,
 * and what depends on the order of elements (flattening, reshaping) turns images for as long as it takes.
 */

/** A layer of one or more inputs. */
export type KerasLayer = Module & { forward(...inputs: Tensor[]): Tensor }

/** The weight of the layer with this last name, `kernel` for instance. */
export type WeightOf = (name: string) => Tensor

/** What makes a layer from its configuration; undefined where the kind is not known. */
export function kerasLayer(kind: string, settings: Settings, weight: WeightOf): KerasLayer | undefined {
  const make = Object.hasOwn(kinds, kind) ? kinds[kind] : undefined
  return make?.(settings, weight)
}

type Make = (settings: Settings, weight: WeightOf) => KerasLayer

const kinds: Readonly<Record<string, Make>> = {
  Activation: (s) => activation(s, s.text('activation')),
  Add: () => new Join((x, y) => x.add(y)),
  Average: () => new Mean(),
  AveragePooling2D: (s) => new Pool('average', s),
  BatchNormalization: batchNormalization,
  Concatenate: () => new Concatenate(),
  Conv2D: convolution,
  Dense: dense,
  DepthwiseConv2D: depthwise,
  Dropout: (s) => new Dropout(s.number('rate')),
  ELU: (s) => new ELU({ alpha: s.number('alpha', 1) }),
  Embedding: embedding,
  Flatten: () => new Flatten(),
  GlobalAveragePooling2D: () => new Global((x) => x.mean([2, 3])),
  GlobalMaxPooling2D: () => new Global((x) => x.flatten(2).amax(2)),
  InputLayer: () => new Identity(),
  LeakyReLU: (s) => new LeakyReLU({ negativeSlope: s.number('alpha', 0.3) }),
  MaxPooling2D: (s) => new Pool('maximum', s),
  Maximum: () => new Join((x, y) => x.maximum(y)),
  Minimum: () => new Join((x, y) => x.minimum(y)),
  Multiply: () => new Join((x, y) => x.mul(y)),
  ReLU: rectifier,
  Reshape: (s) => new Reshape(s.list('target_shape')),
  Softmax: () => new Softmax(),
  SpatialDropout2D: (s) => new Dropout(s.number('rate')),
  Subtract: () => new Join((x, y) => x.sub(y)),
  UpSampling2D: upSampling,
  ZeroPadding2D: zeroPadding,
}

export const knownKinds: readonly string[] = Object.keys(kinds)

const activations: Readonly<Record<string, () => Layer>> = {
  elu: () => new ELU(),
  gelu: () => new GELU(),
  hard_sigmoid: () => new HardSigmoid(),
  linear: () => new Identity(),
  relu: () => new ReLU(),
  relu6: () => new ReLU6(),
  selu: () => new SELU(),
  sigmoid: () => new Sigmoid(),
  softmax: () => new Softmax(),
  softplus: () => new Softplus(),
  softsign: () => new Softsign(),
  swish: () => new SiLU(),
  tanh: () => new Tanh(),
}

function activation(settings: Settings, name: string): Layer {
  const make = Object.hasOwn(activations, name) ? activations[name] : undefined
  if (make) return make()
  throw settings.fail(`activation ${name} is not supported; expected one of ${Object.keys(activations).join(', ')}`)
}

/** The layer and its activation. */
function activated(settings: Settings, layer: Layer): Layer {
  const name = settings.text('activation', 'linear')
  return name === 'linear' ? layer : new Sequential({ layer, activation: activation(settings, name) })
}

/** A convolution whose padding depends on the size of its input. */
class SameConv2d extends Conv2d {
  override forward(x: Tensor): Tensor {
    const sizes = this.kernelSize.map((size, d) => (size - 1) * this.dilation[d]! + 1)
    return super.forward(samePadded(x, sizes, this.stride))
  }
}

interface ConvParts {
  readonly inChannels: number
  readonly outChannels: number
  readonly groups: number
  /** [outChannels, inChannels / groups, KH, KW]. */
  readonly kernel: Tensor
}

function convolve(settings: Settings, weight: WeightOf, { inChannels, outChannels, groups, kernel }: ConvParts): Layer {
  settings.only('data_format', 'channels_last')
  settings.only('padding', 'same', 'valid')
  const kernelSize = kernel.shape.slice(2) as [number, number]
  const [stride, dilation] = [settings.sizes('strides', 2, 1), settings.sizes('dilation_rate', 2, 1)]
  const bias = settings.flag('use_bias', true)
  const same = settings.text('padding', 'valid') === 'same'
  const margins = kernelSize.map((size, d) => (size - 1) * dilation[d]!)
  const fixed = same && stride.every((n) => n === 1) && margins.every((n) => n % 2 === 0)
  const options = { stride, dilation, groups, bias, padding: fixed ? margins.map((n) => n / 2) : 0 }
  const make = same && !fixed ? SameConv2d : Conv2d
  const conv = new make(inChannels, outChannels, kernelSize, options)
  conv.weight.assign(kernel)
  conv.bias?.assign(weight('bias'))
  return activated(settings, conv)
}

function convolution(settings: Settings, weight: WeightOf): Layer {
  const kernel = weight('kernel')
  const [, , perGroup, outChannels] = rankOf(settings, kernel, 4)
  const groups = settings.number('groups', 1)
  const parts = { inChannels: perGroup! * groups, outChannels: outChannels!, groups }
  return convolve(settings, weight, { ...parts, kernel: kernel.permute(3, 2, 0, 1) })
}

function depthwise(settings: Settings, weight: WeightOf): Layer {
  const kernel = weight('depthwise_kernel')
  const [height, width, channels, multiplier] = rankOf(settings, kernel, 4) as [number, number, number, number]
  const turned = kernel.permute(2, 3, 0, 1).reshape(channels * multiplier, 1, height, width)
  const parts = { inChannels: channels, outChannels: channels * multiplier, groups: channels }
  return convolve(settings, weight, { ...parts, kernel: turned })
}

/** A linear layer over the channels, wherever they are. */
class Dense extends Linear {
  override forward(x: Tensor): Tensor {
    return x.rank === 4 ? super.forward(x.permute(0, 2, 3, 1)).permute(0, 3, 1, 2) : super.forward(x)
  }
}

function dense(settings: Settings, weight: WeightOf): Layer {
  const kernel = weight('kernel')
  const [inputs, outputs] = rankOf(settings, kernel, 2)
  const linear = new Dense(inputs!, outputs!, { bias: settings.flag('use_bias', true) })
  linear.weight.assign(kernel.t())
  linear.bias?.assign(weight('bias'))
  return activated(settings, linear)
}

function batchNormalization(settings: Settings, weight: WeightOf): Layer {
  settings.only('axis', -1, 3, 1)
  const mean = weight('moving_mean')
  const [features] = rankOf(settings, mean, 1)
  const options = { eps: settings.number('epsilon', 1e-3), momentum: 1 - settings.number('momentum', 0.99) }
  const norm = new Normalization(features!, options)
  norm.runningMean?.assign(mean)
  norm.runningVar?.assign(weight('moving_variance'))
  if (settings.flag('scale', true)) norm.weight?.assign(weight('gamma'))
  if (settings.flag('center', true)) norm.bias?.assign(weight('beta'))
  return norm
}

/** Batch normalisation of images or rows, whichever come. */
class Normalization extends BatchNorm2d {
  override forward(x: Tensor): Tensor {
    return x.rank === 4 ? super.forward(x) : BatchNorm1d.prototype.forward.call(this, x)
  }
}

function embedding(_: Settings, weight: WeightOf): Layer {
  return Embedding.fromPretrained(weight('embeddings'), { freeze: false })
}

function rectifier(settings: Settings): Layer {
  const slope = settings.number('negative_slope', 0)
  settings.only('threshold', 0)
  settings.only('max_value', 6)
  if (settings.number('max_value', Number.POSITIVE_INFINITY) === 6) return new ReLU6()
  return slope === 0 ? new ReLU() : new LeakyReLU({ negativeSlope: slope })
}

function upSampling(settings: Settings): Layer {
  const [height, width] = settings.sizes('size', 2, 2)
  settings.only('interpolation', 'nearest')
  return new Upsample({ scaleFactor: [height!, width!], mode: 'nearest' })
}

function zeroPadding(settings: Settings): Layer {
  const [top, bottom, left, right] = settings.margins('padding')
  return new ZeroPad2d([left, right, top, bottom])
}

/** Pooling with windows that may reach over the border, whose elements do not count. */
class Pool extends Module {
  readonly kind: 'maximum' | 'average'
  readonly kernelSize: number[]
  readonly stride: number[]
  readonly same: boolean

  constructor(kind: 'maximum' | 'average', settings: Settings) {
    super()
    settings.only('data_format', 'channels_last')
    settings.only('padding', 'same', 'valid')
    this.kind = kind
    this.kernelSize = settings.sizes('pool_size', 2, 2)
    this.stride = settings.sizes('strides', 2, settings.sizes('pool_size', 2, 2)[0]!)
    this.same = settings.text('padding', 'valid') === 'same'
  }

  forward(x: Tensor): Tensor {
    return pool(this.kind, x, this)
  }
}

class Global extends Module {
  readonly reduce: (x: Tensor) => Tensor

  constructor(reduce: (x: Tensor) => Tensor) {
    super()
    this.reduce = reduce
  }

  forward(x: Tensor): Tensor {
    return this.reduce(x)
  }
}

class Softmax extends Module {
  forward(x: Tensor): Tensor {
    return softmax(x, x.rank === 4 ? 1 : -1)
  }
}

class Flatten extends Module {
  forward(x: Tensor): Tensor {
    return (x.rank === 4 ? x.permute(0, 2, 3, 1) : x).flatten(1)
  }
}

class Reshape extends Module {
  readonly target: readonly number[]

  constructor(target: readonly number[]) {
    super()
    this.target = target
  }

  forward(x: Tensor): Tensor {
    const rows = x.rank === 4 ? x.permute(0, 2, 3, 1) : x
    const y = rows.reshape(x.shape[0]!, ...this.target)
    return y.rank === 4 ? y.permute(0, 3, 1, 2) : y
  }
}

/** Joins its inputs two by two. */
class Join extends Module {
  readonly join: (x: Tensor, y: Tensor) => Tensor

  constructor(join: (x: Tensor, y: Tensor) => Tensor) {
    super()
    this.join = join
  }

  forward(...inputs: Tensor[]): Tensor {
    return inputs.reduce(this.join)
  }
}

class Mean extends Module {
  forward(...inputs: Tensor[]): Tensor {
    return inputs.reduce((x, y) => x.add(y)).div(inputs.length)
  }
}

/** Along the channels. */
class Concatenate extends Module {
  forward(...inputs: Tensor[]): Tensor {
    return concat(inputs, inputs[0]?.rank === 4 ? 1 : -1)
  }
}

function rankOf(settings: Settings, x: Tensor, rank: number): readonly number[] {
  if (x.rank === rank) return x.shape
  throw settings.fail(`a weight has shape [${x.shape.join(', ')}], expected ${rank} dimensions`)
}
