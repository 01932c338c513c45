import { describe, expect, test } from 'vitest'
import { interpret } from '../../src/graph/interpret.ts'
import { floorDivide, remainder, truncatedRemainder } from '../../src/graph/ops/arithmetic.ts'
import { buffer } from '../../src/graph/ops/leaves.ts'
import { KernelLibrary } from '../../src/runtime/native/kernel-library.ts'
import { runnableSets } from './run-lane.ts'
import { runPlan } from './run-plan.ts'

const least = -(2 ** 31)
const most = 2 ** 31 - 1
const interesting = [
  0,
  1,
  -1,
  2,
  -2,
  3,
  7,
  -7,
  10,
  255,
  256,
  -1000,
  65_537,
  2 ** 24 + 1,
  most,
  most - 1,
  least,
  least + 1,
]

describe.each(runnableSets)('%s', (set) => {
  test('whole numbers are divided as the interpreter divides them, the least one and zero included', () => {
    const pairs = interesting.flatMap((a) => interesting.map((b) => [a, b] as const))
    const [a, b] = [0, 1].map((i) =>
      buffer(
        Int32Array.from(pairs, (pair) => pair[i]!),
        [pairs.length],
        'int32',
      ),
    )
    const bytes = buffer(
      Uint8Array.from({ length: 300 }, (_, i) => i * 7),
      [300],
      'uint8',
    )
    const divisors = buffer(
      Uint8Array.from({ length: 300 }, (_, i) => i % 19),
      [300],
      'uint8',
    )
    const roots = [
      ...[floorDivide, remainder, truncatedRemainder].map((op) => op(a!, b!)),
      ...[floorDivide, remainder, truncatedRemainder].map((op) => op(bytes, divisors)),
    ]
    const { values, routines } = runPlan(roots, new KernelLibrary(set))
    expect(routines).toEqual([])
    for (const [i, expected] of interpret(roots).entries()) expect([...values[i]!]).toEqual([...expected])
  })
})
