import { describe, expect, test } from 'vitest'
import type { DType } from '../../src/core/dtype.ts'
import { sizeOf } from '../../src/core/shape.ts'
import { interpret } from '../../src/graph/interpret.ts'
import type { Node } from '../../src/graph/node.ts'
import { add, mul } from '../../src/graph/ops/arithmetic.ts'
import { cast } from '../../src/graph/ops/logic.ts'
import { permute } from '../../src/graph/ops/views.ts'
import { KernelLibrary } from '../../src/runtime/native/kernel-library.ts'
import { leaf } from '../random/graphs.ts'
import { runnableSets } from './run-lane.ts'
import { runPlan } from './run-plan.ts'

/** Large enough for tiles, with whole ones and with every kind of rest. */
const transpositions: readonly [shape: readonly number[], order: readonly number[]][] = [
  [
    [256, 272],
    [1, 0],
  ],
  [
    [259, 257],
    [1, 0],
  ],
  [
    [5, 16_389],
    [1, 0],
  ],
  [
    [16_389, 5],
    [1, 0],
  ],
  [
    [3, 3, 90, 91],
    [3, 2, 0, 1],
  ],
  [
    [96, 80, 3, 3],
    [2, 3, 1, 0],
  ],
  [
    [33, 9, 32, 8],
    [3, 1, 2, 0],
  ],
  [
    [7, 100, 101],
    [2, 1, 0],
  ],
]

describe.each(runnableSets)('arrays read across their lines, %s', (set) => {
  const library = new KernelLibrary(set)
  const agree = (roots: readonly Node[]): void => {
    const wanted = interpret(roots)
    for (const guards of ['start', 'end'] as const) {
      const { values, routines } = runPlan(roots, library, { guards, shared: true })
      expect(routines).toEqual([])
      for (const [i, value] of values.entries()) expect(value, `root ${i}, ${guards}`).toEqual(wanted[i])
    }
  }

  test.each(transpositions)('[%s] in the order [%s]', (shape, order) => {
    const x = permute(leaf(shape), order)
    expect(sizeOf(shape)).toBeGreaterThanOrEqual(2 ** 16)
    agree([add(x, leaf(x.shape, 2))])
  })

  test.each<DType>(['int32', 'float16', 'bfloat16', 'uint8', 'bool'])('of %s', (dtype) => {
    const x = cast(mul(leaf([259, 257]), leaf([257], 3)), dtype)
    x.value = interpret([x])[0]!
    agree([cast(permute(x, [1, 0]), 'float32')])
  })

  test('two of them, and what depends on one axis only', () => {
    const [x, y] = [leaf([300, 250]), leaf([300, 250], 2)]
    const sum = add(permute(x, [1, 0]), permute(y, [1, 0]))
    agree([mul(add(sum, leaf([250, 1], 3)), leaf([300], 4)), mul(sum, sum)])
  })
})
