/**
 * Is a sentence praise or blame? An LSTM and a Transformer learn it from scratch:
 * `npm run ts examples/sentences.ts [train] [validation] [test] [epochs]`. Each file has a label and a sentence a line, `1 a fine film`,
 * with a space, comma or tab between; the defaults are those of SST-2 (`stsa.binary.*`) in the folder that GRADUS_DATA names.
 */
import { F, manualSeed, nn, noGrad, optim, type Tensor, tensor } from 'gradus'
import { readText, Vocabulary } from 'gradus/data'
import { TextClassifier } from 'gradus/models'

const folder = `${process.env['GRADUS_DATA'] ?? '../shared/data'}/text`
const files = ['train', 'dev', 'test'].map((part, i) => process.argv[2 + i] ?? `${folder}/stsa.binary.${part}`)
const epochs = Number(process.argv[5] ?? 4)
const [length, size, batch] = [40, 64, 64]

interface Sentence {
  readonly label: number
  readonly words: readonly string[]
}

async function readSentences(file: string): Promise<Sentence[]> {
  const lines = (await readText(file)).split('\n').filter((line) => line.trim() !== '')
  return lines.flatMap((line) => {
    const [, label, text = ''] = /^"?(\d+)"?[\s,]+"?(.*?)"?$/.exec(line.trim()) ?? []
    return label === undefined
      ? []
      : [{ label: Number(label), words: text.toLowerCase().split(/\s+/).slice(0, length) }]
  })
}

const [train, validation, test] = (await Promise.all(files.map(readSentences))) as [Sentence[], Sentence[], Sentence[]]
const vocabulary = Vocabulary.of(
  train.map(({ words }) => words),
  { minCount: 2, special: ['<pad>', '<unknown>'], unknown: '<unknown>' },
)
console.log(`${train.length} sentences to learn from, ${test.length} to test on, ${vocabulary.size} words`)

/** Word numbers [N, length], padded with 0, and labels [N]. */
function tensorsOf(sentences: readonly Sentence[]): [Tensor, Tensor] {
  const values = new Int32Array(sentences.length * length)
  for (const [n, { words }] of sentences.entries()) values.set(vocabulary.encode(words), n * length)
  return [
    tensor(values, { shape: [sentences.length, length] }),
    tensor(Int32Array.from(sentences, ({ label }) => label)),
  ]
}

async function accuracy(model: TextClassifier, sentences: readonly Sentence[]): Promise<number> {
  model.eval()
  let right = 0
  for (let at = 0; at < sentences.length; at += batch) {
    const [x, y] = tensorsOf(sentences.slice(at, at + batch))
    right += await noGrad(() => model.forward(x).argMax(-1).eq(y).sum()).item()
  }
  model.train()
  return (100 * right) / sentences.length
}

for (const [name, reader] of [
  ['LSTM', 'lstm'],
  ['Transformer', 'transformer'],
] as const) {
  manualSeed(0)
  const model = new TextClassifier({ vocabulary: vocabulary.size, classes: 2, reader, size, maxLength: length })
  const optimizer = new optim.AdamW(model.parameters(), { lr: 1e-3, weightDecay: 0.01 })
  let best = { validation: 0, test: 0 }
  for (let epoch = 1; epoch <= epochs; epoch++) {
    const order = [...train.keys()].sort(() => Math.random() - 0.5)
    let last: Tensor | undefined
    for (let at = 0; at + batch <= train.length; at += batch) {
      const [x, y] = tensorsOf(order.slice(at, at + batch).flatMap((n) => train[n] ?? []))
      last = F.crossEntropy(model.forward(x), y)
      optimizer.zeroGrad()
      last.backward()
      nn.utils.clipGradNorm(model.parameters(), 1)
      optimizer.step()
    }
    const reached = await accuracy(model, validation)
    console.log(`${name}, epoch ${epoch}: loss ${(await last?.item())?.toFixed(3)}, validation ${reached.toFixed(1)} %`)
    if (reached > best.validation) best = { validation: reached, test: await accuracy(model, test) }
  }
  console.log(`${name}: test accuracy ${best.test.toFixed(1)} % (of the epoch that was best in validation)`)
  model.eval()
  for (const { label, words } of test.slice(0, 3)) {
    const [x] = tensorsOf([{ label, words }])
    const praise = noGrad(() => model.forward(x).softmax(-1).at(0, 1))
    console.log(
      `  ${(100 * (await praise.item())).toFixed(0)} % praise (${label === 1 ? 'praise' : 'blame'}): ${words.join(' ')}`,
    )
  }
}
