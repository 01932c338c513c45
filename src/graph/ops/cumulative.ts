import { allocateValues } from '../../core/dtype.ts'
import { sizeOf } from '../../core/shape.ts'
import { type Node, type Op, record } from '../node.ts'
import { mul } from './arithmetic.ts'
import { constant, iota } from './leaves.ts'
import { equal, greaterEqual, lessEqual, logicalNot, and as both, where } from './logic.ts'
import { keepDims, reduce, withoutDims } from './reduce.ts'
import { broadcastTo, permute, reshape } from './views.ts'

type CumulativeKind = 'sum' | 'prod' | 'max' | 'min'

interface Cumulative {
  readonly kind: CumulativeKind
  readonly dim: number
  /** From the end towards the start. */
  readonly reverse: boolean
}

const steps: Record<CumulativeKind, (total: number, x: number) => number> = {
  sum: (total, x) => total + x,
  prod: (total, x) => total * x,
  max: (total, x) => Math.max(total, x),
  min: (total, x) => Math.min(total, x),
}

/** Running sums, products or extremes along one dimension. Extremes carry no derivative here: callers gather by index. */
export const cumulativeOp: Op<Cumulative> = {
  name: 'cumulative',
  kind: 'reduce',
  infer: ([x]) => ({ shape: x!.shape, dtype: x!.dtype }),
  evaluate(node, [x]) {
    const { kind, dim, reverse } = node.attrs
    const step = steps[kind]
    const out = allocateValues(node.dtype, x!.length)
    const n = node.shape[dim]!
    const inner = sizeOf(node.shape.slice(dim + 1))
    for (let start = 0; start < out.length; start += n * inner) {
      for (let i = start; i < start + inner; i++) {
        let at = reverse ? i + (n - 1) * inner : i
        let total = x![at]!
        out[at] = total
        for (let k = 1; k < n; k++) {
          at += reverse ? -inner : inner
          total = step(total, x![at]!)
          out[at] = total
        }
      }
    }
    return out
  },
  derivative(node, dy) {
    const { kind, dim, reverse } = node.attrs
    if (kind === 'sum') return cumulative(dy, 'sum', dim, !reverse)
    if (kind === 'prod') return productDerivative(node, dy)
    return undefined
  },
}

/**
 * With y_j = Π_{i ≤ j} x_i: dx_i = Σ_{j ≥ i} dy_j Π_{k ≤ j, k ≠ i} x_k, formed as products over a masked cube [i, j, k] so
 * that zeros need no division. Cubic in the dimension's length: meant for the short products that people differentiate.
 */
function productDerivative(node: Node<Cumulative>, dy: Node): Node {
  const x = node.inputs[0]!
  const { dim, reverse } = node.attrs
  const n = x.shape[dim]!
  const order = [...x.shape.keys()].filter((d) => d !== dim)
  order.push(dim)
  const rows = reshape(permute(x, order), [sizeOf(withoutDims(x.shape, [dim])), n])
  const [i, j, k] = [0, 1, 2].map((axis) =>
    reshape(
      iota(n),
      keepDims(
        [n, n, n],
        [0, 1, 2].filter((d) => d !== axis),
      ),
    ),
  )
  const upTo = reverse ? greaterEqual(k!, j!) : lessEqual(k!, j!)
  const reaches = reverse ? lessEqual(j!, i!) : lessEqual(i!, j!)
  const m = rows.shape[0]!
  const factors = where(both(upTo, logicalNot(equal(k!, i!))), reshape(rows, [m, 1, 1, n]), constant(1, x.dtype))
  const others = reduce(factors, 'prod', [3])
  const zero = constant(0, x.dtype)
  const weights = where(reshape(reaches, [n, n]), others, zero)
  const dyRows = reshape(permute(dy, order), [m, 1, n])
  const dx = reduce(mul(weights, broadcastTo(dyRows, [m, n, n])), 'sum', [2])
  const back = order.map((_, d) => order.indexOf(d))
  return permute(
    reshape(
      dx,
      order.map((d) => x.shape[d]!),
    ),
    back,
  )
}

export function cumulative(x: Node, kind: CumulativeKind, dim: number, reverse = false): Node {
  return record(cumulativeOp, [x], { kind, dim, reverse })
}
