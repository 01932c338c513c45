/**
 * What one model has learned as the beginning of another: the lower layers are copied by state dict and frozen, a new last layer
 * is trained (`npm run ts examples/transfer.ts`).
 */
import { F, manualSeed, nn, optim, randn, type Tensor } from 'gradus'

class Network extends nn.Module {
  body = new nn.Sequential(new nn.Linear(8, 32), new nn.Tanh(), new nn.Linear(32, 32), new nn.Tanh())
  head: nn.Linear
  constructor(outputs: number) {
    super()
    this.head = new nn.Linear(32, outputs)
  }
  forward(x: Tensor): Tensor {
    return this.head.forward(this.body.forward(x))
  }
}

async function train(model: Network, x: Tensor, y: Tensor, steps: number): Promise<number> {
  const trained = model.parameters().filter((parameter) => parameter.requiresGrad)
  const optimizer = new optim.Adam(trained, { lr: 1e-2 })
  let loss = F.mseLoss(model.forward(x), y)
  for (let step = 0; step < steps; step++) {
    optimizer.zeroGrad()
    loss.backward()
    optimizer.step()
    loss = F.mseLoss(model.forward(x), y)
  }
  return loss.item()
}

manualSeed(0)
const x = randn([512, 8])
const waves = x.matmul(randn([8, 4])).sin()

const teacher = new Network(4)
console.log(`first task: loss ${(await train(teacher, x, waves, 300)).toFixed(4)}`)

// A task that looks alike, and one tenth of the data for it.
const few = x.narrow(0, 0, 51)
const sums = waves.narrow(0, 0, 51).sum(1, { keepdim: true })

const fresh = new Network(1)
const student = new Network(1)
const { missing, unexpected } = student.body.loadStateDict(teacher.body.stateDict())
console.log(`copied the body: ${missing.length} missing, ${unexpected.length} unexpected`)
student.freeze('body')

const rest = x.narrow(0, 51, 461)
const wanted = waves.narrow(0, 51, 461).sum(1, { keepdim: true })
for (const [name, model] of Object.entries({ 'from scratch': fresh, transferred: student })) {
  await train(model, few, sums, 300)
  const unseen = F.mseLoss(model.forward(rest), wanted)
  console.log(`${name}: loss ${(await unseen.item()).toFixed(4)} on data it has not seen`)
}
