import { allocateValues, type DType, type Values } from '../../core/dtype.ts'
import { ValueError } from '../../core/errors.ts'
import { formatShape, sameShape, type Shape, sizeOf, stridesOf } from '../../core/shape.ts'
import { type Node, type Op, record } from '../node.ts'
import { mul, reciprocal } from './arithmetic.ts'
import { copyStrided } from './broadcasting.ts'
import { cumulative } from './cumulative.ts'
import { constant } from './leaves.ts'
import { cast, equal } from './logic.ts'
import { broadcastTo, concat, permute, reshape, sliceDim } from './views.ts'

export type ReduceKind = 'sum' | 'prod' | 'max' | 'min'

interface Reduce {
  readonly kind: ReduceKind
  /** Sorted, without repeats. */
  readonly dims: readonly number[]
}

/** `shape` without `dims`. */
export function withoutDims(shape: Shape, dims: readonly number[]): number[] {
  return shape.filter((_, d) => !dims.includes(d))
}

/** `shape` with 1 at each of `dims`. */
export function keepDims(shape: Shape, dims: readonly number[]): number[] {
  return shape.map((extent, d) => (dims.includes(d) ? 1 : extent))
}

/** The elements reordered so that `dims` come last: [kept, reduced] row-major. */
function reducedLast(values: Values, shape: Shape, dims: readonly number[]): Values {
  const kept = shape.map((_, d) => d).filter((d) => !dims.includes(d))
  const order = [...kept, ...dims]
  if (order.every((d, i) => d === i)) return values
  const strides = stridesOf(shape)
  const out = new (values.constructor as new (n: number) => Values)(values.length)
  return copyStrided(
    values,
    order.map((d) => shape[d]!),
    order.map((d) => strides[d]!),
    0,
    out,
  )
}

/** Sums of integers and bools wrap in int32; sums of floats accumulate in double precision. */
export const reduceOp: Op<Reduce> = {
  name: 'reduce',
  kind: 'reduce',
  infer([x], { kind, dims }) {
    const extent = dims.reduce((n, d) => n * x!.shape[d]!, 1)
    if (extent === 0 && sizeOf(withoutDims(x!.shape, dims)) > 0 && (kind === 'max' || kind === 'min')) {
      throw new ValueError(
        kind,
        `no ${kind} over zero elements: shape ${formatShape(x!.shape)}, dims ${formatShape(dims)}`,
      )
    }
    return { shape: withoutDims(x!.shape, dims), dtype: x!.dtype }
  },
  evaluate(node, [x]) {
    const { kind, dims } = node.attrs
    const rows = reducedLast(x!, node.inputs[0]!.shape, dims)
    const out = allocateValues(node.dtype, sizeOf(node.shape))
    const n = out.length === 0 ? 0 : rows.length / out.length
    rowReducers[kind](rows, n, out)
    return out
  },
  derivative(node, dy) {
    const x = node.inputs[0]!
    const { kind, dims } = node.attrs
    const kept = keepDims(x.shape, dims)
    const spread = broadcastTo(reshape(dy, kept), x.shape)
    if (kind === 'sum') return spread
    if (kind === 'prod') return mul(spread, productOfOthers(x, dims))
    const wins = cast(equal(x, reshape(node, kept)), x.dtype)
    return mul(mul(spread, wins), broadcastTo(reciprocalCount(wins, dims, kept), x.shape))
  },
}

const rowReducers: Record<ReduceKind, (x: Values, n: number, y: Values) => void> = {
  sum(x, n, y) {
    for (let r = 0, i = 0; r < y.length; r++) {
      let sum = 0
      for (const end = i + n; i < end; i++) sum += x[i]!
      y[r] = sum
    }
  },
  prod(x, n, y) {
    for (let r = 0, i = 0; r < y.length; r++) {
      let product = 1
      if (x instanceof Int32Array) for (const end = i + n; i < end; i++) product = Math.imul(product, x[i]!)
      else for (const end = i + n; i < end; i++) product *= x[i]!
      y[r] = product
    }
  },
  max(x, n, y) {
    for (let r = 0, i = 0; r < y.length; r++) {
      let best = Number.NEGATIVE_INFINITY
      for (const end = i + n; i < end; i++) best = Math.max(best, x[i]!)
      y[r] = best
    }
  },
  min(x, n, y) {
    for (let r = 0, i = 0; r < y.length; r++) {
      let best = Number.POSITIVE_INFINITY
      for (const end = i + n; i < end; i++) best = Math.min(best, x[i]!)
      y[r] = best
    }
  },
}

/** 1 / (number of winners), shaped `kept`: tied extremes share the gradient equally, as `torch.amax`. */
function reciprocalCount(wins: Node, dims: readonly number[], kept: Shape): Node {
  return reciprocal(reshape(reduce(wins, 'sum', dims), kept))
}

/** For each element the product of all others in its group, without dividing (zeros are welcome). */
function productOfOthers(x: Node, dims: readonly number[]): Node {
  const kept = x.shape.map((_, d) => d).filter((d) => !dims.includes(d))
  const order = [...kept, ...dims]
  const moved = permute(x, order)
  const rows = sizeOf(withoutDims(x.shape, dims))
  const n = rows === 0 ? 0 : sizeOf(x.shape) / rows
  const flat = reshape(moved, [rows, n])
  const before = exclusive(flat, false)
  const after = exclusive(flat, true)
  const others = reshape(mul(before, after), moved.shape)
  return permute(
    others,
    order.map((_, d) => order.indexOf(d)),
  )
}

/** Cumulative product along the last dimension that leaves out the element itself. */
function exclusive(flat: Node, reverse: boolean): Node {
  const n = flat.shape[1]!
  if (n === 0) return flat
  const one = broadcastTo(constant(1, flat.dtype), [flat.shape[0]!, 1])
  const shifted = reverse ? concat([sliceDim(flat, 1, 1, n), one], 1) : concat([one, sliceDim(flat, 1, 0, n - 1)], 1)
  return cumulative(shifted, 'prod', 1, reverse)
}

export function reduce(x: Node, kind: ReduceKind, dims: readonly number[]): Node {
  return dims.length === 0 ? x : record(reduceOp, [x], { kind, dims })
}

/** Sums a gradient over what was broadcast, back to `shape`. */
export function sumTo(x: Node, shape: Shape): Node {
  if (sameShape(x.shape, shape)) return x
  const lead = x.shape.length - shape.length
  const dims: number[] = []
  for (let d = 0; d < x.shape.length; d++) {
    if (d < lead || (shape[d - lead] === 1 && x.shape[d] !== 1)) dims.push(d)
  }
  return reshape(reduce(x, 'sum', dims), shape)
}

/** Position of the first largest or smallest element along `dim`. NaN wins, as in PyTorch. */
export const argReduceOp: Op<{ kind: 'max' | 'min'; dim: number }> = {
  name: 'argReduce',
  kind: 'reduce',
  infer([x], { kind, dim }) {
    if (x!.shape[dim] === 0)
      throw new ValueError(`arg${kind}`, `no extreme over zero elements: shape ${formatShape(x!.shape)}, dim ${dim}`)
    return { shape: withoutDims(x!.shape, [dim]), dtype: 'int32' as DType }
  },
  evaluate(node, [x]) {
    const { kind, dim } = node.attrs
    const rows = reducedLast(x!, node.inputs[0]!.shape, [dim])
    const n = node.inputs[0]!.shape[dim]!
    const out = new Int32Array(sizeOf(node.shape))
    const sign = kind === 'max' ? 1 : -1
    for (let r = 0; r < out.length; r++) {
      let at = 0
      let best = sign * rows[r * n]!
      for (let i = 1; i < n && !Number.isNaN(best); i++) {
        const value = sign * rows[r * n + i]!
        if (value > best || Number.isNaN(value)) {
          best = value
          at = i
        }
      }
      out[r] = at
    }
    return out
  },
}

export function argReduce(x: Node, kind: 'max' | 'min', dim: number): Node {
  return record(argReduceOp, [x], { kind, dim })
}
