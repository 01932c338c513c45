import { ReLU } from '../nn/activations/rectifiers.ts'
import { Tanh } from '../nn/activations/smooth.ts'
import { Sequential } from '../nn/containers.ts'
import { AdaptiveAvgPool2d } from '../nn/layers/adaptive-pool.ts'
import { AvgPool2d } from '../nn/layers/avg-pool.ts'
import { BatchNorm2d } from '../nn/layers/batch-norm.ts'
import { Conv2d } from '../nn/layers/conv.ts'
import { Dropout } from '../nn/layers/dropout.ts'
import { Flatten } from '../nn/layers/flatten.ts'
import { Linear } from '../nn/layers/linear.ts'
import { MaxPool2d } from '../nn/layers/max-pool.ts'
import { type Layer, Module } from '../nn/module.ts'
import type { Tensor } from '../tensor/tensor.ts'
import type { ClassifierOptions } from './options.ts'

/** Convolutional networks without shortcuts. */

/** LeNet-5 (LeCun et al. 1998) with full connections: [N, inChannels, 28, 28] → logits [N, numClasses], 10 by default. */
export class LeNet extends Module {
  features: Sequential
  classifier: Sequential

  constructor({ numClasses = 10, inChannels = 1 }: ClassifierOptions = {}) {
    super()
    this.features = new Sequential(
      ...[new Conv2d(inChannels, 6, 5, { padding: 2 }), new Tanh(), new AvgPool2d(2)],
      ...[new Conv2d(6, 16, 5), new Tanh(), new AvgPool2d(2)],
    )
    this.classifier = new Sequential(
      ...[new Flatten(), new Linear(400, 120), new Tanh(), new Linear(120, 84), new Tanh(), new Linear(84, numClasses)],
    )
  }

  forward(x: Tensor): Tensor {
    return this.classifier.forward(this.features.forward(x))
  }
}

export interface DropoutClassifierOptions extends ClassifierOptions {
  /** Probability of dropping a feature of the classifier. Default 0.5. */
  readonly dropout?: number
}

/**
 * AlexNet as torchvision has it (Krizhevsky, "One weird trick for parallelizing convolutional neural networks", 2014): images
 * [N, inChannels, 224, 224] → logits [N, numClasses], 61 million parameters.
 */
export class AlexNet extends Module {
  features: Sequential
  avgpool: AdaptiveAvgPool2d = new AdaptiveAvgPool2d(6)
  classifier: Sequential

  constructor({ numClasses = 1000, inChannels = 3, dropout = 0.5 }: DropoutClassifierOptions = {}) {
    super()
    const pool = (): Layer => new MaxPool2d(3, { stride: 2 })
    this.features = new Sequential(
      ...[new Conv2d(inChannels, 64, 11, { stride: 4, padding: 2 }), new ReLU(), pool()],
      ...[new Conv2d(64, 192, 5, { padding: 2 }), new ReLU(), pool()],
      ...[new Conv2d(192, 384, 3, { padding: 1 }), new ReLU()],
      ...[new Conv2d(384, 256, 3, { padding: 1 }), new ReLU()],
      ...[new Conv2d(256, 256, 3, { padding: 1 }), new ReLU(), pool()],
    )
    this.classifier = new Sequential(
      ...[new Dropout(dropout), new Linear(256 * 6 * 6, 4096), new ReLU()],
      ...[new Dropout(dropout), new Linear(4096, 4096), new ReLU(), new Linear(4096, numClasses)],
    )
  }

  forward(x: Tensor): Tensor {
    return this.classifier.forward(this.avgpool.forward(this.features.forward(x)).flatten(1))
  }
}

export interface VggOptions extends DropoutClassifierOptions {
  /** Batch normalisation after every convolution, as in `vgg16_bn`. Default false. */
  readonly batchNorm?: boolean
  /** Width of the first of the two hidden layers of the classifier. Default 4096, as the second. */
  readonly hiddenDim?: number
}

/** Layers with weights that a VGG may have. */
export type VggLayers = 11 | 13 | 16 | 19

/** Channels of the convolutions of each of the five stages. */
const vggStages: Readonly<Record<VggLayers, readonly (readonly number[])[]>> = {
  11: [[64], [128], [256, 256], [512, 512], [512, 512]],
  13: [
    [64, 64],
    [128, 128],
    [256, 256],
    [512, 512],
    [512, 512],
  ],
  16: [
    [64, 64],
    [128, 128],
    [256, 256, 256],
    [512, 512, 512],
    [512, 512, 512],
  ],
  19: [
    [64, 64],
    [128, 128],
    [256, 256, 256, 256],
    [512, 512, 512, 512],
    [512, 512, 512, 512],
  ],
}

/**
 * VGG of 11, 13, 16 or 19 layers (Simonyan and Zisserman 2014) with the names of torchvision: images
 * [N, inChannels, 224, 224] → logits [N, numClasses], 133 to 144 million parameters.
 */
export class Vgg extends Module {
  features: Sequential
  avgpool: AdaptiveAvgPool2d = new AdaptiveAvgPool2d(7)
  classifier: Sequential

  constructor(
    layers: VggLayers,
    { numClasses = 1000, inChannels = 3, dropout = 0.5, batchNorm = false, hiddenDim = 4096 }: VggOptions = {},
  ) {
    super()
    const features: Layer[] = []
    let before = inChannels
    for (const stage of vggStages[layers]) {
      for (const channels of stage) {
        features.push(new Conv2d(before, channels, 3, { padding: 1 }))
        if (batchNorm) features.push(new BatchNorm2d(channels))
        features.push(new ReLU())
        before = channels
      }
      features.push(new MaxPool2d(2))
    }
    this.features = new Sequential(features)
    this.classifier = new Sequential(
      ...[new Linear(512 * 7 * 7, hiddenDim), new ReLU(), new Dropout(dropout)],
      ...[new Linear(hiddenDim, 4096), new ReLU(), new Dropout(dropout), new Linear(4096, numClasses)],
    )
  }

  forward(x: Tensor): Tensor {
    return this.classifier.forward(this.avgpool.forward(this.features.forward(x)).flatten(1))
  }
}
