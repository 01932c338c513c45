import * as v from 'valibot'
import { DataLoader } from '../../data/data-loader.ts'
import { decodeImage } from '../../data/image.ts'
import { moduleDataset } from '../../data/module-dataset.ts'
import { Random } from '../../data/random.ts'
import { imagenetDeviation, imagenetMean, normalize } from '../../data/transforms/colour.ts'
import { centerCrop } from '../../data/transforms/crop.ts'
import { compose } from '../../data/transforms/picture.ts'
import { ReLU } from '../../nn/activations/rectifiers.ts'
import { Sequential } from '../../nn/containers.ts'
import { crossEntropy } from '../../nn/functional/losses/classification.ts'
import { softmax } from '../../nn/functional/activations.ts'
import { AdaptiveAvgPool2d } from '../../nn/layers/adaptive-pool.ts'
import { BatchNorm2d } from '../../nn/layers/batch-norm.ts'
import { Conv2d } from '../../nn/layers/conv.ts'
import { Dropout } from '../../nn/layers/dropout.ts'
import { Flatten } from '../../nn/layers/flatten.ts'
import { Linear } from '../../nn/layers/linear.ts'
import type { Layer } from '../../nn/module.ts'
import type { Tensor } from '../../tensor/tensor.ts'
import { UsageError } from '../failure.ts'
import { percent } from '../terminal/format.ts'
import type { ImageDataOptions } from './image-data.ts'
import { partsLine, pictures, usualShorterSide } from './image-data.ts'
import { classification, type Prediction, type Recipe, type RecipeModel } from './recipe.ts'
import { type CommonSettings, commonSettings, setting } from './settings.ts'

interface Settings extends CommonSettings {
  readonly data: string
  readonly size: number
  readonly workers: number
  readonly skipDamaged: boolean
}

/** Five convolutions that halve the picture each, then the mean of every channel: [N, 3, S, S] to logits [N, classes]. */
function network(classes: number): Sequential {
  const widths = [16, 32, 64, 96, 128]
  const blocks = widths.flatMap((width, i) => [
    new Conv2d(widths[i - 1] ?? 3, width, 3, { stride: 2, padding: 1, bias: false }),
    new BatchNorm2d(width),
    new ReLU(),
  ])
  return new Sequential(...blocks, new AdaptiveAvgPool2d(1), new Flatten(), new Dropout(0.2), new Linear(128, classes))
}

/** Here and in the package, beside this file. */
export const dataModule: URL = new URL(import.meta.url.replace('image-classifier', 'image-data'))

/** Pictures in one folder a class, cropped, mirrored and coloured at random by worker threads. */
export const imageRecipe: Recipe<Settings, Known> = {
  name: 'image-classifier',
  description: 'a convolutional network on your own pictures, one folder a class',
  settings: v.strictObject({
    ...commonSettings({ epochs: 20, batchSize: 32, lr: 2e-3 }),
    data: setting.text('folder with one folder of pictures a class, or with train and val folders'),
    size: v.optional(setting.whole(32, 'side of the pictures in pixels'), 96),
    workers: v.optional(setting.whole(0, 'threads that load pictures'), 2),
    skipDamaged: v.optional(setting.flag('leave out pictures that cannot be read'), true),
  }),
  known: v.strictObject({ classes: setting.texts }),
  async prepare(settings) {
    const { data: folder, size, seed, batchSize, workers, skipDamaged } = settings
    const onError = skipDamaged ? 'skip' : 'throw'
    const part = (name: ImageDataOptions['part']): ReturnType<typeof moduleDataset<typeof import('./image-data.ts')>> =>
      moduleDataset<typeof import('./image-data.ts')>(dataModule, { folder, size, seed, part: name })
    const [train, validation, test] = await Promise.all([part('train'), part('validation'), part('test')])
    const { classes } = (await pictures({ folder, size, seed, part: 'train' })).files
    if (train.length === 0 || validation.length === 0)
      throw new UsageError(`${folder}: too few pictures to cut into parts`)
    const loader = new DataLoader(train, { batchSize, seed, shuffle: true, workers, onError, persistentWorkers: true })
    const held = { batchSize: 64, workers, onError } as const
    return {
      ...imageModel(settings, { classes }),
      known: { classes },
      train: loader,
      validation: new DataLoader(validation, { ...held, persistentWorkers: true }),
      test: test.length > 0 ? new DataLoader(test, held) : undefined,
      facts: [
        partsLine(train.length, validation.length, test.length),
        `${classes.length} classes: ${classes.slice(0, 8).join(', ')}${classes.length > 8 ? ' ...' : ''}`,
      ],
      skipped: () => loader.skipped,
    }
  },
  restore: async (settings, known) => imageModel(settings, known),
  testOn: async (folder, { model, classes = [] }, { size, seed, workers }) => ({
    model,
    test: await otherPictures({ folder, size, seed, classes }, workers),
  }),
  predict: ({ model, inputShape, classes = [] }, input) =>
    classifyPicture(model, input, { size: inputShape[2]!, classes }),
}

interface Known {
  readonly classes: readonly string[]
}

function imageModel({ size }: Settings, { classes }: Known): RecipeModel {
  return {
    model: network(classes.length),
    inputShape: [1, 3, size, size],
    loss: (logits, labels) => crossEntropy(logits, labels, { labelSmoothing: 0.05 }),
    ...classification,
    classes,
  }
}

/** All pictures of a folder with one folder a class, the classes being those of a run. */
export async function otherPictures(
  { classes, ...options }: Omit<ImageDataOptions, 'part' | 'augment'> & { readonly classes: readonly string[] },
  workers: number,
): Promise<DataLoader<readonly [Tensor, number]>> {
  const { files } = await pictures({ ...options, part: 'all' })
  const strange = files.classes.find((name) => !classes.includes(name))
  if (strange !== undefined)
    throw new UsageError(`${options.folder}: class '${strange}' is none of the run's: ${classes.join(', ')}`)
  const dataset = await moduleDataset<typeof import('./image-data.ts')>(dataModule, {
    ...options,
    part: 'all',
    classes,
  })
  return new DataLoader(dataset, { batchSize: 64, workers })
}

export interface PictureOptions
  extends Pick<ImageDataOptions, 'size' | 'shorterSide' | 'interpolation' | 'mean' | 'deviation'> {
  readonly classes: readonly string[]
}

/** The classes that a model sees in a picture file. */
export async function classifyPicture(
  model: Layer,
  path: string,
  { size, classes, mean = imagenetMean, deviation = imagenetDeviation, ...decoding }: PictureOptions,
): Promise<Prediction> {
  const change = compose(centerCrop(size), normalize(mean, deviation))
  const image = change(await decodeImage(path, { shorterSide: usualShorterSide(size), ...decoding }), new Random(0))
  return rankedClasses(model.forward(image.unsqueeze(0)), classes)
}

/** Logits [1, C] as shares of the classes, the likeliest first. */
export async function rankedClasses(logits: Tensor, classes: readonly string[]): Promise<Prediction> {
  const shares = Array.from(await softmax(logits, 1).data())
  const ranked = classes.map((name, i) => ({ name, share: shares[i]! })).sort((a, b) => b.share - a.share)
  return {
    lines: ranked.slice(0, 5).map(({ name, share }) => `${percent(share).padStart(7)}  ${name}`),
    data: {
      prediction: ranked[0]?.name,
      probabilities: Object.fromEntries(classes.map((name, i) => [name, shares[i]])),
    },
  }
}
