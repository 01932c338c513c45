import { expect, test } from 'vitest'
import { add } from '../graph/ops/arithmetic.ts'
import { permute } from '../graph/ops/views.ts'
import { leaf } from '../../test/random/graphs.ts'
import { canonicalize } from '../schedule/canonical.ts'
import { makeKernels, type Nest } from '../schedule/kernels.ts'
import { joinAxes } from './axes.ts'
import { orderLoops } from './loop-order.ts'

function loopsOf(shape: readonly number[], order: readonly number[]): ReturnType<typeof orderLoops> {
  const x = permute(leaf(shape), order)
  const { kernels } = makeKernels(canonicalize([add(x, x)]))
  return orderLoops(joinAxes([kernels[0] as Nest]))
}

test('what lies side by side in the array that is read moves next to the vectors', () => {
  // Weights [outputs, inputs, taps] as [taps, inputs, outputs]: the taps are neighbours, and few enough to move whole.
  const { nests, strides } = loopsOf([32, 64, 9], [2, 1, 0])
  expect(nests[0]!.extents).toEqual([64, 9, 32])
  expect(strides).toEqual([32, 2048, 1])
})

test('a long axis moves in pieces of a line', () => {
  const { nests, strides } = loopsOf([9, 64, 48], [2, 1, 0])
  expect(nests[0]!.extents).toEqual([3, 64, 16, 9])
  expect(strides).toEqual([16 * 576, 9, 576, 1])
})

test('vectors that read whole lines stay as they are', () => {
  expect(loopsOf([8, 4, 6, 64], [2, 1, 0, 3]).nests[0]!.extents).toEqual([6, 4, 8, 64])
  expect(loopsOf([8, 64], [0, 1]).nests[0]!.extents).toEqual([512])
})

test('short rows that go on along another axis are copied several at a time', () => {
  // Panels of a matrix [300, 12 · 16].
  const { nests, strides } = loopsOf([300, 12, 16], [1, 0, 2])
  expect(nests[0]!.extents).toEqual([3, 300, 4, 16])
  expect(strides).toEqual([4 * 4800, 16, 4800, 1])
  expect(loopsOf([300, 7, 16], [1, 0, 2]).nests[0]!.extents).toEqual([300, 7, 16])
  expect(loopsOf([300, 13, 16], [1, 0, 2]).nests[0]!.extents).toEqual([13, 300, 16])
  expect(loopsOf([300, 12, 64], [1, 0, 2]).nests[0]!.extents).toEqual([12, 300, 64])
})
