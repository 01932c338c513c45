import { describe, expect, test } from 'vitest'
import { disagreement, median, quantile, ratios } from './statistics.ts'

describe('quantile', () => {
  test('interpolates between neighbours as numpy does', () => {
    const values = [4, 1, 3, 2]
    expect([0, 0.25, 0.5, 1].map((q) => quantile(values, q))).toEqual([1, 1.75, 2.5, 4])
    expect(values).toEqual([4, 1, 3, 2])
  })

  test('the median of an odd number is the middle one; of none it is NaN', () => {
    expect(median([9, 1, 5])).toBe(5)
    expect(median([])).toBeNaN()
  })
})

describe('ratios', () => {
  test('are taken round by round, above 1 where the first is faster', () => {
    // By round 2, 4, 0.5: not the ratio of the medians, which is 20 / 10.
    expect(ratios([10, 5, 40], [20, 20, 20])).toEqual({ median: 2, lowerQuartile: 1.25 })
  })
})

describe('disagreement', () => {
  test('is relative to the largest element', () => {
    expect(disagreement([100, 1.5], [100, 1])).toBeCloseTo(0.005)
    expect(disagreement([0, 0], [0, 0])).toBe(0)
  })

  test('is infinite where the results cannot be compared', () => {
    for (const [a, b] of [
      [[1], [1, 2]],
      [[], []],
      [[Number.NaN], [1]],
      [[1], [Number.NaN]],
      [[1], [0]],
    ] as const)
      expect(disagreement(a, b)).toBe(Number.POSITIVE_INFINITY)
  })
})
