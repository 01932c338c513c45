/**
 * A network learns one task, then another one by low-rank adapters alone: its own weights stay as they are, what is stored for the
 * second task is small, and merged it costs nothing (`npm run ts examples/lora.ts`).
 */
import { F, manualSeed, nn, optim, randn, type Tensor } from 'gradus'
import { Lora } from 'gradus/models'

async function train(model: nn.Layer, parameters: nn.Parameter[], [x, y]: [Tensor, Tensor]): Promise<number> {
  const optimizer = new optim.Adam(parameters, { lr: 1e-2 })
  for (let step = 0; step < 200; step++) {
    optimizer.zeroGrad()
    F.mseLoss(model.forward(x), y).backward()
    optimizer.step()
  }
  return F.mseLoss(model.forward(x), y).item()
}

manualSeed(0)
const model = new nn.Sequential(
  new nn.Linear(8, 64),
  new nn.Tanh(),
  new nn.Linear(64, 64),
  new nn.Tanh(),
  new nn.Linear(64, 4),
)
const x = randn([256, 8])
const mixing = randn([8, 4])
const first = x.matmul(mixing).sin()
const second = x.matmul(mixing).cos()

console.log(`first task: loss ${(await train(model, model.parameters(), [x, first])).toFixed(4)}`)
console.log(`second task, not learned yet: loss ${(await F.mseLoss(model.forward(x), second).item()).toFixed(4)}`)

const lora = new Lora(model, { rank: 4, alpha: 8 })
const count = (parameters: nn.Parameter[]): number => parameters.reduce((sum, { size }) => sum + size, 0)
console.log(`adapters: ${count(lora.parameters())} of ${count(model.parameters())} weights`)
console.log(`second task: loss ${(await train(model, lora.parameters(), [x, second])).toFixed(4)}`)

const adapted = model.forward(x)
await adapted.data()
lora.merge()
const difference = await model.forward(x).sub(adapted).abs().max().item()
console.log(`merged: outputs differ by ${difference < 1e-5 ? 'less than 1e-5' : difference}`)
