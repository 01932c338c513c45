import { adaptiveAvgPool2d } from '../../nn/functional/adaptive.ts'
import { unfold } from '../../nn/functional/fold.ts'
import type { Tensor } from '../../tensor/tensor.ts'
import { Vgg, type VggLayers } from '../classic.ts'
import { changes, classesOf } from './arguments.ts'
import { type Family, reword, type Words } from './family.ts'

/** The hidden layers of the classifier are convolutions over all of the 7×7 pixels, and over one. */
const words: Words = [
  [/^classifier\.0\./, 'pre_logits.fc1.'],
  [/^classifier\.3\./, 'pre_logits.fc2.'],
  [/^classifier\.6\./, 'head.fc.'],
]

const form = /^vgg(11|13|16|19)(_bn)?$/

export const vggFamily: Family = {
  names: ['vgg11', 'vgg13', 'vgg16', 'vgg19', 'vgg<n>_bn'],
  find(name) {
    const [, layers, norm] = form.exec(name) ?? []
    if (layers === undefined) return undefined
    return {
      make(config) {
        config.only('global_pool', 'avg')
        const hiddenDim = Math.floor(4096 * changes(config, ['mlp_ratio']).number('mlp_ratio', 1))
        const options = { ...classesOf(config), batchNorm: norm !== undefined, hiddenDim }
        return new SlidingVgg(Number(layers) as VggLayers, options)
      },
      head: 'classifier.6',
      published: {
        name: (own) => reword(own, words),
        shape(own, shape) {
          if (own === 'classifier.0.weight') return [shape[0]!, 512, 7, 7]
          return own === 'classifier.3.weight' ? [...shape, 1, 1] : shape
        },
      },
    }
  },
}

/**
 * Sees images of more than 224 pixels in windows of that size and takes the mean of what the hidden layers make of them, where torchvision
 * shrinks the last feature map to 7×7.
 */
class SlidingVgg extends Vgg {
  override forward(x: Tensor): Tensor {
    const features = this.features.forward(x)
    const [rows, columns] = features.shape.slice(2) as [number, number]
    if (rows <= 7 && columns <= 7) return this.classifier.forward(this.avgpool.forward(features).flatten(1))
    const map = adaptiveAvgPool2d(features, [Math.max(7, rows), Math.max(7, columns)])
    const windows = unfold(map, 7).transpose(1, 2) // [N, windows, 512 · 7 · 7]
    const hidden = this.classifier.slice(0, -1).forward(windows)
    return this.classifier.at(-1).forward(hidden.mean(1))
  }
}
