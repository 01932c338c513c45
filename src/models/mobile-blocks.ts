import { HardSigmoid } from '../nn/activations/hard.ts'
import { ReLU } from '../nn/activations/rectifiers.ts'
import { Sigmoid } from '../nn/activations/smooth.ts'
import { Sequential } from '../nn/containers.ts'
import { AdaptiveAvgPool2d } from '../nn/layers/adaptive-pool.ts'
import { BatchNorm2d, type RunningNormOptions } from '../nn/layers/batch-norm.ts'
import { Conv2d } from '../nn/layers/conv.ts'
import { dropout } from '../nn/functional/dropout.ts'
import { type Layer, Module } from '../nn/module.ts'
import { ones } from '../tensor/creation.ts'
import type { Tensor } from '../tensor/tensor.ts'
import type { ClassifierOptions } from './options.ts'

/** Parts that the networks for small devices share, with the names of torchvision. */

/** The nearest multiple of 8 that is not more than a tenth below `channels`. */
export function divisibleBy8(channels: number): number {
  const rounded = Math.max(8, Math.floor((channels + 4) / 8) * 8)
  return rounded < 0.9 * channels ? rounded + 8 : rounded
}

export interface ConvNormOptions {
  readonly stride?: number
  readonly groups?: number
  /** Default none. */
  readonly activation?: Layer | undefined
  readonly norm?: RunningNormOptions
  /** See {@link MobileOptions}. Default false. */
  readonly tensorflowPadding?: boolean
}

/** What networks for small devices let one choose. */
export interface MobileOptions extends ClassifierOptions {
  /** `eps` and `momentum` of batch normalisation. Default: those of torchvision. */
  readonly norm?: Pick<RunningNormOptions, 'eps' | 'momentum'>
  /** Pads as TensorFlow does, by one zero more at the lower right where strides want an odd number. Default false: all sides alike. */
  readonly tensorflowPadding?: boolean
}

/** Convolution that keeps the size, batch normalisation, activation. */
export function convNorm(
  inChannels: number,
  outChannels: number,
  kernelSize: number,
  { stride = 1, groups = 1, activation, norm = {}, tensorflowPadding = false }: ConvNormOptions = {},
): Sequential {
  const conv =
    tensorflowPadding && stride > 1
      ? new SamePaddedConv2d(inChannels, outChannels, kernelSize, { stride, groups, bias: false })
      : new Conv2d(inChannels, outChannels, kernelSize, { stride, padding: (kernelSize - 1) / 2, groups, bias: false })
  return new Sequential([conv, new BatchNorm2d(outChannels, norm), ...(activation ? [activation] : [])])
}

/** As many zeros as give ⌈H / stride⌉ rows and ⌈W / stride⌉ columns, of an odd number one more at the end than at the beginning. */
class SamePaddedConv2d extends Conv2d {
  protected override padded(x: Tensor): Tensor {
    const [rows, columns] = this.kernelSize.map((k, d) => {
      const [extent, step] = [x.shape[x.rank - 2 + d]!, this.stride[d]!]
      return Math.max(0, (Math.ceil(extent / step) - 1) * step + k - extent)
    }) as [number, number]
    return x.pad([Math.floor(columns / 2), Math.ceil(columns / 2), Math.floor(rows / 2), Math.ceil(rows / 2)])
  }
}

export interface SqueezeOptions {
  /** Between the two layers. Default ReLU. */
  readonly activation?: Layer
  /** `'sigmoid'` or its piecewise linear form. Default `'sigmoid'`. */
  readonly gate?: 'sigmoid' | 'hardSigmoid'
}

/** Squeeze and excitation (Hu et al. 2017): scales each channel by what the means of all say. */
export class SqueezeExcitation extends Module {
  avgpool: AdaptiveAvgPool2d = new AdaptiveAvgPool2d(1)
  fc1: Conv2d
  fc2: Conv2d
  activation: Layer
  scaleActivation: Layer

  constructor(channels: number, squeezed: number, { activation = new ReLU(), gate = 'sigmoid' }: SqueezeOptions = {}) {
    super()
    this.fc1 = new Conv2d(channels, squeezed, 1)
    this.fc2 = new Conv2d(squeezed, channels, 1)
    this.activation = activation
    this.scaleActivation = gate === 'sigmoid' ? new Sigmoid() : new HardSigmoid()
  }

  forward(x: Tensor): Tensor {
    const squeezed = this.activation.forward(this.fc1.forward(this.avgpool.forward(x)))
    return x.mul(this.scaleActivation.forward(this.fc2.forward(squeezed)))
  }
}

/** Zeros whole samples of a residual branch in training (Huang et al., "Deep networks with stochastic depth", 2016). */
export class StochasticDepth extends Module {
  readonly p: number

  constructor(p: number) {
    super()
    this.p = p
  }

  forward(x: Tensor): Tensor {
    if (!this.training || this.p === 0) return x
    return x.mul(dropout(ones([x.shape[0]!, ...x.shape.slice(1).map(() => 1)]), { p: this.p }))
  }
}
