import { HardSwish } from '../nn/activations/hard.ts'
import { ReLU, ReLU6 } from '../nn/activations/rectifiers.ts'
import { Sequential } from '../nn/containers.ts'
import { BatchNorm2d } from '../nn/layers/batch-norm.ts'
import { Conv2d } from '../nn/layers/conv.ts'
import { Dropout } from '../nn/layers/dropout.ts'
import { Linear } from '../nn/layers/linear.ts'
import { type Layer, Module } from '../nn/module.ts'
import type { Tensor } from '../tensor/tensor.ts'
import { convNorm, divisibleBy8, type MobileOptions, SqueezeExcitation } from './mobile-blocks.ts'
import type { ClassifierOptions } from './options.ts'
import { startConvolutions } from './resnet.ts'

/** Networks for small devices, with the names of torchvision. */

/** MobileNetV2's block (Sandler et al. 2018): wider 1×1, 3×3 on each channel alone, narrow 1×1, beside a shortcut. */
class InvertedResidualV2 extends Module {
  readonly adds: boolean
  conv: Sequential

  constructor(inChannels: number, outChannels: number, stride: number, expansion: number) {
    super()
    const hidden = inChannels * expansion
    this.adds = stride === 1 && inChannels === outChannels
    this.conv = new Sequential([
      ...(expansion === 1 ? [] : [convNorm(inChannels, hidden, 1, { activation: new ReLU6() })]),
      convNorm(hidden, hidden, 3, { stride, groups: hidden, activation: new ReLU6() }),
      new Conv2d(hidden, outChannels, 1, { bias: false }),
      new BatchNorm2d(outChannels),
    ])
  }

  forward(x: Tensor): Tensor {
    const y = this.conv.forward(x)
    return this.adds ? x.add(y) : y
  }
}

/** Expansion, channels, number and stride of the first of the blocks of each stage. */
const v2Stages: readonly (readonly [number, number, number, number])[] = [
  [1, 16, 1, 1],
  [6, 24, 2, 2],
  [6, 32, 3, 2],
  [6, 64, 4, 2],
  [6, 96, 3, 1],
  [6, 160, 3, 2],
  [6, 320, 1, 1],
]

export interface MobileNetV2Options extends ClassifierOptions {
  /** Channels of every layer, relative to those of the paper. Default 1. */
  readonly widthMult?: number
}

/** MobileNetV2: images [N, inChannels, H, W] → logits [N, numClasses], 3.5 million parameters unless told otherwise. */
export class MobileNetV2 extends Module {
  features: Sequential
  classifier: Sequential

  constructor({ numClasses = 1000, inChannels = 3, widthMult = 1 }: MobileNetV2Options = {}) {
    super()
    let before = divisibleBy8(32 * widthMult)
    const features: Layer[] = [convNorm(inChannels, before, 3, { stride: 2, activation: new ReLU6() })]
    for (const [expansion, channels, count, stride] of v2Stages) {
      const width = divisibleBy8(channels * widthMult)
      for (let i = 0; i < count; i++) {
        features.push(new InvertedResidualV2(before, width, i === 0 ? stride : 1, expansion))
        before = width
      }
    }
    const last = divisibleBy8(1280 * Math.max(1, widthMult))
    features.push(convNorm(before, last, 1, { activation: new ReLU6() }))
    this.features = new Sequential(features)
    this.classifier = new Sequential(new Dropout(0.2), new Linear(last, numClasses))
    startConvolutions(this)
  }

  forward(x: Tensor): Tensor {
    return this.classifier.forward(this.features.forward(x).mean([2, 3]))
  }
}

/** One block of MobileNetV3. */
interface V3Block {
  readonly kernelSize: number
  readonly hidden: number
  readonly channels: number
  readonly squeezes: boolean
  readonly activation: 'relu' | 'hardSwish'
  readonly stride: number
}

const block = (
  kernelSize: number,
  hidden: number,
  channels: number,
  squeezes: 'se' | '',
  activation: 'relu' | 'hardSwish',
  stride: number,
): V3Block => ({ kernelSize, hidden, channels, squeezes: squeezes === 'se', activation, stride })

const v3Blocks: Readonly<Record<'large' | 'small', readonly V3Block[]>> = {
  large: [
    block(3, 16, 16, '', 'relu', 1),
    block(3, 64, 24, '', 'relu', 2),
    block(3, 72, 24, '', 'relu', 1),
    block(5, 72, 40, 'se', 'relu', 2),
    block(5, 120, 40, 'se', 'relu', 1),
    block(5, 120, 40, 'se', 'relu', 1),
    block(3, 240, 80, '', 'hardSwish', 2),
    block(3, 200, 80, '', 'hardSwish', 1),
    block(3, 184, 80, '', 'hardSwish', 1),
    block(3, 184, 80, '', 'hardSwish', 1),
    block(3, 480, 112, 'se', 'hardSwish', 1),
    block(3, 672, 112, 'se', 'hardSwish', 1),
    block(5, 672, 160, 'se', 'hardSwish', 2),
    block(5, 960, 160, 'se', 'hardSwish', 1),
    block(5, 960, 160, 'se', 'hardSwish', 1),
  ],
  small: [
    block(3, 16, 16, 'se', 'relu', 2),
    block(3, 72, 24, '', 'relu', 2),
    block(3, 88, 24, '', 'relu', 1),
    block(5, 96, 40, 'se', 'hardSwish', 2),
    block(5, 240, 40, 'se', 'hardSwish', 1),
    block(5, 240, 40, 'se', 'hardSwish', 1),
    block(5, 120, 48, 'se', 'hardSwish', 1),
    block(5, 144, 48, 'se', 'hardSwish', 1),
    block(5, 288, 96, 'se', 'hardSwish', 2),
    block(5, 576, 96, 'se', 'hardSwish', 1),
    block(5, 576, 96, 'se', 'hardSwish', 1),
  ],
}

export interface MobileNetV3Options extends MobileOptions {
  /** Channels of every layer but the last two, relative to those of the paper; blocks expand by the same factors. Default 1. */
  readonly widthMult?: number
  /** Whether 3×3 convolutions and ReLU alone take the place of 5×5 ones, squeezing and hard swish. Default false. */
  readonly minimal?: boolean
}

/** Blocks of one size, after a stem of `stemChannels`. */
function scaled(
  blocks: readonly V3Block[],
  stemChannels: number,
  { widthMult, minimal }: Required<Pick<MobileNetV3Options, 'widthMult' | 'minimal'>>,
): V3Block[] {
  const simple = minimal ? ({ kernelSize: 3, squeezes: false, activation: 'relu' } as const) : {}
  let [before, inChannels] = [16, stemChannels]
  return blocks.map((settings) => {
    const hidden = divisibleBy8((inChannels * settings.hidden) / before)
    before = settings.channels
    inChannels = divisibleBy8(before * widthMult)
    return { ...settings, ...simple, hidden, channels: inChannels }
  })
}

type V3Common = Required<Pick<MobileOptions, 'norm' | 'tensorflowPadding'>>

class InvertedResidualV3 extends Module {
  readonly adds: boolean
  block: Sequential

  constructor(
    inChannels: number,
    { kernelSize, hidden, channels, squeezes, activation, stride }: V3Block,
    { norm, tensorflowPadding }: V3Common,
  ) {
    super()
    const act = (): Layer => (activation === 'relu' ? new ReLU() : new HardSwish())
    this.adds = stride === 1 && inChannels === channels
    this.block = new Sequential([
      ...(hidden === inChannels ? [] : [convNorm(inChannels, hidden, 1, { activation: act(), norm })]),
      convNorm(hidden, hidden, kernelSize, { stride, groups: hidden, activation: act(), norm, tensorflowPadding }),
      ...(squeezes
        ? [new SqueezeExcitation(hidden, divisibleBy8(Math.floor(hidden / 4)), { gate: 'hardSigmoid' })]
        : []),
      convNorm(hidden, channels, 1, { norm }),
    ])
  }

  forward(x: Tensor): Tensor {
    const y = this.block.forward(x)
    return this.adds ? x.add(y) : y
  }
}

/**
 * MobileNetV3 (Howard et al. 2019): images [N, inChannels, H, W] → logits [N, numClasses], 5.5 (large) or 2.5 (small) million
 * parameters unless told otherwise. Batch normalisation has `eps` 1e-3 and `momentum` 0.01 by default, as the authors set it.
 */
export class MobileNetV3 extends Module {
  features: Sequential
  classifier: Sequential

  constructor(
    size: 'large' | 'small',
    {
      numClasses = 1000,
      inChannels = 3,
      widthMult = 1,
      minimal = false,
      norm = { eps: 1e-3, momentum: 0.01 },
      tensorflowPadding = false,
    }: MobileNetV3Options = {},
  ) {
    super()
    const act = (): Layer => (minimal ? new ReLU() : new HardSwish())
    // The stem of the narrowest networks stays as it is.
    let before = widthMult < 0.75 ? 16 : divisibleBy8(16 * widthMult)
    const features: Layer[] = [
      convNorm(inChannels, before, 3, { stride: 2, activation: act(), norm, tensorflowPadding }),
    ]
    for (const settings of scaled(v3Blocks[size], before, { widthMult, minimal })) {
      features.push(new InvertedResidualV3(before, settings, { norm, tensorflowPadding }))
      before = settings.channels
    }
    features.push(convNorm(before, 6 * before, 1, { activation: act(), norm }))
    this.features = new Sequential(features)
    const hidden = size === 'large' ? 1280 : 1024
    this.classifier = new Sequential(
      ...[new Linear(6 * before, hidden), act(), new Dropout(0.2), new Linear(hidden, numClasses)],
    )
    startConvolutions(this)
  }

  forward(x: Tensor): Tensor {
    return this.classifier.forward(this.features.forward(x).mean([2, 3]))
  }
}
