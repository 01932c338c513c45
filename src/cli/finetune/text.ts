import * as v from 'valibot'
import { modelFiles } from '../../io/hub/model-files.ts'
import { loadTokenizer, type Tokenizer } from '../../io/tokenizer.ts'
import { classInTransformers } from '../../models/architectures.ts'
import { Lora } from '../../models/lora.ts'
import { fromPretrained, type Pretrained, type TensorModel } from '../../models/pretrained.ts'
import { ModuleList } from '../../nn/containers.ts'
import { crossEntropy } from '../../nn/functional/losses/classification.ts'
import { Module } from '../../nn/module.ts'
import { full } from '../../tensor/creation.ts'
import type { Tensor } from '../../tensor/tensor.ts'
import { accuracy } from '../../train/metrics.ts'
import { UsageError } from '../failure.ts'
import { rankedClasses } from '../recipes/image-classifier.ts'
import type { Prepared, Publication, Recipe } from '../recipes/recipe.ts'
import { setting } from '../recipes/settings.ts'
import { withDownloadBar } from '../terminal/download.ts'
import { count } from '../terminal/format.ts'
import { featuresFor, freezeParts, groupsOf, headOf, trainedLine } from './head.ts'
import { packed, partsOf, readTexts, textBatches } from './sentences.ts'
import { type TuningSettings, tuningSettings } from './settings.ts'

interface Settings extends TuningSettings {
  readonly textColumn: string
  readonly labelColumn: string
  readonly maxLength: number
  readonly lora: number
}

interface PreparedTexts extends Prepared {
  /** The whole network, also where its last layer alone is trained. */
  readonly network: SequenceClassifier
  readonly pretrained: Pretrained
  readonly tokenizer: Tokenizer
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
export const finetuneText: Recipe<Settings> = {
  name: 'finetune-text',
  description: 'a pretrained network on texts and their labels in a CSV file',
  settings: v.strictObject({
    ...tuningSettings('CSV file with a header', { epochs: 3, batchSize: 16, lr: 5e-5, headLr: 1e-3 }),
    textColumn: v.optional(setting.text('column of the texts'), 'text'),
    labelColumn: v.optional(setting.text('column of the labels'), 'label'),
    maxLength: v.optional(setting.whole(8, 'tokens of a text; longer ones are cut'), 128),
    lora: v.optional(setting.whole(0, 'train adapters of this rank in place of the weights; 0: none'), 0),
  }),
  async prepare(settings): Promise<PreparedTexts> {
    const { data, from, seed, batchSize, linearProbe, lora: rank } = settings
    const all = await readTexts(data, settings, 10)
    const classes = [...new Set(all.labels)].sort()
    if (classes.length < 2) throw new UsageError(`${data}: all labels are '${classes[0]}'; at least two are needed`)
    if (linearProbe && rank > 0) throw new UsageError('--linear-probe trains the last layer alone, without --lora')
    const { pretrained, tokenizer } = await pretrainedFor(settings, classes.length)
    const head = headOf(pretrained.model, pretrained.missing)
    const inner = pretrained.model.namedModules().map(([path]) => path)
    const lora =
      rank === 0
        ? undefined
        : new Lora(pretrained.model, { rank, alpha: 2 * rank, target: inner.filter((path) => !head.has(path)) })
    if (lora)
      for (const [name, parameter] of pretrained.model.namedParameters()) if (head.has(name)) parameter.requireGrad()
    freezeParts(pretrained.model, head, settings.freeze)
    const network = new SequenceClassifier(pretrained.model, lora)
    const parameters = linearProbe
      ? [{ lr: settings.headLr, params: head.last.parameters() }]
      : groupsOf(pretrained.model, head, settings, lora?.parameters())
    const maxLength = Math.min(settings.maxLength, tokenizer.maxLength ?? Number.POSITIVE_INFINITY)
    const [train, validation, test] = partsOf(all, seed).map((part, i) => {
      const loader = textBatches(part, {
        ...{ tokenizer, classes, maxLength },
        ...(i === 0 && !linearProbe ? { batchSize, seed } : { batchSize: 32 }),
      })
      return linearProbe ? featuresFor(network, head, loader) : loader
    })
    const [first, ...others] = partsOf(all, seed).map(({ texts }) => count(texts.length))
    return {
      ...{ network, pretrained, tokenizer, maxLength, parameters, classes },
      ...{ train: train!, validation: validation!, test: test! },
      model: linearProbe ? head.last : network,
      inputShape: linearProbe ? [1, head.last.inFeatures] : [1, 3, maxLength],
      loss: crossEntropy,
      metrics: { accuracy },
      headline: 'accuracy',
      facts: [
        `${first} texts to train, ${others[0]} to watch, ${others[1]} to test`,
        `${classes.length} classes: ${classes.slice(0, 8).join(', ')}${classes.length > 8 ? ' ...' : ''}`,
        trainedLine(from, pretrained.model, parameters),
      ],
    }
  },
  predict(_, input, prepared) {
    const { network, tokenizer, maxLength, classes } = prepared as PreparedTexts
    network.eval()
    return rankedClasses(network.forward(packed([input], tokenizer, maxLength)), classes!)
  },
  async testOn(data, prepared, settings) {
    const { network, tokenizer, maxLength, classes = [] } = prepared as PreparedTexts
    const texts = await readTexts(data, settings, 1)
    const strange = texts.labels.find((label) => !classes.includes(label))
    if (strange !== undefined)
      throw new UsageError(`${data}: label '${strange}' is none of the run's: ${classes.join(', ')}`)
    return { model: network, test: textBatches(texts, { tokenizer, classes, maxLength, batchSize: 32 }) }
  },
  async publish(prepared, { from, revision }) {
    const { network, pretrained, tokenizer, classes, maxLength } = prepared as PreparedTexts
    network.lora?.merge()
    const { num_labels: _, ...config } = pretrained.config
    const files = await modelFiles(from, revision === undefined ? {} : { revision })
    const found = await Promise.all(tokenizerFiles.map((name) => files.find(name)))
    return {
      model: network.network,
      config: {
        ...config,
        architectures: [classInTransformers(network.network)],
        id2label: Object.fromEntries(classes!.map((name, i) => [i, name])),
        label2id: Object.fromEntries(classes!.map((name, i) => [name, i])),
        // Decoders look for the last token before it.
        pad_token_id: config['pad_token_id'] ?? tokenizer.paddingToken,
      },
      files: found.filter((path) => path !== undefined),
      example: exampleOf(maxLength),
    }
  },
}

/** One text of the greatest length: shorter ones are filled up to it. */
function exampleOf(length: number): NonNullable<Publication['example']> {
  const row = (value: number): Tensor => full([1, length], value, { dtype: 'int32' })
  return {
    inputs: [row(0), { attentionMask: row(1), tokenTypeIds: row(0) }],
    inputNames: ['input_ids', 'attention_mask', 'token_type_ids'],
  }
}

const tokenizerFiles = [
  'tokenizer.json',
  'tokenizer_config.json',
  'special_tokens_map.json',
  'vocab.txt',
  'vocab.json',
  'merges.txt',
]

async function pretrainedFor(
  { from, revision }: Settings,
  classes: number,
): Promise<{ pretrained: Pretrained; tokenizer: Tokenizer }> {
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
    return { pretrained, tokenizer: await loadTokenizer(from, hub) }
  })
}
