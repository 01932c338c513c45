import { ValueError } from '../core/errors.ts'
import { relu } from '../nn/functional/activations.ts'
import { Sequential } from '../nn/containers.ts'
import { BatchNorm2d } from '../nn/layers/batch-norm.ts'
import { Conv2d } from '../nn/layers/conv.ts'
import { Linear } from '../nn/layers/linear.ts'
import { Module } from '../nn/module.ts'
import type { Tensor } from '../tensor/tensor.ts'
import { startConvolutions } from './resnet.ts'

/**
 * The residual networks for 32×32 images of section 4.2 of He et al. 2015, with parameter-free shortcuts (option A). Names are
 * those of https://github.com/akamaster/pytorch_resnet_cifar10.
 */

export interface CifarResNetOptions {
  /** Default 10. */
  readonly numClasses?: number
  /** Channels of the images. Default 3. */
  readonly inChannels?: number
}

class CifarBlock extends Module {
  readonly stride: number
  conv1: Conv2d
  bn1: BatchNorm2d
  conv2: Conv2d
  bn2: BatchNorm2d

  constructor(inChannels: number, channels: number, stride: number) {
    super()
    this.stride = stride
    this.conv1 = new Conv2d(inChannels, channels, 3, { stride, padding: 1, bias: false })
    this.bn1 = new BatchNorm2d(channels)
    this.conv2 = new Conv2d(channels, channels, 3, { padding: 1, bias: false })
    this.bn2 = new BatchNorm2d(channels)
  }

  forward(x: Tensor): Tensor {
    const y = relu(this.bn1.forward(this.conv1.forward(x)))
    return relu(this.bn2.forward(this.conv2.forward(y)).add(this.shortcut(x)))
  }

  /** Every second pixel, and zeros for the channels that are new, half of them before the old ones. */
  private shortcut(x: Tensor): Tensor {
    if (this.stride === 1) return x
    const before = this.conv2.outChannels / 4
    return x.at(':', ':', '::2', '::2').pad([0, 0, 0, 0, before, before])
  }
}

/** Images [N, inChannels, 32, 32] → logits [N, numClasses]. */
export class CifarResNet extends Module {
  conv1: Conv2d
  bn1: BatchNorm2d
  layer1: Sequential
  layer2: Sequential
  layer3: Sequential
  linear: Linear

  /** `depth`: 6n + 2 layers with weights, such as 20, 32, 44, 56 or 110. */
  constructor(depth: number, { numClasses = 10, inChannels = 3 }: CifarResNetOptions = {}) {
    super()
    const n = (depth - 2) / 6
    if (!Number.isInteger(n) || n < 1) throw new ValueError('CifarResNet', `depth must be 6n + 2, received ${depth}`)
    const stage = (before: number, channels: number): Sequential =>
      new Sequential(
        Array.from({ length: n }, (_, j) =>
          j === 0
            ? new CifarBlock(before, channels, before === channels ? 1 : 2)
            : new CifarBlock(channels, channels, 1),
        ),
      )
    this.conv1 = new Conv2d(inChannels, 16, 3, { padding: 1, bias: false })
    this.bn1 = new BatchNorm2d(16)
    this.layer1 = stage(16, 16)
    this.layer2 = stage(16, 32)
    this.layer3 = stage(32, 64)
    this.linear = new Linear(64, numClasses)
    startConvolutions(this)
  }

  /** The features before the last layer [N, 64]. */
  forwardFeatures(x: Tensor): Tensor {
    const y = relu(this.bn1.forward(this.conv1.forward(x)))
    return this.layer3.forward(this.layer2.forward(this.layer1.forward(y))).mean([2, 3])
  }

  forward(x: Tensor): Tensor {
    return this.linear.forward(this.forwardFeatures(x))
  }
}

/** ResNet-20 for CIFAR-10: 0.27 million parameters. */
export function cifarResnet20(options: CifarResNetOptions = {}): CifarResNet {
  return new CifarResNet(20, options)
}

/** ResNet-56 for CIFAR-10: 0.85 million parameters. */
export function cifarResnet56(options: CifarResNetOptions = {}): CifarResNet {
  return new CifarResNet(56, options)
}

/** ResNet-110 for CIFAR-10: 1.7 million parameters. */
export function cifarResnet110(options: CifarResNetOptions = {}): CifarResNet {
  return new CifarResNet(110, options)
}
