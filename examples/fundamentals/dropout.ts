/**
 * A thousand digits, of which three in ten got a random label. A wide network learns the wrong labels by heart; one that must
 * do without a random half of its units in every step cannot, and reads new digits better.
 */
import { bernoulli, full, manualSeed, nn, optim, randint, where } from 'gradus'
import { TensorDataset } from 'gradus/data'
import { accuracy, all, halved, learn, test, train } from './digits.ts'
import { atLeast, seeds, show } from './show.ts'

const [small, smallTest] = [halved(train), all(halved(test))]

async function trained(seed: number, p: number): Promise<number> {
  manualSeed(seed)
  const [images, labels] = all(
    small,
    Array.from({ length: 1000 }, (_, i) => 1000 * seed + i),
  )
  const random = bernoulli(full([1000], 0.3)).to('bool')
  const noisy = new TensorDataset(images, where(random, randint(0, 10, [1000]), labels))

  const model = new nn.Sequential(
    new nn.Flatten(),
    new nn.Linear(196, 192),
    new nn.ReLU(),
    new nn.Dropout(p),
    new nn.Linear(192, 10),
  )
  learn(model, new optim.Adam(model.parameters(), { lr: 3e-3 }), noisy, { steps: 1200, batchSize: 50, seed })
  return accuracy(model.eval(), smallTest)
}

const gains: number[] = []
for (const seed of seeds) gains.push((await trained(seed, 0.5)) - (await trained(seed, 0)))

show(
  import.meta.url,
  ['dropout, 30 % random labels: points of test accuracy gained', '30 % 随机标签下的 dropout：测试准确率提高的百分点'],
  gains,
  atLeast(5),
)
