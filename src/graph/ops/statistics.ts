import { type Node, type Op, record, type TensorType } from '../node.ts'
import { add, mul, sub } from './arithmetic.ts'
import { isFiniteNumber } from './derived.ts'
import { constant } from './leaves.ts'
import { cast, detach, where } from './logic.ts'
import { widened } from './precision.ts'
import { keepDims, reduce, withoutDims } from './reduce.ts'
import { exp, log } from './transcendental.ts'
import { reshape } from './views.ts'

/* Reductions that are formulas over others, computed in float32 where the input has half precision. */

interface Over {
  /** Sorted, without repeats. */
  readonly dims: readonly number[]
}

/** Number of elements that are reduced to one. */
export function countOf(x: TensorType, dims: readonly number[]): number {
  return dims.reduce((count, d) => count * x.shape[d]!, 1)
}

const reduced = ([x]: readonly Node[], { dims }: Over): TensorType => ({
  shape: withoutDims(x!.shape, dims),
  dtype: x!.dtype,
})

const kept = (y: Node, x: Node, dims: readonly number[]): Node => reshape(y, keepDims(x.shape, dims))

/** Arithmetic mean of floats. */
export function mean(x: Node, dims: readonly number[]): Node {
  const wide = widened(x)
  return cast(mul(reduce(wide, 'sum', dims), constant(1 / countOf(x, dims), wide.dtype)), x.dtype)
}

interface Variance extends Over {
  /** What is taken from the number of elements: 1 for the sample's, 0 for the population's. */
  readonly correction: number
}

/** Σ (x − mean)² / max(0, n − correction), in two passes. */
export const varianceOp: Op<Variance> = {
  name: 'variance',
  kind: 'composite',
  infer: reduced,
  decompose([x], { dims, correction }) {
    const wide = widened(x!)
    const distance = sub(wide, kept(mean(wide, dims), wide, dims))
    const total = reduce(mul(distance, distance), 'sum', dims)
    return cast(mul(total, constant(1 / Math.max(0, countOf(x!, dims) - correction), wide.dtype)), x!.dtype)
  },
  derivative(node, dy) {
    const x = node.inputs[0]!
    const { dims, correction } = node.attrs
    const distance = sub(x, kept(mean(x, dims), x, dims))
    const factor = constant(2 / Math.max(0, countOf(x, dims) - correction), x.dtype)
    return mul(kept(mul(dy, factor), x, dims), distance)
  },
}

export function variance(x: Node, dims: readonly number[], correction: number): Node {
  return record(varianceOp, [x], { dims, correction })
}

/** ln Σ exp(x), shifted by the largest element so that nothing overflows. */
export const logSumExpOp: Op<Over> = {
  name: 'logSumExp',
  kind: 'composite',
  infer: reduced,
  decompose([x], { dims }) {
    const wide = widened(x!)
    if (countOf(wide, dims) === 0) return cast(log(reduce(exp(wide), 'sum', dims)), x!.dtype)
    const largest = detach(reduce(wide, 'max', dims))
    const shift = where(isFiniteNumber(largest), largest, constant(0, wide.dtype))
    const total = reduce(exp(sub(wide, kept(shift, wide, dims))), 'sum', dims)
    return cast(add(log(total), shift), x!.dtype)
  },
  derivative(node, dy) {
    const x = node.inputs[0]!
    const { dims } = node.attrs
    return mul(kept(dy, x, dims), exp(sub(x, kept(node, x, dims))))
  },
}

export function logSumExp(x: Node, dims: readonly number[]): Node {
  return record(logSumExpOp, [x], { dims })
}
