import { ReLU } from '../../nn/activations/rectifiers.ts'
import { Sequential } from '../../nn/containers.ts'
import { Conv2d } from '../../nn/layers/conv.ts'
import { Flatten } from '../../nn/layers/flatten.ts'
import { Linear } from '../../nn/layers/linear.ts'
import { MaxPool2d } from '../../nn/layers/max-pool.ts'
import { Module } from '../../nn/module.ts'
import type { Tensor } from '../../tensor/tensor.ts'

/**
 * A small convolutional network after LeNet-5 (LeCun, Bottou, Bengio & Haffner, "Gradient-based learning applied to document
 * recognition", 1998), with rectifiers and maxima in place of sigmoids and averages: images [N, 1, 28, 28] to
 * logits [N, 10]. 37,106 parameters.
 */
export class LeNet extends Module {
  features: Sequential = new Sequential(
    new Conv2d(1, 6, 5, { padding: 2 }),
    new ReLU(),
    new MaxPool2d(2),
    new Conv2d(6, 16, 5),
    new ReLU(),
    new MaxPool2d(2),
    new Flatten(),
  )
  classifier: Sequential = new Sequential(new Linear(400, 84), new ReLU(), new Linear(84, 10))

  forward(x: Tensor): Tensor {
    return this.classifier.forward(this.features.forward(x))
  }
}
