import { SiLU } from '../nn/activations/smooth.ts'
import { Sequential } from '../nn/containers.ts'
import { Dropout } from '../nn/layers/dropout.ts'
import { Linear } from '../nn/layers/linear.ts'
import { type Layer, Module } from '../nn/module.ts'
import type { Tensor } from '../tensor/tensor.ts'
import { convNorm, type MobileOptions, SqueezeExcitation, StochasticDepth } from './mobile-blocks.ts'
import { startConvolutions } from './resnet.ts'

/** Expansion, kernel size, stride, channels and number of blocks of each stage. */
const stages: readonly (readonly [number, number, number, number, number])[] = [
  [1, 3, 1, 16, 1],
  [6, 3, 2, 24, 2],
  [6, 5, 2, 40, 2],
  [6, 3, 2, 80, 3],
  [6, 5, 1, 112, 3],
  [6, 5, 2, 192, 4],
  [6, 3, 1, 320, 1],
]

/** Samples that the last block leaves out in training; earlier ones proportionally fewer. */
const lastDropProbability = 0.2

interface MBConvSettings extends Pick<MobileOptions, 'norm' | 'tensorflowPadding'> {
  readonly expansion: number
  readonly kernelSize: number
  readonly stride: number
  /** Probability of leaving the block out. */
  readonly drop: number
}

class MBConv extends Module {
  readonly adds: boolean
  block: Sequential
  stochasticDepth: StochasticDepth

  constructor(
    inChannels: number,
    channels: number,
    { expansion, kernelSize, stride, drop, norm = {}, tensorflowPadding = false }: MBConvSettings,
  ) {
    super()
    const hidden = inChannels * expansion
    const squeezed = Math.max(1, Math.floor(inChannels / 4))
    this.adds = stride === 1 && inChannels === channels
    this.block = new Sequential([
      ...(expansion === 1 ? [] : [convNorm(inChannels, hidden, 1, { activation: new SiLU(), norm })]),
      convNorm(hidden, hidden, kernelSize, {
        ...{ stride, groups: hidden, activation: new SiLU(), norm, tensorflowPadding },
      }),
      new SqueezeExcitation(hidden, squeezed, { activation: new SiLU() }),
      convNorm(hidden, channels, 1, { norm }),
    ])
    this.stochasticDepth = new StochasticDepth(drop)
  }

  forward(x: Tensor): Tensor {
    const y = this.block.forward(x)
    return this.adds ? x.add(this.stochasticDepth.forward(y)) : y
  }
}

/**
 * EfficientNet-B0 (Tan and Le 2019) with the names of torchvision: images [N, inChannels, H, W] → logits [N, numClasses],
 * 5.3 million parameters.
 */
export class EfficientNetB0 extends Module {
  features: Sequential
  classifier: Sequential

  constructor({ numClasses = 1000, inChannels = 3, norm = {}, tensorflowPadding = false }: MobileOptions = {}) {
    super()
    const total = stages.reduce((sum, stage) => sum + stage[4], 0)
    const features: Layer[] = [
      convNorm(inChannels, 32, 3, { stride: 2, activation: new SiLU(), norm, tensorflowPadding }),
    ]
    let before = 32
    let number = 0
    for (const [expansion, kernelSize, stride, channels, count] of stages) {
      const blocks = Array.from({ length: count }, (_, i) => {
        const drop = (lastDropProbability * number++) / total
        const settings = { expansion, kernelSize, stride: i === 0 ? stride : 1, drop, norm, tensorflowPadding }
        return new MBConv(i === 0 ? before : channels, channels, settings)
      })
      features.push(new Sequential(blocks))
      before = channels
    }
    features.push(convNorm(before, 1280, 1, { activation: new SiLU(), norm }))
    this.features = new Sequential(features)
    this.classifier = new Sequential(new Dropout(0.2), new Linear(1280, numClasses))
    startConvolutions(this)
  }

  forward(x: Tensor): Tensor {
    return this.classifier.forward(this.features.forward(x).mean([2, 3]))
  }
}
