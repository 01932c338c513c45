import { describe, expect, test } from 'vitest'
import { IndexError, ShapeError, ValueError } from '../core/errors.ts'
import { tensor } from '../tensor/creation.ts'
import { confusion, f1, precision, recall, rocAuc, topK } from './classification-metrics.ts'
import { editDistance } from './edit-distance.ts'
import { mae, perplexity, r2, rmse } from './regression-metrics.ts'
import { type StreamingMetric, valuesOf } from './streaming-metric.ts'

/** Labels and logits of which the choices are 0 0 1 1 2 2 0 1. Expected figures: scikit-learn 1.5. */
const labels = [0, 1, 1, 1, 2, 0, 0, 2]
const choices = [0, 0, 1, 1, 2, 2, 0, 1]
const logits = choices.map((choice, i) => [0, 1, 2].map((c) => (c === choice ? 3 : c === labels[i] ? 2 : 1)))

/** The figure after two batches of unequal size, the second by a metric that took the state of the first over. */
async function measure(metric: StreamingMetric, output: number[][] | number[], target: number[]): Promise<number> {
  const values = (from: number, to?: number): ReturnType<typeof valuesOf> =>
    valuesOf(tensor(output.slice(from, to)), tensor(Float32Array.from(target.slice(from, to))))
  metric.update(await values(0, 3))
  const other = metric.fresh()
  other.restore(metric.state())
  other.update(await values(3))
  return other.compute()
}

describe('classification', () => {
  const figures = async (make: typeof f1): Promise<number[]> =>
    Promise.all(
      (['macro', 'weighted', 'micro', 1] as const).map((average) =>
        measure(make({ classes: 3, average }), logits, labels),
      ),
    )
  const close = (values: number[], expected: number[]): void => {
    for (const [i, value] of values.entries()) expect(value).toBeCloseTo(expected[i]!, 12)
  }

  test('precision, recall and F1', async () => {
    close(await figures(precision), [
      (2 / 3 + 2 / 3 + 1 / 2) / 3,
      (3 * (2 / 3) + 3 * (2 / 3) + 2 * (1 / 2)) / 8,
      5 / 8,
      2 / 3,
    ])
    close(await figures(recall), [(2 / 3 + 2 / 3 + 1 / 2) / 3, 5 / 8, 5 / 8, 2 / 3])
    close(await figures(f1), [(2 / 3 + 2 / 3 + 1 / 2) / 3, 5 / 8, 5 / 8, 2 / 3])
  })

  test('two classes by one logit, class shares as labels, absent classes', async () => {
    expect(await measure(f1({ classes: 2, average: 1 }), [[1], [-1], [2], [-3]], [1, 1, 0, 0])).toBe(0.5)
    const shares = precision({ classes: 2 })
    shares.update(await valuesOf(tensor([[1, 0]]), tensor([[0.3, 0.7]])))
    expect(shares.compute()).toBe(0)
    expect(
      await measure(
        recall({ classes: 4, average: 3 }),
        logits.map((row) => [...row, 0]),
        labels,
      ),
    ).toBe(0)
  })

  test('top-k, the confusion matrix, ROC-AUC', async () => {
    expect(await measure(topK(1), logits, labels)).toBe(5 / 8)
    expect(await measure(topK(2), logits, labels)).toBe(1)
    const matrix = confusion({ classes: 3 })
    expect(await measure(matrix, logits, labels)).toBe(5 / 8)
    matrix.update(await valuesOf(tensor(logits.slice(3)), tensor(Float32Array.from(labels.slice(3)))))
    expect(matrix.state()).toEqual([2, 0, 1, 1, 2, 0, 0, 1, 1])
    expect(await measure(rocAuc(), [0.1, 0.4, 0.35, 0.8], [0, 0, 1, 1])).toBe(0.75)
    expect(
      await measure(
        rocAuc(),
        [
          [0, 1],
          [0, 1],
          [0, 1],
          [1, 0],
        ],
        [0, 1, 1, 0],
      ),
    ).toBe(0.75)
  })

  test('refuse what does not fit', async () => {
    await expect(measure(f1({ classes: 2 }), logits, labels)).rejects.toThrow(IndexError)
    await expect(measure(rocAuc(), logits, labels)).rejects.toThrow(ShapeError)
    expect(() => f1({ classes: 2, average: 2 })).toThrow(ValueError)
  })
})

test('regression', async () => {
  const [output, target] = [
    [2.5, 0, 2, 8],
    [3, -0.5, 2, 7],
  ]
  expect(await measure(mae(), output, target)).toBeCloseTo(0.5, 12)
  expect(await measure(rmse(), output, target)).toBeCloseTo(Math.sqrt(0.375), 12)
  expect(await measure(r2(), output, target)).toBeCloseTo(0.9486081370449679, 12)
  const far = (x: number): number => x + 2 ** 20
  expect(await measure(r2(), output.map(far), target.map(far))).toBeCloseTo(0.9486081370449679, 9)
  expect(perplexity(Math.log(5))).toBeCloseTo(5, 12)
  await expect(
    measure(
      mae(),
      [
        [1, 2],
        [1, 2],
        [1, 2],
        [1, 2],
      ],
      target,
    ),
  ).rejects.toThrow(ShapeError)
})

test('edits from one sequence to another', () => {
  expect(editDistance('kitten', 'sitting')).toBe(3)
  expect(editDistance([1, 2, 3], [])).toBe(3)
  expect(editDistance(['a'], ['b', 'a', 'c'])).toBe(2)
})
