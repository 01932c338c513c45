/**
 * A convolution looks for the same strokes everywhere, pooling forgives a pixel or two. So LeNet still reads digits that were
 * moved by two pixels across and two up or down, though it saw centred ones only, far better than a fully connected network
 * with more parameters.
 */
import { concat, manualSeed, nn, optim } from 'gradus'
import { TensorDataset } from 'gradus/data'
import { accuracy, all, learn, lenet, test, train } from './digits.ts'
import { atLeast, seeds, show } from './show.ts'

const centred = new TensorDataset(...all(train, [...Array(2000).keys()]))
const [images, labels] = all(test)
const corners = [-2, 2].flatMap((dy) => [-2, 2].map((dx) => [dx, -dx, dy, -dy]))
const parts = corners.map((padding, i) => images.narrow(0, 250 * i, 250).pad(padding))
const shifted = [concat(parts, 0), labels] as const

const mlp = (): nn.Sequential =>
  new nn.Sequential(new nn.Flatten(), new nn.Linear(784, 64), new nn.ReLU(), new nn.Linear(64, 10))

async function trained(seed: number, make: () => nn.Sequential): Promise<{ accuracy: number; parameters: number }> {
  manualSeed(seed)
  const model = make()
  learn(model, new optim.Adam(model.parameters(), { lr: 2e-3 }), centred, { steps: 400, batchSize: 20, seed })
  const parameters = model.parameters().reduce((sum, parameter) => sum + parameter.size, 0)
  return { accuracy: await accuracy(model, shifted), parameters }
}

const gains: number[] = []
const sizes: number[] = []
for (const seed of seeds) {
  const convolutional = await trained(seed, lenet)
  const connected = await trained(seed, mlp)
  gains.push(convolutional.accuracy - connected.accuracy)
  sizes.push(connected.parameters / convolutional.parameters)
}

show(
  import.meta.url,
  ['convolution: points by which LeNet beats an MLP on shifted digits', '卷积：在平移的数字上 LeNet 超过 MLP 的百分点'],
  gains,
  atLeast(15),
)
show(import.meta.url, ["convolution: the MLP's parameters over LeNet's", '卷积：MLP 与 LeNet 参数量之比'], sizes, {
  text: '> 1',
  clears: (x) => x > 1,
})
