import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { toValues, type Values } from '../core/dtype.ts'
import { sizeOf, stridesOf } from '../core/shape.ts'
import { evaluationOrder, interpret } from '../graph/interpret.ts'
import type { Node } from '../graph/node.ts'
import { abs, add, maximum, mul, neg, sub } from '../graph/ops/arithmetic.ts'
import { softmax } from '../graph/ops/composite.ts'
import { matmul } from '../graph/ops/contract.ts'
import { gather } from '../graph/ops/indexing.ts'
import { buffer, constant, iota } from '../graph/ops/leaves.ts'
import { cast } from '../graph/ops/logic.ts'
import { reduce } from '../graph/ops/reduce.ts'
import { exp } from '../graph/ops/transcendental.ts'
import { broadcastTo, concat, flip, pad, permute, reshape, sliceDim } from '../graph/ops/views.ts'
import { window } from '../graph/ops/windows.ts'
import { canonicalize } from './canonical.ts'
import { runKernels } from './interpret-kernels.ts'
import { type Kernel, makeKernels } from './kernels.ts'

function leaf(shape: readonly number[], seed = 1): Node {
  const values = Float32Array.from({ length: sizeOf(shape) }, (_, i) => Math.sin(seed * 12.9898 + i * 78.233) * 2)
  return buffer(values, shape, 'float32')
}

function kernelsOf(roots: readonly Node[]): { targets: Node[]; kernels: readonly Kernel[] } {
  const targets = canonicalize(roots)
  return { targets, kernels: makeKernels(evaluationOrder(targets), targets).kernels }
}

/** Values by kernels, which must be those of the reference interpreter. */
function check(...roots: Node[]): readonly Kernel[] {
  const expected = interpret(roots)
  const { targets, kernels } = kernelsOf(roots)
  const results = runKernels(kernels)
  for (const [i, target] of targets.entries()) {
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

/** A graph that grows by one operation a number; every number is meaningful. */
function randomGraph(choices: readonly number[]): Node[] {
  const pool: Node[] = [leaf([2, 3, 4]), leaf([4], 2), leaf([3, 1], 3)]
  for (const choice of choices) {
    const x = pool[choice % pool.length]!
    const pick = Math.floor(choice / 7)
    const rank = x.shape.length
    const dim = rank === 0 ? 0 : pick % rank
    const grow = growth[choice % growth.length]!
    pool.push(grow(x, pool, pick, dim))
  }
  return [pool.at(-1)!, pool[Math.floor(pool.length / 2)]!].filter((node) => node.op.name !== 'buffer')
}

type Growth = (x: Node, pool: readonly Node[], pick: number, dim: number) => Node

const growth: readonly Growth[] = [
  (x) => abs(x),
  (x) => neg(x),
  (x) => (sizeOf(x.shape) > 2000 ? x : exp(maximum(neg(abs(x)), constant(-3)))),
  (x, pool, pick) => combineWith(add, x, pool[pick % pool.length]!),
  (x, pool, pick) => combineWith(sub, x, pool[pick % pool.length]!),
  (x, pool, pick) => combineWith(mul, x, pool[pick % pool.length]!),
  (x, _pool, pick) => permute(x, rotate(x.shape.length, pick)),
  (x, _pool, pick) => reshape(x, factorized(sizeOf(x.shape), pick)),
  (x, _pool, _pick, dim) => (x.shape.length === 0 ? x : flip(x, [dim])),
  (x, _pool, pick, dim) => {
    const n = x.shape[dim] ?? 0
    return n < 2 ? x : sliceDim(x, dim, pick % 2, n, 1 + (pick % 2))
  },
  (x, _pool, pick, dim) =>
    pad(
      x,
      x.shape.map((n, d) =>
        d === dim ? { low: pick % 2, high: n > 1 ? -1 : 1, inner: 0 } : { low: 0, high: 0, inner: 0 },
      ),
    ),
  (x, _pool, pick, dim) => (x.shape.length === 0 ? x : reduce(x, pick % 2 ? 'sum' : 'max', [dim])),
  (x) => (sizeOf(x.shape) > 500 ? x : broadcastTo(x, [2, ...x.shape])),
  (x, _pool, _pick, dim) => (x.shape.length === 0 || sizeOf(x.shape) > 500 ? x : concat([x, neg(x)], dim)),
  (x) => (x.shape.length < 2 || sizeOf(x.shape) > 500 ? x : matmul(x, permute(x, swapLast(x.shape.length)))),
]

function combineWith(op: (a: Node, b: Node) => Node, a: Node, b: Node): Node {
  if (sizeOf(a.shape) * sizeOf(b.shape) > 4000) return a
  try {
    return op(a, b)
  } catch {
    return a
  }
}

function rotate(rank: number, pick: number): number[] {
  return Array.from({ length: rank }, (_, d) => (d + pick) % rank)
}

function swapLast(rank: number): number[] {
  const order = Array.from({ length: rank }, (_, d) => d)
  return [...order.slice(0, -2), rank - 1, rank - 2]
}

/** Some shape with `size` elements. */
function factorized(size: number, pick: number): number[] {
  const shape: number[] = []
  let rest = size
  let p = pick
  for (const prime of [2, 3, 2, 2, 3]) {
    if (rest % prime === 0 && p % 2 === 0) {
      shape.push(prime)
      rest /= prime
    }
    p = Math.floor(p / 2)
  }
  shape.push(rest)
  return stridesOf(shape).length > 0 ? shape : [size]
}
