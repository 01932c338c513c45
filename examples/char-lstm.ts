/**
 * An LSTM that learns to write, character by character: `npm run ts examples/char-lstm.ts [file] [steps]`. Without a file (or
 * with `-`) it reads Moby Dick. The text is cut into streams that are read side by side; the state goes on from piece to piece,
 * detached, so that back-propagation through time is truncated to one piece.
 */
import { F, manualSeed, nn, noGrad, optim, type Tensor, zeros } from 'gradus'
import { charactersOf, readText, windows } from './text.ts'

const steps = Number(process.argv[3] ?? 2000)
const [embedded, hidden, length, streams] = [64, 256, 64, 32]

type State = [Tensor, Tensor]

class CharLSTM extends nn.Module {
  embedding: nn.Embedding
  lstm = new nn.LSTM(embedded, hidden)
  head: nn.Linear

  constructor(words: number) {
    super()
    this.embedding = new nn.Embedding(words, embedded)
    this.head = new nn.Linear(hidden, words)
  }

  /** Tokens [N, T] → logits [T, N, V] and the next state. */
  forward(tokens: Tensor, state: State): [Tensor, State] {
    const [y, next] = this.lstm.forward(this.embedding.forward(tokens.t()), state)
    return [this.head.forward(y), next]
  }
}

manualSeed(1)
const { train, validation, alphabet, encode, decode } = charactersOf(await readText(process.argv[2]))
const model = new CharLSTM(alphabet.length)
console.log(`${train.length} characters to learn from, ${alphabet.length} different ones`)

const start = (n: number): State => [zeros([1, n, hidden]), zeros([1, n, hidden])]
const detached = ([h, c]: State): State => [h.detach(), c.detach()]

/** Losses of the pieces of `streams` streams through `tokens`, in order, each with the state of the one before. */
function* losses(tokens: Int32Array): Iterable<Tensor> {
  const stream = Math.floor((tokens.length - 1) / streams)
  let state = start(streams)
  for (let at = 0; at + length <= stream; at += length) {
    const starts = Array.from({ length: streams }, (_, n) => n * stream + at)
    const [x, y] = windows(tokens, starts, length)
    const [logits, next] = model.forward(x, state)
    state = detached(next)
    yield F.crossEntropy(logits.reshape(-1, alphabet.length), y.t().flatten())
  }
}

/** Mean loss in nats over the validation text, or over its first `limit` pieces. */
async function validate(limit = Number.POSITIVE_INFINITY): Promise<number> {
  let [sum, count] = [0, 0]
  for (const loss of losses(validation)) {
    if (count === limit) break
    sum += await loss.item()
    count++
  }
  return sum / count
}

const optimizer = new optim.AdamW(model.parameters(), { lr: 3e-3, weightDecay: 0.01 })
const schedule = new optim.CosineAnnealingLR(optimizer, steps, { etaMin: 1e-4 })
const began = performance.now()
let step = 0
while (step < steps) {
  for (const loss of losses(train)) {
    optimizer.zeroGrad()
    loss.backward()
    nn.utils.clipGradNorm(model.parameters(), 1)
    optimizer.step()
    schedule.step()
    if (++step % Math.ceil(steps / 20) === 0 || step === 1) {
      const seconds = (performance.now() - began) / 1000
      console.log(`step ${step} of ${steps}, ${seconds.toFixed(0)} s: loss ${(await loss.item()).toFixed(3)}`)
    }
    if (step === steps) break
  }
}
console.log(`validation loss ${(await validate(steps < 100 ? 2 : undefined)).toFixed(4)} nats a character`)

/** Writes on from `prompt`, one character at a time, each drawn from the model's distribution sharpened a little. */
async function write(prompt: string, count: number): Promise<string> {
  const tokens = encode(prompt)
  let state = start(1)
  let next = tokens.length > 0 ? tokens : [0]
  const written: number[] = []
  while (written.length < count) {
    const [x] = windows(Int32Array.from([...next, 0]), [0], next.length)
    const [logits, after] = noGrad(() => model.forward(x, state))
    state = after
    const [token] = await logits.at(-1, 0).div(0.8).softmax(0).multinomial(1).data()
    written.push(token ?? 0)
    next = [token ?? 0]
  }
  return decode(written)
}
console.log(`sample:\n${await write('\n', steps < 100 ? 20 : 400)}`)
