/** One training step, recorded once and repeated without recording: for small models, where recording is what takes time (`npm run ts examples/compile.ts`). */
import { compile, F, manualSeed, nn, optim, randint, randn, type Tensor } from 'gradus'

const steps = 300

async function train(compiled: boolean): Promise<{ loss: number; seconds: number }> {
  manualSeed(0)
  const model = new nn.Sequential(new nn.Linear(2, 16), new nn.Tanh(), new nn.Linear(16, 2))
  const optimizer = new optim.Adam(model.parameters(), { lr: 0.01 })
  const schedule = new optim.CosineAnnealingLR(optimizer, steps)

  const plain = (x: Tensor, y: Tensor): Tensor => {
    optimizer.zeroGrad()
    const loss = F.crossEntropy(model.forward(x), y)
    loss.backward()
    optimizer.step()
    return loss
  }
  const step = compiled ? compile(plain) : plain

  const x = randn([32, 2])
  const y = randint(0, 2, [32])
  let loss = 0
  const start = performance.now()
  for (let i = 0; i < steps; i++) {
    loss = await step(x, y).item()
    schedule.step() // not work with tensors, so it stays outside
  }
  return { loss, seconds: (performance.now() - start) / 1000 }
}

const plain = await train(false)
const compiled = await train(true)
console.log(`plain:    loss ${plain.loss.toFixed(6)} after ${steps} steps, ${plain.seconds.toFixed(3)} s`)
console.log(`compiled: loss ${compiled.loss.toFixed(6)} after ${steps} steps, ${compiled.seconds.toFixed(3)} s`)
