import { expect, test } from 'vitest'
import { TensorDataset } from '../data/tensor-dataset.ts'
import { crossEntropy } from '../nn/functional/losses/classification.ts'
import { Linear } from '../nn/layers/linear.ts'
import { SGD } from '../optim/sgd.ts'
import { tensor } from '../tensor/creation.ts'
import { manualSeed } from '../tensor/random.ts'
import * as training from '../train/fit.ts'
import { BestValidation, bestEpoch, measured } from './outcome.ts'
import { classification } from './recipes/recipe.ts'

const classes = ['low', 'high']
const places = [-2, -1, 1, 2, 3]
const points = new TensorDataset(
  tensor(places.map((x) => [x])),
  tensor(
    places.map((x) => Number(x > 0)),
    { dtype: 'int32' },
  ),
)

test('the best validation is kept with its confusion matrix: nothing is computed a second time', async () => {
  manualSeed(0)
  const model = new Linear(1, 2)
  let reads = 0
  const validation = {
    ...points,
    length: points.length,
    get: (i: number) => points.get(i),
    batch: (indices: ArrayLike<number>) => {
      reads++
      return points.batch(indices)
    },
  }
  const trained = { model, inputShape: [1, 1], loss: crossEntropy, ...classification, classes, validation }
  const kept = new BestValidation(trained)
  const { epochs } = await training.fit(model, {
    ...{ train: points, validation, loss: crossEntropy, metrics: classification.metrics, epochs: 4, restoreBest: true },
    ...{ monitor: 'accuracy', mode: 'max', optimizer: new SGD(model.parameters(), { lr: 1 }) },
    ...{ validationMetrics: kept.metrics, callbacks: [kept] },
  })
  const before = reads
  const outcome = await kept.outcome()
  expect([before, reads]).toEqual([4, 4])
  expect(outcome).toEqual({ ...(await measured(trained)), part: 'validation' })
  expect(reads).toBe(5)
  expect(outcome.figures).toEqual(bestEpoch(epochs, { monitor: 'accuracy', mode: 'max' })?.validation)
  expect(outcome.confusion).toEqual({
    classes,
    counts: [
      [2, 0],
      [0, 3],
    ],
  })
})

test('the best epoch is the first of the best; none where nothing was validated', () => {
  const epochs = [0.5, 0.8, 0.8, 0.1].map((accuracy, i) => ({
    ...{ epoch: i + 1, steps: 1, train: {}, lr: 1, seconds: 1 },
    validation: { accuracy },
  }))
  expect(bestEpoch(epochs, { monitor: 'accuracy', mode: 'max' })?.epoch).toBe(2)
  expect(bestEpoch(epochs, { monitor: 'accuracy', mode: 'min' })?.epoch).toBe(4)
  expect(bestEpoch(epochs, { monitor: 'loss', mode: 'min' })).toBe(undefined)
})
