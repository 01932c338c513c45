import { describe, expect, test } from 'vitest'
import type { Node } from '../graph/node.ts'
import { add, mul } from '../graph/ops/arithmetic.ts'
import { buffer } from '../graph/ops/leaves.ts'
import { reduce } from '../graph/ops/reduce.ts'
import { permute, reshape } from '../graph/ops/views.ts'
import { canonicalize } from './canonical.ts'

const leaf = (shape: readonly number[]): Node =>
  buffer(new Float32Array(shape.reduce((p, n) => p * n, 1)), shape, 'float32')

describe('equal expressions are computed once', () => {
  test('as they were recorded', () => {
    const x = leaf([4, 6])
    const { targets } = canonicalize([mul(x, x), mul(x, x)])
    expect(targets[0]).toBe(targets[1])
  })

  test('when they become equal by simplification', () => {
    const x = leaf([4, 6])
    const direct = reshape(x, [2, 12])
    const around = reshape(reshape(x, [24]), [2, 12])
    const turned = permute(permute(add(x, x), [1, 0]), [0, 1])
    const { targets } = canonicalize([
      reduce(direct, 'sum', [0]),
      reduce(around, 'sum', [0]),
      turned,
      permute(add(x, x), [1, 0]),
      reshape(reshape(turned, [24]), [12, 2]),
      reshape(turned, [12, 2]),
    ])
    expect(targets[0]).toBe(targets[1])
    expect(targets[2]).toBe(targets[3])
    expect(targets[4]).toBe(targets[5])
  })
})
