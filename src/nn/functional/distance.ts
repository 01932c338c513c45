import { ShapeError, ValueError } from '../../core/errors.ts'
import { broadcastShapes, formatShape, normalizeDims } from '../../core/shape.ts'
import type { Node } from '../../graph/node.ts'
import { abs, add, div, maximum, mul, pow, sqrt, sub } from '../../graph/ops/arithmetic.ts'
import { gather } from '../../graph/ops/indexing.ts'
import { buffer, constant, scalar } from '../../graph/ops/leaves.ts'
import { cast, detach, equal, notEqual, where } from '../../graph/ops/logic.ts'
import { sumKept } from '../../graph/ops/normalization.ts'
import { keepDims, reduce, withoutDims } from '../../graph/ops/reduce.ts'
import { broadcastTo, reshape } from '../../graph/ops/views.ts'
import { promote, wrap } from '../../tensor/base.ts'
import type { Tensor } from '../../tensor/tensor.ts'

/**
 * ‖x‖ₚ along `dims`, kept as size 1. The derivative is 0 where the norm is 0. The Euclidean norm is taken as it is: its
 * squares overflow beyond 1e19 as everywhere.
 */
export function vectorNorm(op: string, x: Node, p: number, dims: number | readonly number[]): Node {
  const list = normalizeDims(op, dims, x.shape.length)
  if (Number.isNaN(p) || p < 0) throw new ValueError(op, `p must be ≥ 0, received ${p}`)
  if (p === 0) return sumKept(cast(notEqual(x, constant(0, x.dtype)), x.dtype), list)
  if (p === 1) return sumKept(abs(x), list)
  if (p === Number.POSITIVE_INFINITY) return reshape(reduce(abs(x), 'max', list), keepDims(x.shape, list))
  const powers = p === 2 ? mul(x, x) : pow(safePositive(abs(x)), scalar(p, x.dtype))
  return rooted(sumKept(powers, list), p)
}

/** |x| where it is 0 is passed on as a constant: 0ᵖ is 0 with derivative 0 for p < 1 also. */
function safePositive(a: Node): Node {
  return where(equal(a, constant(0, a.dtype)), constant(0, a.dtype), a)
}

/** x^{1/p}, with derivative 0 at 0. */
function rooted(x: Node, p: number): Node {
  const zero = constant(0, x.dtype)
  const empty = equal(x, zero)
  const safe = where(empty, constant(1, x.dtype), x)
  return where(empty, zero, p === 2 ? sqrt(safe) : pow(safe, scalar(1 / p, x.dtype)))
}

export interface CosineOptions {
  /** Default 1. */
  readonly dim?: number
  /** Smallest norm to divide by. Default 1e-8. */
  readonly eps?: number
}

/** x1 · x2 / (max(‖x1‖, eps) · max(‖x2‖, eps)) along `dim`, which disappears; x1 and x2 broadcast. */
export function cosineSimilarity(x1: Tensor, x2: Tensor, { dim = 1, eps = 1e-8 }: CosineOptions = {}): Tensor {
  const op = 'cosineSimilarity'
  const [a, b] = promote(x1, x2) as [Node, Node]
  const shape = broadcastShapes(op, a.shape, b.shape)
  const [d] = normalizeDims(op, dim, shape.length) as [number]
  const unit = (x: Node): Node => {
    const wide = broadcastTo(x, shape)
    return div(wide, floored(vectorNorm(op, wide, 2, d), eps))
  }
  return wrap(reduce(mul(unit(a), unit(b)), 'sum', [d]))
}

/** max(norm, eps), whose derivative is taken as that of the norm, as in PyTorch. */
function floored(norm: Node, eps: number): Node {
  const value = detach(norm)
  return add(norm, sub(maximum(value, constant(eps, norm.dtype)), value))
}

export interface PairwiseDistanceOptions {
  /** Which norm. Default 2. */
  readonly p?: number
  /** Added to each difference. Default 1e-6. */
  readonly eps?: number
  /** Keep the last dimension with size 1. Default false. */
  readonly keepdim?: boolean
}

/** ‖x1 − x2 + eps‖ₚ along the last dimension: [N, D] and [N, D] (or broadcast) → [N]. */
export function pairwiseDistance(
  x1: Tensor,
  x2: Tensor,
  { p = 2, eps = 1e-6, keepdim = false }: PairwiseDistanceOptions = {},
): Tensor {
  const op = 'pairwiseDistance'
  const [a, b] = promote(x1, x2) as [Node, Node]
  const shape = broadcastShapes(op, a.shape, b.shape)
  const difference = add(broadcastTo(sub(a, b), shape), constant(eps, a.dtype))
  const norm = vectorNorm(op, difference, p, -1)
  return wrap(keepdim ? norm : reshape(norm, withoutDims(norm.shape, [norm.shape.length - 1])))
}

/** Distances ‖xᵢ − xⱼ‖ₚ of all pairs i < j of rows: x [N, D] → [N (N − 1) / 2]. */
export function pdist(x: Tensor, p = 2): Tensor {
  if (x.rank !== 2) throw new ShapeError('pdist', `expects rows [N, D], received ${formatShape(x.shape)}`)
  const n = x.shape[0]!
  const pairs = Math.max(0, (n * (n - 1)) / 2)
  const [first, second] = [new Int32Array(pairs), new Int32Array(pairs)]
  for (let i = 0, at = 0; i < n; i++) {
    for (let j = i + 1; j < n; j++, at++) {
      first[at] = i
      second[at] = j
    }
  }
  const rows = (index: Int32Array): Node => gather(x.node, buffer(index, [pairs, 1], 'int32'), 0, 'pdist')
  return wrap(reshape(vectorNorm('pdist', sub(rows(first), rows(second)), p, 1), [pairs]))
}
