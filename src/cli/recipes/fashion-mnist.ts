import * as v from 'valibot'
import { mapSamples } from '../../data/operators.ts'
import { fashionClasses, fashionMnist } from '../../data/named-sets.ts'
import { randomSplit } from '../../data/split.ts'
import { randomCrop, randomHorizontalFlip } from '../../data/transforms/crop.ts'
import { compose } from '../../data/transforms/picture.ts'
import { ReLU } from '../../nn/activations/rectifiers.ts'
import { Sequential } from '../../nn/containers.ts'
import { crossEntropy } from '../../nn/functional/losses/classification.ts'
import { BatchNorm2d } from '../../nn/layers/batch-norm.ts'
import { Conv2d } from '../../nn/layers/conv.ts'
import { Dropout } from '../../nn/layers/dropout.ts'
import { Flatten } from '../../nn/layers/flatten.ts'
import { Linear } from '../../nn/layers/linear.ts'
import { MaxPool2d } from '../../nn/layers/max-pool.ts'
import { count } from '../terminal/format.ts'
import { withDownloadBar } from '../terminal/download.ts'
import { classification, type Recipe, type RecipeModel } from './recipe.ts'
import { type CommonSettings, commonSettings, setting } from './settings.ts'

interface Settings extends CommonSettings {
  readonly data?: string | undefined
}

const validationImages = 2000

/** Images [N, 1, 28, 28] to logits [N, 10]: three convolutions with batch normalisation, one linear layer. 99,442 parameters. */
function network(): Sequential {
  const block = (from: number, to: number): [Conv2d, BatchNorm2d, ReLU] => [
    new Conv2d(from, to, 3, { padding: 1, bias: false }),
    new BatchNorm2d(to),
    new ReLU(),
  ]
  return new Sequential(
    ...[...block(1, 24), new MaxPool2d(2), ...block(24, 48), new MaxPool2d(2), ...block(48, 96)],
    ...[new Flatten(), new Dropout(0.1), new Linear(96 * 7 * 7, 10)],
  )
}

/** Clothes, 60,000 to learn from and 10,000 to be tested on, with mirrored and shifted pictures. */
export const fashionRecipe: Recipe<Settings, object> = {
  name: 'fashion-mnist',
  description: 'a small convolutional network on 60,000 pictures of clothes',
  settings: v.strictObject({
    ...commonSettings({ epochs: 7, batchSize: 128, lr: 4e-3 }),
    data: v.optional(setting.text('folder with the four IDX files (default: the cache, downloaded once)')),
  }),
  known: v.strictObject({}),
  async prepare({ batchSize, seed, data }) {
    const { train, test } = await withDownloadBar((onProgress) =>
      fashionMnist({ onProgress, ...(data !== undefined && { folder: data }) }),
    )
    const [rest, validation] = randomSplit(train, [train.length - validationImages, validationImages])
    const augment = compose(randomHorizontalFlip(), randomCrop(28, { padding: 1 }))
    const augmented = mapSamples(rest!, ([image, label], random) => [augment(image, random), label] as const)
    const { DataLoader } = await import('../../data/data-loader.ts')
    return {
      ...fashionModel(),
      known: {},
      train: new DataLoader(augmented, { batchSize, seed, shuffle: true }),
      validation: validation!,
      test,
      facts: [
        `${count(augmented.length)} pictures to train, ${count(validation!.length)} to watch, ${count(test.length)} to test`,
      ],
    }
  },
  restore: async () => fashionModel(),
}

function fashionModel(): RecipeModel {
  return {
    model: network(),
    inputShape: [1, 1, 28, 28],
    loss: (logits, labels) => crossEntropy(logits, labels, { labelSmoothing: 0.05 }),
    ...classification,
    classes: fashionClasses,
  }
}
