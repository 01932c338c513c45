/**
 * A network that saw upright digits reads tilted ones badly. Turned by up to 30 degrees while it learns, another way each time, the
 * same thousand digits teach it to.
 */
import { F, manualSeed, optim } from 'gradus'
import { DataLoader, Random, TensorDataset, transforms } from 'gradus/data'
import { accuracy, all, lenet, test, train } from './digits.ts'
import { atLeast, seeds, show } from './show.ts'

const digits = new TensorDataset(...all(train, [...Array(1000).keys()]))
const turn = transforms.batched.randomRotation(30)
const [images, labels] = all(test)
const turned = [turn(images, new Random(1)), labels] as const
await turned[0].data()

async function trained(seed: number, augments: boolean): Promise<number> {
  manualSeed(seed)
  const model = lenet()
  const optimizer = new optim.Adam(model.parameters(), { lr: 1e-3 })
  const loader = new DataLoader(digits, { batchSize: 50, seed, shuffle: true })
  let step = 0
  for (let epoch = 0; epoch < 40; epoch++) {
    for (const [x, y] of loader) {
      const seen = augments ? turn(x, new Random(seed, { index: step++ })) : x
      optimizer.zeroGrad()
      F.crossEntropy(model.forward(seen), y).backward()
      optimizer.step()
    }
  }
  return accuracy(model, turned)
}

const accuracies: number[] = []
const gains: number[] = []
for (const seed of seeds) {
  const augmented = await trained(seed, true)
  accuracies.push(augmented)
  gains.push(augmented - (await trained(seed, false)))
}

show(
  import.meta.url,
  ['trained with rotation by ±30°: accuracy on rotated digits', '训练时随机旋转 ±30°：在旋转数字上的准确率'],
  accuracies,
  atLeast(91, ' %'),
)
show(
  import.meta.url,
  ['the same: points gained over training without rotation', '同上：比不旋转时提高的百分点'],
  gains,
  atLeast(6),
)
