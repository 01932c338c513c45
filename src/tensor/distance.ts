import { ShapeError, ValueError } from '../core/errors.ts'
import { formatShape } from '../core/shape.ts'
import type { Node } from '../graph/node.ts'
import { abs, mul, pow, sqrt, sub } from '../graph/ops/arithmetic.ts'
import { constant, scalar } from '../graph/ops/leaves.ts'
import { cast, equal, notEqual, where } from '../graph/ops/logic.ts'
import { reduce } from '../graph/ops/reduce.ts'
import { reshape } from '../graph/ops/views.ts'
import { promote, wrap } from './base.ts'
import { zeros } from './creation.ts'
import type { Tensor } from './tensor.ts'

/**
 * Distances between all pairs of rows: [.., P, M] and [.., R, M] → [.., P, R], ‖xᵢ − yⱼ‖ₚ. Leading dimensions broadcast.
 * p = 0 counts different elements, p = Infinity takes the largest difference. The derivative is 0 where a distance is 0.
 */
export function cdist(x: Tensor, y: Tensor, { p = 2 }: { readonly p?: number } = {}): Tensor {
  if (x.rank < 2 || y.rank < 2 || x.shape.at(-1) !== y.shape.at(-1)) {
    throw new ShapeError(
      'cdist',
      `expects [.., P, M] and [.., R, M], received ${formatShape(x.shape)} and ${formatShape(y.shape)}`,
    )
  }
  if (!(p >= 0)) throw new ValueError('cdist', `expects p ≥ 0, received ${p}`)
  const [a, b] = promote(x, y) as [Node, Node]
  const rows = reshape(a, a.shape.toSpliced(-1, 0, 1))
  const columns = reshape(b, b.shape.toSpliced(-2, 0, 1))
  return wrap(norm(sub(rows, columns), p))
}

/** The p-norm along the last dimension. */
function norm(x: Node, p: number): Node {
  const last = [x.shape.length - 1]
  if (x.shape.at(-1) === 0) return zeros(x.shape.slice(0, -1), { dtype: x.dtype }).node
  const size = abs(x)
  if (p === 0) return reduce(cast(notEqual(x, constant(0, x.dtype)), x.dtype), 'sum', last)
  if (p === 1) return reduce(size, 'sum', last)
  if (p === Number.POSITIVE_INFINITY) return reduce(size, 'max', last)
  if (p === 2) return exceptAtZero(reduce(mul(x, x), 'sum', last), sqrt)
  const powers = exceptAtZero(size, (t) => pow(t, scalar(p, t.dtype)))
  return exceptAtZero(reduce(powers, 'sum', last), (t) => pow(t, scalar(1 / p, t.dtype)))
}

/** f(x), but 0 with derivative 0 where x = 0. */
function exceptAtZero(x: Node, f: (x: Node) => Node): Node {
  const isZero = equal(x, constant(0, x.dtype))
  return where(isZero, constant(0, x.dtype), f(where(isZero, constant(1, x.dtype), x)))
}
