import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { toValues, type Values } from '../core/dtype.ts'
import { interpret } from '../graph/interpret.ts'
import type { Node } from '../graph/node.ts'
import { add, mul } from '../graph/ops/arithmetic.ts'
import { softmax } from '../graph/ops/composite.ts'
import { matmul } from '../graph/ops/contract.ts'
import { gather } from '../graph/ops/indexing.ts'
import { buffer, constant, iota } from '../graph/ops/leaves.ts'
import { cast } from '../graph/ops/logic.ts'
import { reduce } from '../graph/ops/reduce.ts'
import { exp } from '../graph/ops/transcendental.ts'
import { broadcastTo, concat, flip, pad, permute, reshape, sliceDim } from '../graph/ops/views.ts'
import { window } from '../graph/ops/windows.ts'
import { argumentsOf, canonicalize } from './canonical.ts'
import { leaf, randomGraph } from '../../test/random/graphs.ts'
import { runKernels } from './interpret-kernels.ts'
import { type Kernel, makeKernels } from './kernels.ts'

/** Values by kernels, which must be those of the reference interpreter. */
function check(...roots: Node[]): readonly Kernel[] {
  const expected = interpret(roots)
  const program = canonicalize(roots)
  argumentsOf(roots).leaves.forEach(({ value }, i) => {
    program.leaves[i]!.value = value
  })
  const { kernels } = makeKernels(program)
  const results = runKernels(kernels)
  for (const [i, target] of program.targets.entries()) {
    const actual: Values = results.get(target) ?? toValues(target.value!, target.dtype)
    const wanted = toValues(expected[i]!, roots[i]!.dtype)
    expect(actual.length).toBe(wanted.length)
    for (let k = 0; k < wanted.length; k++) {
      const same =
        Object.is(actual[k], wanted[k]) || Math.abs(actual[k]! - wanted[k]!) <= 1e-6 + 1e-5 * Math.abs(wanted[k]!)
      if (!same) expect.fail(`root ${i}, element ${k}: ${actual[k]} is not ${wanted[k]}`)
    }
  }
  return kernels
}

describe('kernels', () => {
  test('what is dear to compute is stored before its rows are repeated, not before single elements are', () => {
    const row = exp(leaf([1, 6]))
    const repeated = (y: Node): Node => mul(broadcastTo(y, [4, 6]), leaf([4, 6], 2))
    expect(check(repeated(row))).toHaveLength(2)
    expect(check(repeated(add(leaf([1, 6]), constant(2))))).toHaveLength(1)
    expect(check(repeated(exp(leaf([4, 1]))))).toHaveLength(1)
    expect(check(repeated(exp(leaf([1, 1]))))).toHaveLength(1)
    expect(check(mul(row, leaf([4, 6], 2)))).toHaveLength(2)
  })

  test('an elementwise chain with views is one nest', () => {
    const x = leaf([4, 6])
    const y = mul(add(permute(x, [1, 0]), constant(2)), flip(leaf([6, 4], 2), [0]))
    expect(check(reshape(y, [2, 3, 4]))).toHaveLength(1)
  })

  test('reshapes split loop axes', () => {
    const x = permute(reshape(leaf([12, 5]), [3, 4, 5]), [1, 0, 2])
    expect(check(add(reshape(x, [12, 5]), leaf([12, 5], 3)))).toHaveLength(1)
  })

  test('a reshape that mixes dimensions is stored first', () => {
    const x = permute(leaf([2, 3]), [1, 0])
    expect(check(exp(reshape(x, [2, 3])))).toHaveLength(2)
  })

  test('padding, concatenation, windows, gathers and positions', () => {
    const x = leaf([5, 4])
    check(
      pad(exp(x), [
        { low: 1, high: 2, inner: 0 },
        { low: -1, high: 1, inner: 0 },
      ]),
    )
    check(concat([x, exp(x), sliceDim(x, 0, 1, 3)], 0))
    check(reduce(window(x, { dim: 0, size: 2, step: 1, dilation: 2 }), 'max', [2]))
    check(gather(x, broadcastTo(buffer(Int32Array.of(3, 0), [2, 1], 'int32'), [2, 4]), 0))
    check(mul(cast(iota(4), 'float32'), x))
    check(
      pad(x, [
        { low: 0, high: 0, inner: 1 },
        { low: 0, high: 0, inner: 0 },
      ]),
    )
  })

  test('softmax is three row reductions or maps, not a kernel an operation', () => {
    expect(check(softmax(leaf([8, 16]), 1)).length).toBeLessThanOrEqual(4)
  })

  test('equal expressions are computed once', () => {
    const [a, b] = [leaf([8, 8]), leaf([8, 8], 2)]
    const twice = add(exp(matmul(a, b)), exp(matmul(a, b)))
    expect(check(twice).filter(({ kind }) => kind === 'whole')).toHaveLength(1)
  })

  test('random graphs', () => {
    fc.assert(
      fc.property(
        fc.array(fc.nat(1 << 20), { minLength: 1, maxLength: 14 }),
        (choices) => void check(...randomGraph(choices)),
      ),
      {
        numRuns: 400,
        seed: 20261123,
      },
    )
  })
})
