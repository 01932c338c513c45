import { describe, expect, test } from 'vitest'
import type { DType, TypedArray } from '../../src/core/dtype.ts'
import { sizeOf } from '../../src/core/shape.ts'
import { interpret } from '../../src/graph/interpret.ts'
import type { Node } from '../../src/graph/node.ts'
import { add, mul } from '../../src/graph/ops/arithmetic.ts'
import { constant } from '../../src/graph/ops/leaves.ts'
import { cast } from '../../src/graph/ops/logic.ts'
import { permute } from '../../src/graph/ops/views.ts'
import { KernelLibrary } from '../../src/runtime/native/kernel-library.ts'
import { leaf } from '../random/graphs.ts'
import { runnableSets } from './run-lane.ts'
import { runPlan } from './run-plan.ts'

/** Large enough for tiles, with whole ones and with every kind of rest. */
const transpositions: readonly [shape: readonly number[], order: readonly number[]][] = [
  [
    [768, 704],
    [1, 0],
  ],
  [
    [725, 731],
    [1, 0],
  ],
  [
    [5, 105_001],
    [1, 0],
  ],
  [
    [105_001, 5],
    [1, 0],
  ],
  [
    [3, 3, 250, 251],
    [3, 2, 0, 1],
  ],
  [
    [250, 240, 3, 3],
    [2, 3, 1, 0],
  ],
  [
    [33, 9, 64, 32],
    [3, 1, 2, 0],
  ],
  [
    [7, 270, 280],
    [2, 1, 0],
  ],
]

const bytesOf = ({ buffer, byteOffset, byteLength }: TypedArray): Buffer => Buffer.from(buffer, byteOffset, byteLength)

describe.each(runnableSets)('arrays read across their lines, %s', (set) => {
  const library = new KernelLibrary(set)
  const agree = (roots: readonly Node[]): void => {
    const wanted = interpret(roots)
    for (const guards of ['start', 'end'] as const) {
      const { values, routines } = runPlan(roots, library, { guards, shared: true })
      expect(routines).toEqual([])
      for (const [i, value] of values.entries())
        expect(bytesOf(value).equals(bytesOf(wanted[i]!)), `root ${i}, ${guards}`).toBe(true)
    }
  }

  test.each(transpositions)('[%s] in the order [%s]', (shape, order) => {
    const x = permute(leaf(shape), order)
    expect(sizeOf(shape)).toBeGreaterThanOrEqual(2 ** 19)
    agree([add(x, leaf(x.shape, 2))])
  })

  test.each<DType>(['int32', 'float16', 'bfloat16', 'uint8', 'bool'])('of %s', (dtype) => {
    const x = cast(mul(leaf([725, 731]), leaf([731], 3)), dtype)
    x.value = interpret([x])[0]!
    agree([cast(permute(x, [1, 0]), 'float32')])
  })

  test('under many operations that use their operand twice', () => {
    let x = permute(leaf([725, 731]), [1, 0])
    for (let i = 0; i < 40; i++) x = mul(add(x, x), constant(0.5))
    agree([x])
  })

  test('two of them, and what depends on one axis only', () => {
    const [x, y] = [leaf([750, 720]), leaf([750, 720], 2)]
    const sum = add(permute(x, [1, 0]), permute(y, [1, 0]))
    agree([mul(add(sum, leaf([720, 1], 3)), leaf([750], 4)), mul(sum, sum)])
  })
})
