/**
 * A small GPT that learns to write, character by character: `npm run ts examples/char-gpt.ts [file] [steps]`. Without a file
 * (or with `-`) it reads Moby Dick. 0.8 million parameters, as nanoGPT's setting for a laptop.
 */
import { F, manualSeed, nn, noGrad, optim, type Tensor, zeros } from 'gradus'
import { batchesOf, charactersOf, readText, windows } from './text.ts'

const steps = Number(process.argv[3] ?? 4000)
const [layers, heads, size, context, batch] = [4, 4, 128, 64, 12]

class GPT extends nn.Module {
  embedding: nn.Embedding
  positions = new nn.Parameter(zeros([context, size]))
  body = new nn.TransformerEncoder(
    () => {
      const options = { dimFeedforward: 4 * size, dropout: 0, bias: false, batchFirst: true, normFirst: true }
      return new nn.TransformerEncoderLayer(size, heads, { ...options, activation: 'gelu' })
    },
    layers,
    { norm: new nn.LayerNorm(size, { bias: false }) },
  )
  head: nn.Linear

  constructor(words: number) {
    super()
    this.embedding = new nn.Embedding(words, size)
    this.head = new nn.Linear(size, words, { bias: false })
    for (const parameter of this.parameters()) if (parameter.rank === 2) nn.init.normal(parameter, { std: 0.02 })
    this.head.weight = this.embedding.weight // tied
  }

  forward(tokens: Tensor, { cache }: { cache?: nn.KeyValueCache | undefined } = {}): Tensor {
    const length = tokens.shape[1] ?? 0
    const positions = cache ? F.embedding(cache.positions(length), this.positions) : this.positions.narrow(0, 0, length)
    const x = this.embedding.forward(tokens).add(positions)
    return this.head.forward(this.body.forward(x, { isCausal: true, cache }))
  }
}

manualSeed(1)
const { train, validation, alphabet, encode, decode } = charactersOf(await readText(process.argv[2]))
const model = new GPT(alphabet.length)
const size_ = model.parameters().reduce((sum, { size }) => sum + size, 0)
console.log(`${train.length} characters to learn from, ${alphabet.length} different ones; ${size_} parameters`)

const loss = (starts: readonly number[], tokens: Int32Array): Tensor => {
  const [x, y] = windows(tokens, starts, context)
  return F.crossEntropy(model.forward(x).reshape(-1, alphabet.length), y.flatten())
}

/** Mean loss in nats over the whole validation text, or over its first `limit` batches. */
async function validate(limit = Number.POSITIVE_INFINITY): Promise<number> {
  let [sum, count] = [0, 0]
  for (const starts of batchesOf(validation, context, 32)) {
    if (count >= limit) break
    sum += await noGrad(() => loss(starts, validation)).item()
    count++
  }
  return sum / count
}

const decayed = model.parameters().filter(({ rank }) => rank === 2)
const others = model.parameters().filter(({ rank }) => rank !== 2)
const optimizer = new optim.AdamW(
  [
    { params: decayed, weightDecay: 0.1 },
    { params: others, weightDecay: 0 },
  ],
  {
    lr: 2e-3,
    betas: [0.9, 0.99],
  },
)
const warmup = Math.min(100, Math.ceil(steps / 10))
const schedule = new optim.SequentialLR(
  optimizer,
  [
    new optim.LinearLR(optimizer, { startFactor: 0.01, totalIters: warmup }),
    new optim.CosineAnnealingLR(optimizer, Math.max(1, steps - warmup), { etaMin: 1e-4 }),
  ],
  [warmup],
)

const began = performance.now()
for (let step = 1; step <= steps; step++) {
  const starts = Array.from({ length: batch }, () => Math.floor(Math.random() * (train.length - context - 1)))
  const value = loss(starts, train)
  optimizer.zeroGrad()
  value.backward()
  nn.utils.clipGradNorm(model.parameters(), 1)
  optimizer.step()
  schedule.step()
  if (step % Math.ceil(steps / 20) === 0 || step === 1) {
    const seconds = (performance.now() - began) / 1000
    console.log(
      `step ${step} of ${steps}, ${seconds.toFixed(0)} s: loss ${(await value.item()).toFixed(3)}, validation ${(await validate(steps < 100 ? 1 : 20)).toFixed(3)}`,
    )
  }
}
console.log(`validation loss ${(await validate(steps < 100 ? 2 : undefined)).toFixed(4)} nats a character`)

model.eval()
const begin = encode('\n')
const text = await nn.generate(model, begin.length > 0 ? begin : [0], {
  maxNewTokens: context - 1,
  doSample: true,
  temperature: 0.8,
  topK: 20,
})
console.log(`sample:\n${decode(text)}`)
