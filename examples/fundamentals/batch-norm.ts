/**
 * Eight sigmoid layers of 100, plain gradient descent with a learning rate of 0.1. Normalised between product and sigmoid, each
 * layer works where the sigmoid is steep, and the network learns at once. Without, it does not leave ln 10 ≈ 2.3: guessing.
 */
import { F, manualSeed, nn, noGrad, optim } from 'gradus'
import { all, halved, learn, train } from './digits.ts'
import { seeds, show } from './show.ts'

const digits = halved(train)
const [images, labels] = all(digits, [...Array(1000).keys()])

async function lossAfter(steps: number, seed: number, normalized: boolean): Promise<number> {
  manualSeed(seed)
  const layers: nn.Layer[] = [new nn.Flatten()]
  for (let i = 0; i < 8; i++) {
    layers.push(new nn.Linear(i === 0 ? 196 : 100, 100))
    if (normalized) layers.push(new nn.BatchNorm1d(100))
    layers.push(new nn.Sigmoid())
  }
  const model = new nn.Sequential(...layers, new nn.Linear(100, 10))
  learn(model, new optim.SGD(model.parameters(), { lr: 0.1 }), digits, { steps, batchSize: 32, seed })
  return noGrad(() => F.crossEntropy(model.forward(images), labels)).item()
}

const withIt: number[] = []
const without: number[] = []
for (const seed of seeds) {
  withIt.push(await lossAfter(400, seed, true))
  without.push(await lossAfter(2000, seed, false))
}

show(
  import.meta.url,
  ['8 sigmoid layers with batch norm: loss after 400 steps', '8 层 sigmoid，有批归一化：400 步后的损失'],
  withIt,
  { text: '< 0.5', clears: (x) => x < 0.5 },
)
show(
  import.meta.url,
  ['8 sigmoid layers without batch norm: loss after 2,000 steps', '8 层 sigmoid，无批归一化：2000 步后的损失'],
  without,
  { text: '> 2', clears: (x) => x > 2 },
)
