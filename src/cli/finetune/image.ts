import * as v from 'valibot'
import { isRecord } from '../../core/record.ts'
import { DataLoader } from '../../data/data-loader.ts'
import { moduleDataset } from '../../data/module-dataset.ts'
import { freezeBatchNorm } from '../../models/fine-tuning.ts'
import { fromConfig, fromPretrained, type TensorModel } from '../../models/pretrained.ts'
import { crossEntropy } from '../../nn/functional/losses/classification.ts'
import { zeros } from '../../tensor/creation.ts'
import type { Supervised } from '../../train/evaluate.ts'
import { UsageError } from '../failure.ts'
import { classifyPicture, dataModule, otherPictures } from '../recipes/image-classifier.ts'
import { type ImageDataOptions, partsLine, pictures } from '../recipes/image-data.ts'
import { classification, type Recipe, type RecipeModel } from '../recipes/recipe.ts'
import { setting } from '../recipes/settings.ts'
import { withDownloadBar } from '../terminal/download.ts'
import { featuresFor, freezeParts, groupsOf, headOf, trainedLine } from './head.ts'
import { layersClassifier, layersModelAt, pretrainedLayers } from './layers-classifier.ts'
import { type Look, lookOf } from './look.ts'
import { namesIn, type TuningSettings, tuningSettings } from './settings.ts'

interface Settings extends TuningSettings {
  readonly size?: number | undefined
  readonly workers: number
  readonly skipDamaged: boolean
  readonly freezeBatchNorm: boolean
  readonly mean?: string | undefined
  readonly std?: string | undefined
  readonly features: string
}

interface Known {
  readonly classes: readonly string[]
  /** The `config.json` of the pretrained network. */
  readonly config: Readonly<Record<string, unknown>>
}

interface ImageModel extends RecipeModel {
  readonly classes: readonly string[]
  readonly config: Known['config']
  readonly model: TensorModel
  readonly look: Look
}

type ImageData = typeof import('../recipes/image-data.ts')

/** A pretrained network for images, trained on with pictures in one folder a class. */
export const finetuneImage: Recipe<Settings, Known, ImageModel> = {
  name: 'finetune-image',
  description: 'a pretrained network on your own pictures, one folder a class',
  settings: v.strictObject({
    ...tuningSettings('folder with one folder of pictures a class, or with train and val folders', {
      epochs: 10,
      batchSize: 32,
      lr: 1e-4,
      headLr: 1e-3,
    }),
    size: v.optional(setting.whole(32, 'side of the pictures in pixels (default: what the model was trained with)')),
    workers: v.optional(setting.whole(0, 'threads that load pictures'), 2),
    skipDamaged: v.optional(setting.flag('leave out pictures that cannot be read (a linear probe never does)'), true),
    freezeBatchNorm: v.optional(setting.flag('keep batch normalisation at its running statistics'), true),
    mean: v.optional(
      setting.text('means of the channels, of pixels from 0 to 1: one number or three (default: what the model says)'),
    ),
    std: v.optional(setting.text('their standard deviations (default: the same)')),
    features: v.optional(
      setting.text(
        'of a TensorFlow.js model, layers whose outputs are the features (default: the last before the classes)',
      ),
      '',
    ),
  }),
  known: v.strictObject({ classes: setting.texts, config: v.record(v.string(), v.unknown()) }),
  async prepare(settings) {
    const { data: folder, from, seed, batchSize, workers, linearProbe } = settings
    const { classes } = (await pictures({ folder, size: 32, seed, part: 'train' })).files
    const { network, config, missing, files } = await pretrainedFor(settings, classes.length)
    const known = { classes, config }
    const images = imageModel(settings, known, network)
    const { look } = images
    const head = headOf(network, missing, 'image')
    const part = (name: ImageDataOptions['part']): ReturnType<typeof moduleDataset<ImageData>> =>
      moduleDataset<ImageData>(dataModule, { folder, seed, part: name, ...look, augment: !linearProbe })
    const [train, validation, test] = await Promise.all([part('train'), part('validation'), part('test')])
    if (train.length === 0 || validation.length === 0)
      throw new UsageError(`${folder}: too few pictures to cut into parts`)
    const onError = settings.skipDamaged && !linearProbe ? 'skip' : 'throw'
    const held = { batchSize: 64, workers, onError } as const
    const facts = [
      partsLine(train.length, validation.length, test.length),
      `${classes.length} classes: ${classes.slice(0, 8).join(', ')}${classes.length > 8 ? ' ...' : ''}`,
    ]
    const common = { ...images, known, files }
    if (linearProbe) {
      const parameters = [{ lr: settings.headLr, params: head.last.parameters() }]
      const cached = (set: typeof train): ReturnType<typeof featuresFor> =>
        featuresFor(network, head, new DataLoader<Supervised>(set, held))
      return {
        ...common,
        ...{ learner: head.last, parameters },
        ...{ train: cached(train), validation: cached(validation), test: test.length > 0 ? cached(test) : undefined },
        facts: [...facts, trainedLine(from, network, parameters)],
      }
    }
    freezeParts(network, head, settings.freeze)
    if (settings.freezeBatchNorm) freezeBatchNorm(network)
    const parameters = groupsOf(network, head, settings)
    const loader = new DataLoader(train, {
      ...{ batchSize, seed, shuffle: true, workers, onError, persistentWorkers: true },
      // Batch normalisation makes nothing of a last batch of one.
      dropLast: train.length % batchSize === 1 && train.length > 1,
    })
    return {
      ...common,
      ...{ parameters, train: loader },
      validation: new DataLoader(validation, { ...held, persistentWorkers: true }),
      test: test.length > 0 ? new DataLoader(test, held) : undefined,
      facts: [...facts, trainedLine(from, network, parameters)],
      skipped: () => loader.skipped,
    }
  },
  async restore(settings, known, folder) {
    const { config } = known
    const classes = known.classes.length
    const { size } = lookOf(config, settings.size)
    const network = await layersClassifier(config, { folder, classes, size })
    return imageModel(settings, known, network ?? fromConfig(config, { numLabels: classes }))
  },
  predict: ({ model, look, classes }, input) => classifyPicture(model, input, { ...look, classes }),
  testOn: async (folder, { model, look, classes }, { seed, workers }) => ({
    model,
    test: await otherPictures({ folder, seed, ...look, classes }, workers),
  }),
  async publish({ model, config, classes, inputShape }) {
    return {
      model,
      example: { inputs: [zeros(inputShape)], inputNames: ['pixel_values'] },
      config: { ...config, num_classes: classes.length, label_names: classes },
    }
  },
}

function imageModel(settings: Settings, { config, classes }: Known, model: TensorModel): ImageModel {
  const look = lookOf(config, settings.size)
  return {
    ...{ model, config, classes, look },
    inputShape: [1, 3, look.size, look.size],
    loss: crossEntropy,
    ...classification,
  }
}

interface PretrainedImages {
  readonly network: TensorModel
  readonly config: Known['config']
  readonly missing: readonly string[]
  /** Paths of files that the network is made of again. */
  readonly files: readonly string[]
}

async function pretrainedFor(settings: Settings, classes: number): Promise<PretrainedImages> {
  const { from, revision, size } = settings
  const path = await layersModelAt(from)
  if (path !== undefined) {
    const { config, ...others } = await pretrainedLayers(path, { layers: namesIn(settings.features), classes, size })
    return { ...others, config: normalised(config, settings), missing: [] }
  }
  const { model, config, missing } = await withDownloadBar((onProgress) =>
    fromPretrained(from, {
      numLabels: classes,
      onProgress: ({ file, ...progress }) => onProgress({ name: file, ...progress }),
      ...(revision !== undefined && { revision }),
    }),
  )
  if (typeof config['architecture'] === 'string')
    return { network: model, config: normalised(config, settings), missing, files: [] }
  throw new UsageError(`${from} is a model for text (${config['model_type']}); gradus finetune text trains it`)
}

/** The configuration with the means and deviations that somebody named. */
function normalised(config: Known['config'], { mean, std }: Settings): Known['config'] {
  const own = {
    ...(mean !== undefined && { mean: channels('mean', mean) }),
    ...(std !== undefined && { std: channels('std', std) }),
  }
  const { pretrained_cfg: inner } = config
  return isRecord(inner) ? { ...config, pretrained_cfg: { ...inner, ...own } } : { ...config, ...own }
}

/** `0.5`, or `0.485,0.456,0.406`. */
function channels(name: string, text: string): number[] {
  const numbers = text.split(',').map(Number)
  const isRight = numbers.every((x) => Number.isFinite(x) && (name === 'mean' || x > 0))
  if (isRight && numbers.length === 3) return numbers
  if (isRight && numbers.length === 1) return [numbers[0]!, numbers[0]!, numbers[0]!]
  throw new UsageError(`field '${name}' expects one number or three with commas between, received ${text}`)
}
