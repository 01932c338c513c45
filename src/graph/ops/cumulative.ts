import { allocateValues } from '../../core/dtype.ts'
import { sizeOf } from '../../core/shape.ts'
import { type Node, type Op, record } from '../node.ts'
import { add, mul, neg, sub } from './arithmetic.ts'
import { constant } from './leaves.ts'
import { less, where } from './logic.ts'
import { exp, log } from './transcendental.ts'
import { broadcastTo, concat, sliceDim } from './views.ts'

type CumulativeKind = 'sum' | 'prod' | 'max' | 'min' | 'logSumExp'

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
  logSumExp: (total, x) => {
    const larger = Math.max(total, x)
    return Number.isFinite(larger) ? larger + Math.log1p(Math.exp(-Math.abs(total - x))) : larger
  },
}

/** Running sums, products, extremes or ln Σ exp along one dimension. Extremes carry no derivative here: callers gather by index. */
export const cumulativeOp: Op<Cumulative> = {
  name: 'cumulative',
  kind: 'reduce',
  infer: ([x]) => ({ shape: x!.shape, dtype: x!.dtype }),
  evaluate(node, [x]) {
    const { kind, dim, reverse } = node.attrs
    const step = kind === 'prod' && x instanceof Int32Array ? Math.imul : steps[kind]
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
    if (kind === 'logSumExp') return logSumExpDerivative(node, dy)
    return undefined
  },
}

/**
 * With y_j = Π_{k ≤ j} x_k: dx_i = y_{i−1} s_i, where s_i = dy_i + x_{i+1} s_{i+1}. The recurrence is solved by doubling, so
 * that zeros need no division and ⌈log₂ n⌉ rounds suffice.
 */
function productDerivative(node: Node<Cumulative>, dy: Node): Node {
  const x = node.inputs[0]!
  const { dim, reverse } = node.attrs
  const n = x.shape[dim]!
  const back = reverse ? -1 : 1
  let sum = dy
  let factor = shifted(x, dim, -back)
  for (let step = 1; step < n; step *= 2) {
    sum = add(sum, mul(factor, shifted(sum, dim, -back * step)))
    factor = mul(factor, shifted(factor, dim, -back * step))
  }
  return mul(cumulative(shifted(x, dim, back, 1), 'prod', dim, reverse), sum)
}

/** Moves every element `by` places along `dim`; `fill` comes in at the end that is left. */
function shifted(x: Node, dim: number, by: number, fill = 0): Node {
  const n = x.shape[dim]!
  const count = Math.min(Math.abs(by), n)
  const filling = broadcastTo(constant(fill, x.dtype), x.shape.with(dim, count))
  return by > 0
    ? concat([filling, sliceDim(x, dim, 0, n - count)], dim)
    : concat([sliceDim(x, dim, count, n), filling], dim)
}

/** dx_i = exp(x_i) Σ_{j ≥ i} dy_j exp(−y_j), in logarithms, for positive and negative dy apart. */
function logSumExpDerivative(node: Node<Cumulative>, dy: Node): Node {
  const x = node.inputs[0]!
  const { dim, reverse } = node.attrs
  const zero = constant(0, x.dtype)
  const part = (positive: Node): Node => {
    const known = less(zero, positive)
    const logs = sub(log(where(known, positive, constant(1, x.dtype))), node)
    const hidden = where(known, logs, constant(Number.NEGATIVE_INFINITY, x.dtype))
    return exp(add(cumulative(hidden, 'logSumExp', dim, !reverse), x))
  }
  return sub(part(dy), part(neg(dy)))
}

export function cumulative(x: Node, kind: CumulativeKind, dim: number, reverse = false): Node {
  return record(cumulativeOp, [x], { kind, dim, reverse })
}
