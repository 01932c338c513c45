import { describe, expect, test } from 'vitest'
import { DTypeError, IndexError, ShapeError, ValueError } from '../core/errors.ts'
import { DataLoader } from '../data/data-loader.ts'
import { TensorDataset } from '../data/tensor-dataset.ts'
import { crossEntropy } from '../nn/functional/losses/classification.ts'
import { Linear } from '../nn/layers/linear.ts'
import { SGD } from '../optim/sgd.ts'
import { ExponentialLR } from '../optim/schedules/decay.ts'
import { tensor } from '../tensor/creation.ts'
import type { Tensor } from '../tensor/tensor.ts'
import { evaluate, predict } from './evaluate.ts'
import * as training from './fit.ts'
import { accuracy, confusionMatrix } from './metrics.ts'

/** Points of the plane in three classes, by the largest of x, y and −x − y. */
function points(count: number, seed = 1): TensorDataset<readonly [Tensor, Tensor]> {
  let state = seed
  const random = (): number => {
    state = (Math.imul(state, 1103515245) + 12345) >>> 0
    return state / 2 ** 31 - 1
  }
  const xs = Array.from({ length: count }, () => [random(), random()] as [number, number])
  const ys = xs.map(([x, y]) => [x, y, -x - y].indexOf(Math.max(x, y, -x - y)))
  return new TensorDataset(tensor(xs), tensor(Int32Array.from(ys)))
}

function model(): Linear {
  const linear = new Linear(2, 3)
  linear.weight.assign(
    tensor([
      [0.1, -0.2],
      [0.3, 0.1],
      [-0.1, 0.2],
    ]),
  )
  linear.bias?.assign(tensor([0, 0.1, -0.1]))
  return linear
}

const weights = (linear: Linear): number[] => Array.from(linear.weight.dataSync())

describe('fit', () => {
  test('does what the loop written by hand does, bit for bit', async () => {
    const [byHand, fitted] = [model(), model()]
    const optimizer = new SGD(byHand.parameters(), { lr: 0.5, momentum: 0.9 })
    const schedule = new ExponentialLR(optimizer, 0.5)
    const losses: number[] = []
    for (const epoch of [0, 1, 2]) {
      const loader = new DataLoader(points(50), { batchSize: 16, shuffle: true, seed: 4 })
      loader.epoch = epoch
      let sum = 0
      for (const [x, y] of loader) {
        const loss = crossEntropy(byHand.forward(x), y)
        optimizer.zeroGrad()
        loss.backward()
        optimizer.step()
        sum += (await loss.item()) * y.size
      }
      losses.push(sum / 50)
      schedule.step()
    }
    const own = new SGD(fitted.parameters(), { lr: 0.5, momentum: 0.9 })
    const { epochs, ended } = await training.fit(fitted, {
      ...{ train: points(50), optimizer: own, schedule: new ExponentialLR(own, 0.5), loss: crossEntropy },
      ...{ epochs: 3, batchSize: 16, seed: 4, readEvery: 3 },
    })
    expect(weights(fitted)).toEqual(weights(byHand))
    expect(epochs.map(({ train }) => train['loss'])).toEqual(losses)
    expect(epochs.map(({ epoch, steps, lr }) => [epoch, steps, lr])).toEqual([
      [1, 4, 0.5],
      [2, 4, 0.25],
      [3, 4, 0.125],
    ])
    expect(ended).toBe('complete')
  })

  test('learns, and measures training and validation', async () => {
    const linear = model()
    const optimizer = new SGD(linear.parameters(), { lr: 1 })
    const validation = points(100, 2)
    const { epochs } = await training.fit(linear, {
      ...{ train: points(200), validation, optimizer, loss: crossEntropy, metrics: { accuracy }, epochs: 20 },
    })
    const last = epochs.at(-1)
    expect(last?.validation).toEqual(await evaluate(linear, validation, { loss: crossEntropy, metrics: { accuracy } }))
    expect(last?.validation?.['accuracy']).toBeGreaterThan(0.93)
    expect(last?.train['accuracy']).toBeGreaterThan(0.93)
    expect(last?.validation?.['loss']).toBeLessThan((epochs[0]?.validation?.['loss'] ?? 0) / 2)
  })

  test('reads every few steps and tells how far it is', async () => {
    const seen: unknown[] = []
    const linear = model()
    await training.fit(linear, {
      train: points(50),
      optimizer: new SGD(linear.parameters(), { lr: 0.1 }),
      loss: crossEntropy,
      ...{ epochs: 2, batchSize: 10, readEvery: 2 },
      onStep: ({ epoch, step, stepsPerEpoch, totalSteps, recent }) => {
        seen.push([epoch, step, stepsPerEpoch, totalSteps, Number.isFinite(recent['loss'])])
      },
    })
    const steps = [2, 4, 5]
    expect(seen).toEqual([1, 2].flatMap((epoch) => steps.map((step) => [epoch, step, 5, (epoch - 1) * 5 + step, true])))
  })

  test('moves a schedule each step when told to', async () => {
    const linear = model()
    const optimizer = new SGD(linear.parameters(), { lr: 1 })
    const { epochs } = await training.fit(linear, {
      ...{ train: points(40), optimizer, schedule: new ExponentialLR(optimizer, 0.5), scheduleEvery: 'step' },
      ...{ loss: crossEntropy, epochs: 2, batchSize: 10 },
    })
    expect(epochs.map(({ lr }) => lr)).toEqual([1 / 8, 1 / 128])
  })

  test('stops after the step in which the signal is aborted', async () => {
    const linear = model()
    const controller = new AbortController()
    const { epochs, ended } = await training.fit(linear, {
      ...{ train: points(50), validation: points(10), optimizer: new SGD(linear.parameters(), { lr: 0.1 }) },
      ...{ loss: crossEntropy, epochs: 9, batchSize: 10, readEvery: 1, signal: controller.signal },
      onStep: ({ totalSteps }) => {
        if (totalSteps === 7) controller.abort()
      },
    })
    expect(ended).toBe('aborted')
    expect(epochs.map(({ steps, validation }) => [steps, validation !== undefined])).toEqual([
      [5, true],
      [2, false],
    ])
    const before = weights(linear)
    const again = await training.fit(linear, {
      ...{ train: points(50), optimizer: new SGD(linear.parameters(), { lr: 0.1 }), loss: crossEntropy, epochs: 1 },
      signal: controller.signal,
    })
    expect(again).toEqual({ epochs: [], ended: 'aborted' })
    expect(weights(linear)).toEqual(before)
  })

  test('stops when the validation loss gets no better', async () => {
    const linear = model()
    const { epochs, ended } = await training.fit(linear, {
      ...{ train: points(20), validation: points(20), optimizer: new SGD(linear.parameters(), { lr: 0 }) },
      ...{ loss: crossEntropy, epochs: 9, patience: 2 },
    })
    expect([epochs.length, ended]).toEqual([3, 'patience'])
  })

  test('refuses what makes no sense', async () => {
    const linear = model()
    const good = { train: points(4), optimizer: new SGD(linear.parameters(), { lr: 1 }), loss: crossEntropy, epochs: 1 }
    await expect(training.fit(linear, { ...good, epochs: 1.5 })).rejects.toThrow(ValueError)
    await expect(training.fit(linear, { ...good, readEvery: 0 })).rejects.toThrow(
      'readEvery must be a whole number ≥ 1',
    )
    await expect(training.fit(linear, { ...good, patience: 1 })).rejects.toThrow('patience needs a validation set')
    await expect(training.fit(linear, { ...good, train: points(0) })).rejects.toThrow('the training set is empty')
  })
})

describe('evaluate and predict', () => {
  test('give exact means over batches of unequal size, and keep the mode', async () => {
    const linear = model()
    const data = points(7)
    const [x, y] = data.batch([...Array(7).keys()])
    const whole = await crossEntropy(linear.forward(x), y).item()
    const inParts = await evaluate(linear, data, { loss: crossEntropy, batchSize: 3 })
    expect(inParts['loss']).toBeCloseTo(whole, 6)
    expect(linear.training).toBe(true)
    expect((await predict(linear, data, { batchSize: 3 })).toArraySync()).toEqual(linear.forward(x).toArraySync())
    expect((await predict(linear.eval(), data)).requiresGrad).toBe(false)
    expect(linear.training).toBe(false)
    await expect(predict(linear, points(0))).rejects.toThrow(ValueError)
  })
})

describe('metrics', () => {
  const logits = tensor([
    [1, 0, 0],
    [0, 2, 1],
    [0, 2, 3],
    [5, 0, 1],
  ])
  const labels = tensor(Int32Array.of(0, 1, 1, 2))

  test('accuracy', async () => {
    expect(await accuracy(logits, labels).item()).toBe(0.5)
  })

  test('confusionMatrix', async () => {
    expect(await confusionMatrix(logits, labels)).toEqual([
      [1, 0, 0],
      [0, 1, 1],
      [1, 0, 0],
    ])
  })

  test('refuse what does not fit', async () => {
    expect(() => accuracy(logits, tensor(Int32Array.of(0, 1)))).toThrow(ShapeError)
    expect(() => accuracy(logits, tensor([0, 1, 1, 2]))).toThrow(DTypeError)
    await expect(confusionMatrix(logits, tensor(Int32Array.of(0, 1, 3, 2)))).rejects.toThrow(IndexError)
  })
})
