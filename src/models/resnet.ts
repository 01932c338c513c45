import { kaimingNormal } from '../nn/init.ts'
import { ReLU } from '../nn/activations/rectifiers.ts'
import { Sequential } from '../nn/containers.ts'
import { AdaptiveAvgPool2d } from '../nn/layers/adaptive-pool.ts'
import { BatchNorm2d } from '../nn/layers/batch-norm.ts'
import { Conv2d } from '../nn/layers/conv.ts'
import { Linear } from '../nn/layers/linear.ts'
import { MaxPool2d } from '../nn/layers/max-pool.ts'
import { Module } from '../nn/module.ts'
import type { Tensor } from '../tensor/tensor.ts'
import type { ClassifierOptions } from './options.ts'

/** Residual networks (He et al., "Deep residual learning for image recognition", 2015) with the names of torchvision and timm. */

export interface ResNetOptions extends ClassifierOptions {
  /** Channels of the first convolution; the four stages have 1, 2, 4 and 8 times as many. Default 64. */
  readonly width?: number
}

type Shortcut = Sequential | undefined

/** What the shortcut does where a block changes size: a 1×1 convolution (option B of the paper). */
function shortcutFor(inChannels: number, outChannels: number, stride: number): Shortcut {
  if (stride === 1 && inChannels === outChannels) return undefined
  return new Sequential(new Conv2d(inChannels, outChannels, 1, { stride, bias: false }), new BatchNorm2d(outChannels))
}

/** Two 3×3 convolutions beside a shortcut. */
export class BasicBlock extends Module {
  static readonly expansion = 1
  conv1: Conv2d
  bn1: BatchNorm2d
  relu: ReLU = new ReLU()
  conv2: Conv2d
  bn2: BatchNorm2d
  downsample: Shortcut

  constructor(inChannels: number, channels: number, stride: number) {
    super()
    this.conv1 = new Conv2d(inChannels, channels, 3, { stride, padding: 1, bias: false })
    this.bn1 = new BatchNorm2d(channels)
    this.conv2 = new Conv2d(channels, channels, 3, { padding: 1, bias: false })
    this.bn2 = new BatchNorm2d(channels)
    this.downsample = shortcutFor(inChannels, channels, stride)
  }

  forward(x: Tensor): Tensor {
    const y = this.relu.forward(this.bn1.forward(this.conv1.forward(x)))
    const z = this.bn2.forward(this.conv2.forward(y))
    return this.relu.forward(z.add(this.downsample ? this.downsample.forward(x) : x))
  }
}

/** 1×1, 3×3 and 1×1 convolutions beside a shortcut; the stride is at the 3×3 one, as in torchvision (ResNet 1.5). */
export class Bottleneck extends Module {
  static readonly expansion = 4
  conv1: Conv2d
  bn1: BatchNorm2d
  conv2: Conv2d
  bn2: BatchNorm2d
  conv3: Conv2d
  bn3: BatchNorm2d
  relu: ReLU = new ReLU()
  downsample: Shortcut

  constructor(inChannels: number, channels: number, stride: number) {
    super()
    const outChannels = channels * Bottleneck.expansion
    this.conv1 = new Conv2d(inChannels, channels, 1, { bias: false })
    this.bn1 = new BatchNorm2d(channels)
    this.conv2 = new Conv2d(channels, channels, 3, { stride, padding: 1, bias: false })
    this.bn2 = new BatchNorm2d(channels)
    this.conv3 = new Conv2d(channels, outChannels, 1, { bias: false })
    this.bn3 = new BatchNorm2d(outChannels)
    this.downsample = shortcutFor(inChannels, outChannels, stride)
  }

  forward(x: Tensor): Tensor {
    let y = this.relu.forward(this.bn1.forward(this.conv1.forward(x)))
    y = this.relu.forward(this.bn2.forward(this.conv2.forward(y)))
    y = this.bn3.forward(this.conv3.forward(y))
    return this.relu.forward(y.add(this.downsample ? this.downsample.forward(x) : x))
  }
}

/** Images [N, inChannels, H, W] → logits [N, numClasses]; made for 224×224, any size from 32×32 on will do. */
export class ResNet extends Module {
  conv1: Conv2d
  bn1: BatchNorm2d
  relu: ReLU = new ReLU()
  maxpool: MaxPool2d = new MaxPool2d(3, { stride: 2, padding: 1 })
  layer1: Sequential
  layer2: Sequential
  layer3: Sequential
  layer4: Sequential
  avgpool: AdaptiveAvgPool2d = new AdaptiveAvgPool2d(1)
  fc: Linear

  /** `depths`: number of blocks in each of the four stages. */
  constructor(
    block: typeof BasicBlock | typeof Bottleneck,
    depths: readonly [number, number, number, number],
    { numClasses = 1000, inChannels = 3, width = 64 }: ResNetOptions = {},
  ) {
    super()
    this.conv1 = new Conv2d(inChannels, width, 7, { stride: 2, padding: 3, bias: false })
    this.bn1 = new BatchNorm2d(width)
    const stage = (i: number): Sequential => {
      const channels = width * 2 ** i
      const before = i === 0 ? width : (channels / 2) * block.expansion
      const blocks = Array.from({ length: depths[i]! }, (_, j) =>
        j === 0 ? new block(before, channels, i === 0 ? 1 : 2) : new block(channels * block.expansion, channels, 1),
      )
      return new Sequential(blocks)
    }
    this.layer1 = stage(0)
    this.layer2 = stage(1)
    this.layer3 = stage(2)
    this.layer4 = stage(3)
    this.fc = new Linear(width * 8 * block.expansion, numClasses)
    startConvolutions(this)
  }

  /** The last feature map [N, C, H / 32, W / 32]. */
  forwardFeatures(x: Tensor): Tensor {
    const y = this.maxpool.forward(this.relu.forward(this.bn1.forward(this.conv1.forward(x))))
    return this.layer4.forward(this.layer3.forward(this.layer2.forward(this.layer1.forward(y))))
  }

  forward(x: Tensor): Tensor {
    return this.fc.forward(this.avgpool.forward(this.forwardFeatures(x)).flatten(1))
  }
}

/** Normal with the variance 2 / fanOut for all convolutions (He et al. 2015). */
export function startConvolutions(model: Module): void {
  for (const module of model.modules()) {
    if (module instanceof Conv2d) kaimingNormal(module.weight, { mode: 'fanOut', nonlinearity: 'relu' })
  }
}

/** ResNet-18: 11.7 million parameters. */
export function resnet18(options: ResNetOptions = {}): ResNet {
  return new ResNet(BasicBlock, [2, 2, 2, 2], options)
}

/** ResNet-34: 21.8 million parameters. */
export function resnet34(options: ResNetOptions = {}): ResNet {
  return new ResNet(BasicBlock, [3, 4, 6, 3], options)
}

/** ResNet-50: 25.6 million parameters. */
export function resnet50(options: ResNetOptions = {}): ResNet {
  return new ResNet(Bottleneck, [3, 4, 6, 3], options)
}

/** ResNet-101: 44.5 million parameters. */
export function resnet101(options: ResNetOptions = {}): ResNet {
  return new ResNet(Bottleneck, [3, 4, 23, 3], options)
}

/** ResNet-152: 60.2 million parameters. */
export function resnet152(options: ResNetOptions = {}): ResNet {
  return new ResNet(Bottleneck, [3, 8, 36, 3], options)
}
