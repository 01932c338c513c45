import { readdir } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import * as v from 'valibot'
import { modelFiles, readJson } from '../../io/hub/model-files.ts'
import { loadTokenizer, type Tokenizer } from '../../io/tokenizer.ts'
import { classInTransformers } from '../../models/architectures.ts'
import { Lora } from '../../models/lora.ts'
import { fromConfig, fromPretrained, type Pretrained, type TensorModel } from '../../models/pretrained.ts'
import { ModuleList } from '../../nn/containers.ts'
import { crossEntropy } from '../../nn/functional/losses/classification.ts'
import { Module } from '../../nn/module.ts'
import { full } from '../../tensor/creation.ts'
import type { Tensor } from '../../tensor/tensor.ts'
import { UsageError } from '../failure.ts'
import { rankedClasses } from '../recipes/image-classifier.ts'
import { classification, type Publication, type Recipe, type RecipeModel } from '../recipes/recipe.ts'
import { setting } from '../recipes/settings.ts'
import { withDownloadBar } from '../terminal/download.ts'
import { count } from '../terminal/format.ts'
import { featuresFor, freezeParts, groupsOf, type HeadOf, headOf, trainedLine } from './head.ts'
import { packed, partsOf, readTexts, textBatches } from './sentences.ts'
import { type TuningSettings, tuningSettings } from './settings.ts'

interface Settings extends TuningSettings {
  readonly textColumn: string
  readonly labelColumn: string
  readonly maxLength: number
  readonly lora: number
}

interface Known {
  readonly classes: readonly string[]
  /** The `config.json` of the pretrained network. */
  readonly config: Readonly<Record<string, unknown>>
}

interface TextModel extends RecipeModel {
  readonly classes: readonly string[]
  readonly config: Known['config']
  readonly model: SequenceClassifier
  readonly tokenizer: Tokenizer
  /** Paths of the tokenizer's files. */
  readonly files: readonly string[]
  readonly maxLength: number
}

/** A pretrained classifier whose tokens, mask and types come as one tensor [N, 3, L], with its adapters: one model to train and save. */
class SequenceClassifier extends Module {
  network: TensorModel
  adapters: ModuleList
  readonly lora: Lora | undefined

  constructor(network: TensorModel, lora: Lora | undefined) {
    super()
    this.network = network
    this.lora = lora
    this.adapters = new ModuleList(lora?.adapters ?? [])
  }

  forward(x: Tensor): Tensor {
    const [tokens, attentionMask, tokenTypeIds] = [0, 1, 2].map((i) => x.select(1, i)) as [Tensor, Tensor, Tensor]
    return this.network.forward(tokens, { attentionMask, tokenTypeIds })
  }
}

/** A pretrained network for text, trained on with the rows of a CSV file. */
export const finetuneText: Recipe<Settings, Known, TextModel> = {
  name: 'finetune-text',
  description: 'a pretrained network on texts and their labels in a CSV file',
  settings: v.strictObject({
    ...tuningSettings('CSV file with a header', { epochs: 3, batchSize: 16, lr: 5e-5, headLr: 1e-3 }),
    textColumn: v.optional(setting.text('column of the texts'), 'text'),
    labelColumn: v.optional(setting.text('column of the labels'), 'label'),
    maxLength: v.optional(setting.whole(8, 'tokens of a text; longer ones are cut'), 128),
    lora: v.optional(setting.whole(0, 'train adapters of this rank in place of the weights; 0: none'), 0),
  }),
  known: v.strictObject({ classes: setting.texts, config: v.record(v.string(), v.unknown()) }),
  async prepare(settings) {
    const { data, from, seed, batchSize, linearProbe, lora: rank } = settings
    const all = await readTexts(data, settings, 10)
    const classes = [...new Set(all.labels)].sort()
    if (classes.length < 2) throw new UsageError(`${data}: all labels are '${classes[0]}'; at least two are needed`)
    if (linearProbe && rank > 0) throw new UsageError('--linear-probe trains the last layer alone, without --lora')
    const { model: network, config, missing, files } = await pretrainedFor(settings, classes.length)
    const known = { classes, config }
    const head = headOf(network, missing, 'text')
    const texts = await textModel(settings, known, { network, head, files })
    const { model, tokenizer, maxLength } = texts
    if (model.lora)
      for (const [name, parameter] of network.namedParameters()) if (head.has(name)) parameter.requireGrad()
    freezeParts(network, head, settings.freeze)
    const parameters = linearProbe
      ? [{ lr: settings.headLr, params: head.last.parameters() }]
      : groupsOf(network, head, settings, model.lora?.parameters())
    const parts = partsOf(all, seed)
    const [train, validation, test] = parts.map((part, i) => {
      const loader = textBatches(part, {
        ...{ tokenizer, classes, maxLength },
        ...(i === 0 && !linearProbe ? { batchSize, seed } : { batchSize: 32 }),
      })
      return linearProbe ? featuresFor(model, head, loader) : loader
    })
    const [first, ...others] = parts.map((part) => count(part.texts.length))
    return {
      ...texts,
      ...{ known, parameters },
      ...{ train: train!, validation: validation!, test: test! },
      ...(linearProbe && { learner: head.last }),
      facts: [
        `${first} texts to train, ${others[0]} to watch, ${others[1]} to test`,
        `${classes.length} classes: ${classes.slice(0, 8).join(', ')}${classes.length > 8 ? ' ...' : ''}`,
        trainedLine(from, network, parameters),
      ],
    }
  },
  async restore(settings, known, folder) {
    const network = fromConfig(known.config, { numLabels: known.classes.length, head: 'sequenceClassification' })
    const files = (await readdir(folder)).map((name) => join(folder, name))
    return textModel(settings, known, { network, head: headOf(network, [], 'text'), files })
  },
  predict: ({ model, tokenizer, maxLength, classes }, input) =>
    rankedClasses(model.forward(packed([input], tokenizer, maxLength)), classes),
  async testOn(data, { model, tokenizer, maxLength, classes }, settings) {
    const texts = await readTexts(data, settings, 1)
    const strange = texts.labels.find((label) => !classes.includes(label))
    if (strange !== undefined)
      throw new UsageError(`${data}: label '${strange}' is none of the run's: ${classes.join(', ')}`)
    return { model, test: textBatches(texts, { tokenizer, classes, maxLength, batchSize: 32 }) }
  },
  async publish({ model, config, tokenizer, classes, maxLength, files }) {
    model.lora?.merge()
    const { num_labels: _, ...others } = config
    const { paddingToken } = tokenizer
    const about = await readJson(await modelFiles(dirname(files[0]!)), 'tokenizer_config.json')
    return {
      model: model.network,
      config: {
        ...others,
        architectures: [classInTransformers(model.network)],
        id2label: Object.fromEntries(classes.map((name, i) => [i, name])),
        label2id: Object.fromEntries(classes.map((name, i) => [name, i])),
        // Decoders look for the last token before it.
        pad_token_id: config['pad_token_id'] ?? paddingToken,
      },
      files,
      // Tokenizers of decoders name no padding, without which nobody can make batches.
      json: {
        'tokenizer_config.json': {
          ...about,
          pad_token: about?.['pad_token'] ?? tokenizer.decode([paddingToken], { skipSpecialTokens: false }),
        },
      },
      example: exampleOf(config, maxLength),
    }
  },
}

interface Parts {
  readonly network: TensorModel
  readonly head: HeadOf
  /** Paths of the tokenizer's files, all in one folder. */
  readonly files: readonly string[]
}

async function textModel(
  { lora: rank, maxLength: longest }: Settings,
  { classes, config }: Known,
  { network, head, files }: Parts,
): Promise<TextModel> {
  const inner = network.namedModules().map(([path]) => path)
  const lora =
    rank === 0
      ? undefined
      : new Lora(network, { rank, alpha: 2 * rank, target: inner.filter((path) => !head.has(path)) })
  const tokenizer = await loadTokenizer(dirname(files[0]!))
  const maxLength = Math.min(longest, tokenizer.maxLength ?? Number.POSITIVE_INFINITY, placesOf(config))
  return {
    ...{ classes, config, tokenizer, files, maxLength },
    model: new SequenceClassifier(network, lora),
    inputShape: [1, 3, maxLength],
    inputDtype: 'int32',
    loss: crossEntropy,
    ...classification,
  }
}

/** One text of the greatest length: shorter ones are filled up to it. Of the kinds of tokens only where the network tells them apart. */
function exampleOf(config: Known['config'], length: number): NonNullable<Publication['example']> {
  const row = (value: number): Tensor => full([1, length], value, { dtype: 'int32' })
  const { type_vocab_size: kinds } = config
  const hasKinds = typeof kinds === 'number' && kinds > 1
  return {
    inputs: [row(0), { attentionMask: row(1), ...(hasKinds && { tokenTypeIds: row(0) }) }],
    inputNames: ['input_ids', 'attention_mask', ...(hasKinds ? ['token_type_ids'] : [])],
  }
}

/** How many tokens the network has places for. */
function placesOf(config: Known['config']): number {
  const { n_positions: gpt2, max_position_embeddings: others, model_type: type, pad_token_id: padding } = config
  const places = gpt2 ?? others
  if (typeof places !== 'number') return Number.POSITIVE_INFINITY
  // RoBERTa counts from behind the padding.
  return type === 'roberta' && typeof padding === 'number' ? places - padding - 1 : places
}

const tokenizerFiles = [
  'tokenizer.json',
  'tokenizer_config.json',
  'special_tokens_map.json',
  'vocab.txt',
  'vocab.json',
  'merges.txt',
]

/** A pretrained network with a new head, and the paths of its tokenizer's files. */
async function pretrainedFor(
  { from, revision }: Settings,
  classes: number,
): Promise<Pretrained & { readonly files: readonly string[] }> {
  return withDownloadBar(async (onProgress) => {
    const hub = {
      onProgress: ({ file, ...progress }: { file: string; done: number; total: number | undefined }) =>
        onProgress({ name: file, ...progress }),
      ...(revision !== undefined && { revision }),
    }
    const pretrained = await fromPretrained(from, { ...hub, numLabels: classes, head: 'sequenceClassification' })
    if ('architecture' in pretrained.config) {
      throw new UsageError(`${from} is a model for images; gradus finetune image trains it`)
    }
    const { find } = await modelFiles(from, hub)
    const files = (await Promise.all(tokenizerFiles.map(find))).filter((path) => path !== undefined)
    if (files.length === 0) throw new UsageError(`${from} has no tokenizer; looked for ${tokenizerFiles.join(', ')}`)
    return { ...pretrained, files }
  })
}
