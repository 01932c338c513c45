/**
 * Is a sentence praise or blame? An LSTM and a Transformer learn it from scratch:
 * `npm run ts examples/sentences.ts [train] [validation] [test] [epochs] [seed]`. Each file has a label and a sentence a line, `1 a fine film`,
 * with a space, comma or tab between; the defaults are those of SST-2 (`stsa.binary.*`) in the folder that GRADUS_DATA names.
 */
import { F, manualSeed, noGrad, optim, type Tensor, tensor } from 'gradus'
import { TensorDataset, Vocabulary } from 'gradus/data'
import { TextClassifier } from 'gradus/models'
import { accuracy, evaluate, fit } from 'gradus/train'
import { dataFile } from './data-files.ts'
import { type LabelledSentence, readSentences } from './labelled-sentences.ts'
import { percent } from './report.ts'

const files = ['train', 'dev', 'test'].map((part, i) => process.argv[2 + i] ?? dataFile(`text/stsa.binary.${part}`))
const epochs = Number(process.argv[5] ?? 8)
const seed = Number(process.argv[6] ?? 0)
const [length, size, batchSize] = [40, 64, 64]

interface Sentence {
  readonly label: number
  readonly words: readonly string[]
}
type Samples = TensorDataset<readonly [Tensor, Int32Array]>

const wordsOf = ({ label, text }: LabelledSentence): Sentence => ({
  label,
  words: text.toLowerCase().split(/\s+/).slice(0, length),
})

const [train, validation, test] = (await Promise.all(
  files.map(async (file) => (await readSentences(file)).map(wordsOf)),
)) as [Sentence[], Sentence[], Sentence[]]
const vocabulary = Vocabulary.of(
  train.map(({ words }) => words),
  { minCount: 2, special: ['<pad>', '<unknown>'], unknown: '<unknown>' },
)
console.log(`${train.length} sentences to learn from, ${test.length} to test on, ${vocabulary.size} words`)

/** Word numbers [N, length], filled up with 0. */
function numbersOf(sentences: readonly Sentence[]): Tensor {
  const values = new Int32Array(sentences.length * length)
  for (const [n, { words }] of sentences.entries()) values.set(vocabulary.encode(words), n * length)
  return tensor(values, { shape: [sentences.length, length] })
}

const [learned, watched, unseen] = [train, validation, test].map(
  (sentences) =>
    new TensorDataset(
      numbersOf(sentences),
      Int32Array.from(sentences, ({ label }) => label),
    ),
) as [Samples, Samples, Samples]

for (const [name, reader, lr] of [
  ['LSTM', 'lstm', 3e-3],
  ['Transformer', 'transformer', 2e-3],
] as const) {
  manualSeed(seed)
  const model = new TextClassifier({ vocabulary: vocabulary.size, classes: 2, reader, size, maxLength: length })
  const optimizer = new optim.AdamW(model.parameters(), { lr, weightDecay: 0.01 })
  const steps = epochs * Math.ceil(train.length / batchSize)
  // The rate rises for a tenth of all steps, and then falls to nothing.
  const rate = (step: number): number => Math.min((step + 1) / (0.1 * steps), 1 - step / steps)
  await fit(model, {
    ...{ train: learned, validation: watched, optimizer, epochs, batchSize, seed, clipNorm: 1 },
    loss: (logits, labels) => F.crossEntropy(logits, labels, { labelSmoothing: 0.1 }),
    metrics: { accuracy },
    ...{ schedule: new optim.LambdaLR(optimizer, rate), scheduleEvery: 'step' },
    // Averaged weights are less noisy; those of the epoch that was best in validation are kept.
    ...{ ema: 0.99, monitor: 'accuracy', mode: 'max', restoreBest: true },
    onEpoch: ({ epoch, train, validation }) =>
      console.log(
        `${name}, epoch ${epoch}: loss ${train['loss']?.toFixed(3)}, validation ${percent(validation?.['accuracy'], 2)}`,
      ),
  })
  const figures = await evaluate(model, unseen, { metrics: { accuracy } })
  console.log(`${name}: test accuracy ${percent(figures['accuracy'], 2)} (of the epoch that was best in validation)`)
  const few = test.slice(0, 3)
  const praise = await noGrad(() => model.eval().forward(numbersOf(few)).softmax(-1).select(1, 1)).data()
  for (const [i, { label, words }] of few.entries())
    console.log(`  ${percent(praise[i], 0)} praise (${label === 1 ? 'praise' : 'blame'}): ${words.join(' ')}`)
}
