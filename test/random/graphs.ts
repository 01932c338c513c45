import { sizeOf, stridesOf } from '../../src/core/shape.ts'
import type { Node } from '../../src/graph/node.ts'
import { abs, add, maximum, mul, neg, sub } from '../../src/graph/ops/arithmetic.ts'
import { matmul } from '../../src/graph/ops/contract.ts'
import { buffer, constant } from '../../src/graph/ops/leaves.ts'
import { reduce } from '../../src/graph/ops/reduce.ts'
import { exp } from '../../src/graph/ops/transcendental.ts'
import { broadcastTo, concat, flip, pad, permute, reshape, sliceDim } from '../../src/graph/ops/views.ts'

/** A float32 leaf with values between -2 and 2. */
export function leaf(shape: readonly number[], seed = 1): Node {
  const values = Float32Array.from({ length: sizeOf(shape) }, (_, i) => Math.sin(seed * 12.9898 + i * 78.233) * 2)
  return buffer(values, shape, 'float32')
}

/** As {@link leaf}, without a period: partial sums of products of two such do not grow large, to cancel later. */
export function aperiodicLeaf(shape: readonly number[], seed = 1): Node {
  const values = Float32Array.from({ length: sizeOf(shape) }, (_, i) => {
    const large = Math.sin(seed * 12.9898 + i * 78.233) * 43758.5453
    return (large - Math.floor(large)) * 4 - 2
  })
  return buffer(values, shape, 'float32')
}

/** A graph that grows by one operation a number; every number is meaningful. */
export function randomGraph(choices: readonly number[]): Node[] {
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
