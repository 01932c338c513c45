/**
 * A small GPT that learns to write, character by character: `npm run ts examples/char-gpt.ts [file] [steps]`. Without a file
 * (or with `-`) it reads Moby Dick. 0.8 million parameters, as nanoGPT's setting for a laptop.
 */
import { F, manualSeed, nn, optim, type Tensor } from 'gradus'
import { DataLoader, tokenWindows } from 'gradus/data'
import { Gpt } from 'gradus/models'
import { evaluate } from 'gradus/train'
import { characters } from './text.ts'

const steps = Number(process.argv[3] ?? 4000)
const [layers, heads, size, context, batch] = [4, 4, 128, 64, 12]

manualSeed(1)
const { train, validation, alphabet } = await characters(process.argv[2])
const model = new Gpt({ vocabulary: alphabet.size, layers, heads, size, context })
const parameters = model.parameters().reduce((sum, { size }) => sum + size, 0)
console.log(`${train.length} characters to learn from, ${alphabet.size} different ones; ${parameters} parameters`)

const loss = (logits: Tensor, next: Tensor): Tensor => F.crossEntropy(logits.flatten(0, 1), next.flatten())
const windows = new DataLoader(tokenWindows(train, { length: context, shift: true }), {
  batchSize: batch,
  shuffle: true,
})

/** Mean loss in nats over the first `limit` characters of the validation text. */
async function validate(limit = validation.length): Promise<number> {
  const held = tokenWindows(validation.subarray(0, limit), { length: context })
  return (await evaluate(model, held, { loss, batchSize: 32 }))['loss'] ?? Number.NaN
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
const few = steps < 100 ? 2049 : 40_000
let step = 0
while (step < steps) {
  for await (const [x, y] of windows) {
    const value = loss(model.forward(x), y)
    optimizer.zeroGrad()
    value.backward()
    nn.utils.clipGradNorm(model.parameters(), 1)
    optimizer.step()
    schedule.step()
    if (++step % Math.ceil(steps / 20) === 0 || step === 1) {
      const seconds = (performance.now() - began) / 1000
      const [here, there] = [await value.item(), await validate(few)]
      console.log(
        `step ${step} of ${steps}, ${seconds.toFixed(0)} s: loss ${here.toFixed(3)}, validation ${there.toFixed(3)}`,
      )
    }
    if (step === steps) break
  }
}
console.log(`validation loss ${(await validate(steps < 100 ? few : undefined)).toFixed(4)} nats a character`)

model.eval()
const begin = alphabet.encode('\n')
const text = await model.write(begin.length > 0 ? begin : [0], {
  maxNewTokens: steps < 100 ? 63 : 400,
  doSample: true,
  temperature: 0.8,
  topK: 20,
})
console.log(`sample:\n${alphabet.decode(text).join('')}`)
