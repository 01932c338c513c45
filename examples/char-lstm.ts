/**
 * An LSTM that learns to write, character by character: `npm run ts examples/char-lstm.ts [file] [steps]`. Without a file (or
 * with `-`) it reads Moby Dick. The text is cut into streams that are read side by side; the state goes on from piece to piece,
 * detached, so that back-propagation through time is truncated to one piece.
 */
import { F, manualSeed, nn, optim, type Tensor, tensor } from 'gradus'
import { type LstmState, LstmWriter } from 'gradus/models'
import { characters } from './text.ts'

const steps = Number(process.argv[3] ?? 2000)
const [embedded, hidden, length, streams] = [64, 256, 64, 32]

manualSeed(1)
const { train, validation, alphabet } = await characters(process.argv[2])
const model = new LstmWriter({ vocabulary: alphabet.size, embedded, hidden })
console.log(`${train.length} characters to learn from, ${alphabet.size} different ones`)

/** Losses of the pieces of `streams` streams through `tokens`, in order, each with the state of the one before. */
function* losses(tokens: Int32Array): Iterable<Tensor> {
  const stream = Math.floor((tokens.length - 1) / streams)
  const piece = (at: number): Tensor => {
    const rows = Array.from({ length: streams }, (_, n) => [...tokens.slice(n * stream + at, n * stream + at + length)])
    return tensor(rows, { dtype: 'int32' })
  }
  let state: LstmState | undefined
  for (let at = 0; at + length <= stream; at += length) {
    const [logits, [h, c]] = model.read(piece(at), state)
    state = [h.detach(), c.detach()]
    yield F.crossEntropy(logits.flatten(0, 1), piece(at + 1).flatten())
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

const begin = alphabet.encode('\n')
const text = await model.write(begin.length > 0 ? begin : [0], {
  maxNewTokens: steps < 100 ? 20 : 400,
  temperature: 0.8,
})
console.log(`sample:\n${alphabet.decode(text).join('')}`)
