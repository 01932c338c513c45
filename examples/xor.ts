/** Four points that no straight line separates, learned by a network with one hidden layer (`npm run ts examples/xor.ts`). */
import { F, manualSeed, nn, optim, tensor } from 'gradus'

manualSeed(0)
const points = [
  [0, 0],
  [0, 1],
  [1, 0],
  [1, 1],
]
const x = tensor(points)
const y = tensor([[0], [1], [1], [0]])

const model = new nn.Sequential(new nn.Linear(2, 8), new nn.Tanh(), new nn.Linear(8, 1))
const optimizer = new optim.Adam(model.parameters(), { lr: 0.05 })

for (let step = 1; step <= 300; step++) {
  const loss = F.binaryCrossEntropyWithLogits(model.forward(x), y)
  optimizer.zeroGrad()
  loss.backward()
  optimizer.step()
  if (step % 100 === 0) console.log(`step ${step}: loss ${(await loss.item()).toFixed(4)}`)
}

const probabilities = await model.forward(x).sigmoid().data()
for (const [i, [a, b]] of points.entries()) console.log(`${a} xor ${b}: ${probabilities[i]?.toFixed(3)}`)
