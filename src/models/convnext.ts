import { GELU } from '../nn/activations/smooth.ts'
import { Sequential } from '../nn/containers.ts'
import { truncNormal, zeros } from '../nn/init.ts'
import { Conv2d } from '../nn/layers/conv.ts'
import { Flatten } from '../nn/layers/flatten.ts'
import { LayerNorm } from '../nn/layers/layer-norm.ts'
import { Linear } from '../nn/layers/linear.ts'
import { type Layer, Module } from '../nn/module.ts'
import { snakeCase } from '../nn/names.ts'
import { Parameter } from '../nn/parameter.ts'
import { full } from '../tensor/creation.ts'
import type { Tensor } from '../tensor/tensor.ts'
import { StochasticDepth } from './mobile-blocks.ts'
import type { ClassifierOptions } from './options.ts'

/** ConvNeXt (Liu et al., "A ConvNet for the 2020s", 2022) with the names of torchvision. */

export interface ConvNeXtOptions extends ClassifierOptions {
  /** Number of blocks in each of the four stages. Default [3, 3, 9, 3]. */
  readonly depths?: readonly [number, number, number, number]
  /** Channels of the first stage, doubled by each further one. Default 96. */
  readonly width?: number
  /** Probability that the last block is left out in training; earlier ones proportionally less. Default 0.1. */
  readonly dropPath?: number
}

class Permute extends Module {
  readonly dims: readonly number[]

  constructor(...dims: readonly number[]) {
    super()
    this.dims = dims
  }

  forward(x: Tensor): Tensor {
    return x.permute(...this.dims)
  }
}

/** Normalises the channels of each pixel: x [N, C, H, W]. */
class LayerNorm2d extends LayerNorm {
  override forward(x: Tensor): Tensor {
    return super.forward(x.permute(0, 2, 3, 1)).permute(0, 3, 1, 2)
  }
}

class Block extends Module {
  layerScale: Parameter
  block: Sequential
  stochasticDepth: StochasticDepth

  constructor(channels: number, drop: number) {
    super()
    this.layerScale = new Parameter(full([channels, 1, 1], 1e-6))
    this.block = new Sequential(
      ...[new Conv2d(channels, channels, 7, { padding: 3, groups: channels }), new Permute(0, 2, 3, 1)],
      ...[new LayerNorm(channels, { eps: 1e-6 }), new Linear(channels, 4 * channels), new GELU()],
      ...[new Linear(4 * channels, channels), new Permute(0, 3, 1, 2)],
    )
    this.stochasticDepth = new StochasticDepth(drop)
  }

  protected override stateName(property: string): string {
    return snakeCase(property)
  }

  forward(x: Tensor): Tensor {
    return x.add(this.stochasticDepth.forward(this.block.forward(x).mul(this.layerScale)))
  }
}

/** Images [N, inChannels, H, W] → logits [N, numClasses]; ConvNeXt-T, 28.6 million parameters, unless told otherwise. */
export class ConvNeXt extends Module {
  features: Sequential
  classifier: Sequential

  constructor({
    numClasses = 1000,
    inChannels = 3,
    depths = [3, 3, 9, 3],
    width = 96,
    dropPath = 0.1,
  }: ConvNeXtOptions = {}) {
    super()
    const total = depths.reduce((sum, depth) => sum + depth, 0)
    let number = 0
    const stem = [new Conv2d(inChannels, width, 4, { stride: 4 }), new LayerNorm2d(width, { eps: 1e-6 })]
    const features: Layer[] = [new Sequential(stem)]
    for (const [i, depth] of depths.entries()) {
      const channels = width * 2 ** i
      const drop = (): number => (dropPath * number++) / Math.max(1, total - 1)
      features.push(new Sequential(Array.from({ length: depth }, () => new Block(channels, drop()))))
      if (i === depths.length - 1) break
      const norm = new LayerNorm2d(channels, { eps: 1e-6 })
      features.push(new Sequential(norm, new Conv2d(channels, 2 * channels, 2, { stride: 2 })))
    }
    const last = width * 8
    this.features = new Sequential(features)
    this.classifier = new Sequential(new LayerNorm2d(last, { eps: 1e-6 }), new Flatten(), new Linear(last, numClasses))
    for (const module of this.modules()) {
      if (!(module instanceof Conv2d || module instanceof Linear)) continue
      truncNormal(module.weight, { std: 0.02 })
      if (module.bias) zeros(module.bias)
    }
  }

  forward(x: Tensor): Tensor {
    return this.classifier.forward(this.features.forward(x).mean([2, 3], { keepdim: true }))
  }
}
