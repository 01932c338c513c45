/** Networks built to have one disease each, at two severities; and healthy ones. */
import { describe, expect, test } from 'vitest'
import { DataLoader } from '../data/data-loader.ts'
import { TensorDataset } from '../data/tensor-dataset.ts'
import { ReLU } from '../nn/activations/rectifiers.ts'
import { Sigmoid, Tanh } from '../nn/activations/smooth.ts'
import { Sequential } from '../nn/containers.ts'
import { crossEntropy } from '../nn/functional/losses/classification.ts'
import { mseLoss } from '../nn/functional/losses/regression.ts'
import { BatchNorm2d } from '../nn/layers/batch-norm.ts'
import { Conv2d } from '../nn/layers/conv.ts'
import { Flatten } from '../nn/layers/flatten.ts'
import { Linear } from '../nn/layers/linear.ts'
import { MaxPool2d } from '../nn/layers/max-pool.ts'
import { Module, type Layer } from '../nn/module.ts'
import { GRU } from '../nn/recurrent/layers.ts'
import { Adam } from '../optim/adam.ts'
import { SGD } from '../optim/sgd.ts'
import { full, tensor } from '../tensor/creation.ts'
import { manualSeed, randn } from '../tensor/random.ts'
import type { Tensor } from '../tensor/tensor.ts'
import { type Disease, type Finding, TrainingDoctor } from './doctor.ts'
import { findLearningRate } from './find-learning-rate.ts'
import * as training from './fit.ts'
import type { FitOptions } from './fit-options.ts'

type Pairs = TensorDataset<readonly [Tensor, Tensor]>

/** Points in `classes` sectors of the plane. */
function sectors(count: number, classes = 3, seed = 0): Pairs {
  manualSeed(seed)
  const x = randn([count, 2])
  const labels = Array.from({ length: count }, (_, i) => {
    const [a, b] = [x.dataSync()[2 * i]!, x.dataSync()[2 * i + 1]!]
    return Math.floor(((Math.atan2(b, a) + Math.PI) / (2 * Math.PI)) * classes) % classes
  })
  return new TensorDataset(x, tensor(Int32Array.from(labels)))
}

function mlp(
  activation: () => Layer,
  depth: number,
  { inputs = 2, width = 16, outputs = 3, seed = 1 } = {},
): Sequential {
  manualSeed(seed)
  const hidden = Array.from({ length: depth }, (_, i) => [
    new Linear(i === 0 ? inputs : width, width),
    activation(),
  ]).flat()
  return new Sequential(...hidden, new Linear(width, outputs))
}

async function examine(model: Layer, options: Partial<FitOptions> & { train: Pairs; lr?: number }): Promise<Finding[]> {
  const doctor = new TrainingDoctor({ onFinding: () => {} })
  const { lr = 0.05, loss = crossEntropy, ...rest } = options
  await training.fit(model, {
    ...{ epochs: 4, batchSize: 32, readEvery: 1, optimizer: new SGD(model.parameters(), { lr }) },
    ...rest,
    loss: doctor.watch(loss),
    callbacks: [doctor],
  })
  return doctor.findings
}

const found = (findings: Finding[], disease: Disease): Finding | undefined =>
  findings.find((each) => each.disease === disease)

/** A recurrent cell, unrolled. */
class Unrolled extends Module {
  input: Linear = new Linear(2, 8)
  recurrent: Linear = new Linear(8, 8, { bias: false })
  output: Linear = new Linear(8, 3)
  readonly steps: number

  constructor(scale: number, steps: number) {
    super()
    this.steps = steps
    this.recurrent.weight.assign(this.recurrent.weight.mul(scale))
  }

  forward(x: Tensor): Tensor {
    let h = this.input.forward(x)
    for (let t = 0; t < this.steps; t++) h = this.recurrent.forward(h)
    return this.output.forward(h)
  }
}

describe('diseases', () => {
  test.each([8, 14])('vanishing gradients: %i sigmoid layers', async (depth) => {
    const finding = found(
      await examine(
        mlp(() => new Sigmoid(), depth),
        { train: sectors(128) },
      ),
      'vanishing gradients',
    )
    expect(finding?.layer).toBe('0')
    expect(finding?.message).toMatch(/the gradients of layer '0' vanish: [\d.e-]+ of the largest/)
  })

  test.each([
    [4, 12],
    [5, 16],
  ])('exploding gradients: a recurrent net, weights × %i, %i steps', async (scale, steps) => {
    manualSeed(0)
    const findings = await examine(new Unrolled(scale, steps), { train: sectors(64), lr: 1e-12 })
    const exploding = findings.filter(({ disease }) => disease === 'exploding gradients')
    expect(exploding.map(({ layer }) => layer)).toContain('recurrent')
    expect(exploding[0]?.message).toMatch(/the gradients of layer '\w+' explode: .* times the size of its weights/)
  })

  test.each([-5, -50])('dead ReLUs: bias %i', async (bias) => {
    const model = mlp(() => new ReLU(), 2)
    const layer = model.at(2) as Linear
    layer.bias!.assign(full([16], bias))
    const finding = found(await examine(model, { train: sectors(128) }), 'dead units')
    expect([finding?.layer, finding!.figure > 0.9]).toEqual(['3', true])
  })

  test.each([20, 200])('saturated activations: weights × %i', async (scale) => {
    const model = mlp(() => new Tanh(), 2)
    const layer = model.at(0) as Linear
    layer.weight.assign(layer.weight.mul(scale))
    expect(found(await examine(model, { train: sectors(128) }), 'saturated units')?.layer).toBe('1')
  })

  test.each([1, 100])('not a number: the logarithm of 0, × %i', async (scale) => {
    const model = mlp(() => new ReLU(), 1)
    const loss = (y: Tensor, t: Tensor): Tensor => crossEntropy(y, t).add(y.relu().log().mul(scale).mean())
    const finding = found(await examine(model, { train: sectors(32), loss, epochs: 1 }), 'not a number')
    expect(finding?.message).toContain("the first operation that gave one is 'log'")
  })

  test.each([30, 3000])('learning rate too high: %i', async (lr) => {
    const model = mlp(() => new Tanh(), 1)
    const findings = await examine(model, { train: sectors(256), lr })
    expect(found(findings, 'learning rate too high')?.figure).toBe(lr)
  })

  test.each([1e-6, 1e-9])('learning rate too low: %d', async (lr) => {
    const findings = await examine(
      mlp(() => new Tanh(), 1),
      { train: sectors(256), lr },
    )
    expect(found(findings, 'learning rate too low')?.figure).toBe(lr)
  })

  test.each([0.3, 0.5])('overfitting on 50 samples: %d of the labels are noise', async (share) => {
    const data = sectors(50)
    const [x, y] = data.batch([...Array(50).keys()])
    const noisy = Int32Array.from(y.dataSync(), (label, i) => (i % 10 < 10 * share ? (label + 1) % 3 : label))
    const model = mlp(() => new ReLU(), 2, { width: 64 })
    const findings = await examine(model, {
      ...{ train: new TensorDataset(x, tensor(noisy)) as Pairs, validation: sectors(200, 3, 5) },
      ...{ epochs: 60, optimizer: new Adam(model.parameters(), { lr: 0.01 }) },
    })
    expect(found(findings, 'overfitting')?.figure).toBeGreaterThan(1.15)
  })

  test.each([12, 60])('class imbalance: 1 to %i', async (ratio) => {
    const data = sectors(1200, 2)
    const [x, y] = data.batch([...Array(1200).keys()])
    const labels = y.dataSync()
    let ones = 0
    const kept = [...labels.keys()].filter((i) => labels[i] === 0 || ones++ % ratio === 0)
    const train = new TensorDataset(...data.batch(kept)) as Pairs
    const finding = found(
      await examine(
        mlp(() => new ReLU(), 1, { outputs: 2 }),
        { train, epochs: 1 },
      ),
      'class imbalance',
    )
    expect(finding?.message).toMatch(/class 0 has [\d.]+ times as many samples as class 1/)
    expect(x.shape).toEqual([1200, 2])
  })

  test.each([3, 9])('labels off by one: %i classes', async (classes) => {
    const data = sectors(400, classes)
    const [x, y] = data.batch([...Array(400).keys()])
    const train = new TensorDataset(x, y.add(1)) as Pairs
    const findings = await examine(
      mlp(() => new ReLU(), 1, { outputs: classes + 1 }),
      { train, epochs: 1 },
    )
    expect(found(findings, 'labels off by one')?.message).toContain('labels may count from 1')
  })
})

/** Pictures [1, 8, 8] of bars, lying or upright, with noise. */
function bars(count: number, seed: number): Pairs {
  manualSeed(seed)
  const x = randn([count, 1, 8, 8]).mul(0.3).dataSync()
  for (let i = 0; i < x.length; i++) {
    const [n, row, column] = [Math.floor(i / 64), Math.floor(i / 8) % 8, i % 8]
    if ((n % 2 === 0 ? row : column) === n % 7) x[i]! += 1
  }
  return new TensorDataset(
    tensor(x, { shape: [count, 1, 8, 8] }),
    tensor(Int32Array.from({ length: count }, (_, i) => i % 2)),
  )
}

/** Series [10, 1] that rise or fall, with noise. */
function trends(count: number, seed: number): Pairs {
  manualSeed(seed)
  const x = randn([count, 10, 1]).mul(0.2).dataSync()
  for (let i = 0; i < x.length; i++) x[i]! += (Math.floor(i / 10) % 2 === 0 ? 1 : -1) * (((i % 10) - 4.5) / 5)
  return new TensorDataset(
    tensor(x, { shape: [count, 10, 1] }),
    tensor(Int32Array.from({ length: count }, (_, i) => i % 2)),
  )
}

/** The last state of a GRU, to two classes. */
class Reader extends Module {
  gru: GRU = new GRU(1, 12, { batchFirst: true })
  head: Linear = new Linear(12, 2)

  forward(x: Tensor): Tensor {
    return this.head.forward(this.gru.forward(x)[0].select(1, 9))
  }
}

describe.each([0, 1, 2])('nothing is found where nothing is wrong, seed %i', (seed) => {
  const seeded = <M>(make: () => M): M => {
    manualSeed(seed)
    return make()
  }
  const line = (): Pairs => {
    const x = seeded(() => randn([256, 2]))
    return new TensorDataset(x, x.matmul(tensor([[1], [2]])))
  }
  const healthy: Record<string, () => Promise<Finding[]>> = {
    'a perceptron with ReLU, and validation': () =>
      examine(
        mlp(() => new ReLU(), 2, { seed }),
        { train: sectors(256, 3, seed), validation: sectors(128, 3, 9) },
      ),
    'eight classes, tanh': () =>
      examine(
        mlp(() => new Tanh(), 2, { outputs: 8, seed }),
        { train: sectors(512, 8, seed), epochs: 6 },
      ),
    'one layer of sigmoids, a high rate': () =>
      examine(
        mlp(() => new Sigmoid(), 1, { seed }),
        { train: sectors(256, 3, seed), lr: 0.5 },
      ),
    'a regression': () =>
      examine(
        seeded(() => new Linear(2, 1)),
        { train: line(), loss: mseLoss },
      ),
    'convolutions with batch norm and Adam': () => {
      const model = seeded(
        () =>
          new Sequential(
            ...[new Conv2d(1, 8, 3, { padding: 1 }), new BatchNorm2d(8), new ReLU(), new MaxPool2d(2)],
            ...[
              new Conv2d(8, 16, 3, { padding: 1 }),
              new BatchNorm2d(16),
              new ReLU(),
              new Flatten(),
              new Linear(256, 2),
            ],
          ),
      )
      const optimizer = new Adam(model.parameters(), { lr: 2e-3 })
      return examine(model, { train: bars(256, seed), validation: bars(64, seed + 10), optimizer })
    },
    'a GRU with Adam': () => {
      const model = seeded(() => new Reader())
      const optimizer = new Adam(model.parameters(), { lr: 1e-2 })
      return examine(model, { train: trends(256, seed), validation: trends(64, seed + 10), optimizer })
    },
  }
  test.each(Object.keys(healthy))('%s', async (name) => expect(await healthy[name]!()).toEqual([]))
})

test('the learning-rate finder finds a rate that trains, and leaves the model as it was', async () => {
  const model = mlp(() => new ReLU(), 1)
  const before = model.parameters().map((p) => p.dataSync())
  const train = new DataLoader(sectors(256), { batchSize: 32, shuffle: true })
  const { suggestion, points } = await findLearningRate(model, {
    ...{ train, loss: crossEntropy, from: 1e-4, to: 100, steps: 60 },
    optimizer: (parameters, lr) => new SGD(parameters, { lr }),
  })
  expect(suggestion).toBeGreaterThan(0.01)
  expect(suggestion).toBeLessThan(30)
  expect(points[0]!.lr).toBe(1e-4)
  expect(model.parameters().map((p) => p.dataSync())).toEqual(before)
  const { epochs } = await training.fit(model, {
    train,
    loss: crossEntropy,
    epochs: 4,
    optimizer: new SGD(model.parameters(), { lr: suggestion }),
  })
  expect(epochs.at(-1)!.train['loss']).toBeLessThan(0.9 * epochs[0]!.train['loss']!)
})
