/** Training as a whole: from the same weights, on the same batches, the losses of 50 steps are PyTorch's (parity.py). */
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { expect, test, vi } from 'vitest'
import { F, nn, optim, type Tensor, tensor } from '../../src/index.ts'
import type { Layer } from '../../src/nn/module.ts'
import { start } from './start.ts'

vi.setConfig({ testTimeout: 60_000 })

interface Run {
  readonly losses: readonly number[]
  readonly statistics: Readonly<Record<string, readonly number[]>>
}

const expected = JSON.parse(readFileSync(new URL('losses.json', import.meta.url), 'utf8')) as Record<string, Run>
const resolve = createRequire(import.meta.url).resolve
const [steps, batch, pixels] = [50, 32, 28 * 28]

/** Image k shows digit 3k mod 10, and is the ⌊k / 10⌋-th of its kind. */
function* batches(): Iterable<[Tensor, Tensor]> {
  const digits = Array.from({ length: 10 }, (_, digit) => {
    const file = readFileSync(resolve(`mnist/src/digits/${digit}.json`), 'utf8')
    return Float32Array.from((JSON.parse(file) as { data: number[] }).data)
  })
  for (let step = 0; step < steps; step++) {
    const numbers = Array.from({ length: batch }, (_, i) => step * batch + i)
    const labels = Int32Array.from(numbers, (k) => (3 * k) % 10)
    const images = new Float32Array(batch * pixels)
    for (const [i, k] of numbers.entries()) {
      const at = Math.floor(k / 10) * pixels
      images.set(digits[labels[i]!]!.subarray(at, at + pixels), i * pixels)
    }
    yield [tensor(images, { shape: [batch, 1, 28, 28] }), tensor(labels)]
  }
}

async function expectSameLosses(name: string, model: Layer, optimizer: optim.Optimizer): Promise<void> {
  const { losses, statistics } = expected[name]!
  let step = 0
  for (const [x, y] of batches()) {
    const loss = F.crossEntropy(model.forward(x), y)
    optimizer.zeroGrad()
    loss.backward()
    optimizer.step()
    const value = await loss.item()
    expect(Math.abs(value - losses[step]!), `loss ${value} of step ${step}, PyTorch's ${losses[step]}`).toBeLessThan(
      1e-4,
    )
    step++
  }
  expect(step).toBe(steps)
  const buffers = new Map(model.namedBuffers())
  for (const [buffer, values] of Object.entries(statistics)) {
    const actual = await buffers.get(buffer)!.data()
    for (const [i, value] of values.entries()) {
      expect(Math.abs(actual[i]! - value), `${buffer}[${i}]`).toBeLessThan(1e-3 * Math.max(1, Math.abs(value)))
    }
  }
}

test('LeNet with momentum', async () => {
  const model = new nn.Sequential(
    new nn.Conv2d(1, 6, 5, { padding: 2 }),
    new nn.ReLU(),
    new nn.MaxPool2d(2),
    new nn.Conv2d(6, 16, 5),
    new nn.ReLU(),
    new nn.MaxPool2d(2),
    new nn.Flatten(),
    new nn.Linear(400, 120),
    new nn.ReLU(),
    new nn.Linear(120, 84),
    new nn.ReLU(),
    new nn.Linear(84, 10),
  )
  const optimizer = new optim.SGD(start(model).parameters(), { lr: 0.05, momentum: 0.9 })
  await expectSameLosses('lenet', model, optimizer)
})

test('a perceptron with Adam', async () => {
  const model = new nn.Sequential(
    new nn.Flatten(),
    new nn.Linear(784, 64),
    new nn.Tanh(),
    new nn.Linear(64, 32),
    new nn.GELU(),
    new nn.Linear(32, 10),
  )
  const optimizer = new optim.Adam(start(model).parameters(), { lr: 2e-3 })
  await expectSameLosses('mlp', model, optimizer)
})

test('a CNN with batch normalisation, weight decay and dropout of nothing', async () => {
  const model = new nn.Sequential(
    new nn.Conv2d(1, 8, 3, { padding: 1 }),
    new nn.BatchNorm2d(8),
    new nn.ReLU(),
    new nn.MaxPool2d(2),
    new nn.Dropout(0),
    new nn.Conv2d(8, 16, 3, { stride: 2, bias: false }),
    new nn.BatchNorm2d(16),
    new nn.ReLU(),
    new nn.AdaptiveAvgPool2d(1),
    new nn.Flatten(),
    new nn.Linear(16, 10),
  )
  const optimizer = new optim.SGD(start(model).parameters(), { lr: 0.05, momentum: 0.9, weightDecay: 1e-4 })
  await expectSameLosses('normalized', model, optimizer)
})
