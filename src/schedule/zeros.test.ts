import { expect, test } from 'vitest'
import type { Node } from '../graph/node.ts'
import { add, mul } from '../graph/ops/arithmetic.ts'
import { buffer, constant } from '../graph/ops/leaves.ts'
import { broadcastTo, concat, pad, permute, reshape, sliceDim } from '../graph/ops/views.ts'
import { isZero } from './zeros.ts'

const leaf = (shape: readonly number[]): Node =>
  buffer(new Float32Array(shape.reduce((p, n) => p * n, 1)).fill(1), shape, 'float32')

/** x in row `low` of so many. */
const inRow = (x: Node, low: number, rows: number): Node =>
  pad(reshape(x, [1, ...x.shape]), [
    { low, high: rows - 1 - low, inner: 0 },
    ...x.shape.map(() => ({ low: 0, high: 0, inner: 0 })),
  ])

test('what lies beside a padded value is zero', () => {
  const last = inRow(leaf([3, 4]), 6, 7)
  expect(isZero(sliceDim(last, 0, 0, 6))).toBe(true)
  expect(isZero(sliceDim(last, 0, 0, 7))).toBe(false)
  expect(isZero(sliceDim(last, 0, 6, 7))).toBe(false)
  const spread = pad(leaf([5]), [{ low: 1, high: 0, inner: 2 }])
  expect([0, 1, 2, 3, 4, 13].map((i) => isZero(sliceDim(spread, 0, i, i + 1)))).toEqual([
    ...[true, false, true, true, false, false],
  ])
})

test('through permutations, shapes, sums and parts of a vector', () => {
  const inTime = permute(inRow(leaf([3, 4]), 5, 6), [1, 0, 2])
  const sum = add(inTime, broadcastTo(constant(0, 'float32'), [3, 6, 4]))
  const before = sliceDim(permute(sum, [1, 0, 2]), 0, 0, 5)
  expect(isZero(before)).toBe(true)
  const vector = concat([leaf([10]), reshape(before, [60]), leaf([1])], 0)
  expect(isZero(reshape(sliceDim(vector, 0, 10, 70), [5, 12]))).toBe(true)
  expect(isZero(sliceDim(vector, 0, 9, 70))).toBe(false)
  expect(isZero(sliceDim(vector, 0, 10, 71))).toBe(false)
})

test('nothing is zero that might be −0 or NaN', () => {
  expect(isZero(broadcastTo(constant(-0, 'float32'), [3]))).toBe(false)
  expect(isZero(mul(broadcastTo(constant(0, 'float32'), [3]), leaf([3])))).toBe(false)
})
