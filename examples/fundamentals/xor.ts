/**
 * Exclusive or: four points that no straight line separates. Layers without an activation between them are one linear map,
 * and get at most three of the four right, however long they train.
 */
import { F, manualSeed, nn, optim, tensor } from 'gradus'
import { atMost, exactly, seeds, show } from './show.ts'

const x = tensor([
  [0, 0],
  [0, 1],
  [1, 0],
  [1, 1],
])
const y = tensor([[0], [1], [1], [0]])

async function accuracyAfterTraining(seed: number, activation: nn.Layer): Promise<number> {
  manualSeed(seed)
  const model = new nn.Sequential(new nn.Linear(2, 8), activation, new nn.Linear(8, 1))
  const optimizer = new optim.Adam(model.parameters(), { lr: 0.05 })
  for (let step = 0; step < 500; step++) {
    const loss = F.binaryCrossEntropyWithLogits(model.forward(x), y)
    optimizer.zeroGrad()
    loss.backward()
    optimizer.step()
  }
  const right = model.forward(x).gt(0).eq(y.gt(0))
  return 100 * (await right.to('float32').mean().item())
}

const linear: number[] = []
const curved: number[] = []
for (const seed of seeds) {
  linear.push(await accuracyAfterTraining(seed, new nn.Identity()))
  curved.push(await accuracyAfterTraining(seed, new nn.Tanh()))
}

show(import.meta.url, ['XOR without an activation: accuracy', '异或，没有激活函数：准确率'], linear, atMost(75, ' %'))
show(
  import.meta.url,
  ['XOR with an activation (tanh): accuracy', '异或，有激活函数（tanh）：准确率'],
  curved,
  exactly(100, ' %'),
)
