import { allocateValues, type Values } from '../../core/dtype.ts'
import { AxisError, ShapeError, ValueError } from '../../core/errors.ts'
import { broadcastShapes, formatShape, sameShape, type Shape, sizeOf, stridesOf } from '../../core/shape.ts'
import { type Node, type Op, record } from '../node.ts'
import { broadcastStrides, copyStrided } from './broadcasting.ts'
import { constant } from './leaves.ts'
import { sumTo } from './reduce.ts'

/* Ops that only move elements. The derivative of each is another view, or a sum over what was repeated. */

/** The same elements in row-major order under another shape. */
export const reshapeOp: Op<{ shape: Shape }> = {
  name: 'reshape',
  kind: 'view',
  infer([x], { shape }) {
    if (sizeOf(shape) !== sizeOf(x!.shape)) {
      throw new ShapeError(
        'reshape',
        `cannot view ${formatShape(x!.shape)} (${sizeOf(x!.shape)} elements) as ${formatShape(shape)}`,
      )
    }
    return { shape, dtype: x!.dtype }
  },
  evaluate: (_, [x]) => x!,
  derivative: (node, dy) => reshape(dy, node.inputs[0]!.shape),
}

export function reshape(x: Node, shape: Shape): Node {
  return sameShape(x.shape, shape) ? x : record(reshapeOp, [x], { shape })
}

/** Dimension i of the result is dimension `order[i]` of the input. */
export const permuteOp: Op<{ order: readonly number[] }> = {
  name: 'permute',
  kind: 'view',
  infer([x], { order }) {
    const { shape, dtype } = x!
    if (order.length !== shape.length || order.some((_, i) => !order.includes(i))) {
      throw new AxisError('permute', `expects each of the ${shape.length} dims once, received ${formatShape(order)}`)
    }
    return { shape: order.map((d) => shape[d]!), dtype }
  },
  evaluate(node, [x]) {
    const strides = stridesOf(node.inputs[0]!.shape)
    const order = node.attrs.order.map((d) => strides[d]!)
    return copyStrided(x!, node.shape, order, 0, allocateValues(node.dtype, x!.length))
  },
  derivative: (node, dy) => permute(dy, inverse(node.attrs.order)),
}

export function permute(x: Node, order: readonly number[]): Node {
  return order.length === x.shape.length && order.every((d, i) => d === i) ? x : record(permuteOp, [x], { order })
}

function inverse(order: readonly number[]): number[] {
  const out = new Array<number>(order.length)
  order.forEach((d, i) => {
    out[d] = i
  })
  return out
}

/** Repeats along dimensions of size 1 and new leading ones, by NumPy's rule. */
export const broadcastOp: Op<{ shape: Shape }> = {
  name: 'broadcast',
  kind: 'view',
  infer([x], { shape }) {
    const joined = broadcastShapes('expand', x!.shape, shape)
    if (!sameShape(joined, shape)) {
      throw new ShapeError('expand', `cannot expand ${formatShape(x!.shape)} to ${formatShape(shape)}`)
    }
    return { shape, dtype: x!.dtype }
  },
  evaluate(node, [x]) {
    const strides = broadcastStrides(node.inputs[0]!.shape, node.shape)
    return copyStrided(x!, node.shape, strides, 0, allocateValues(node.dtype, sizeOf(node.shape)))
  },
  derivative: (node, dy) => sumTo(dy, node.inputs[0]!.shape),
}

export function broadcastTo(x: Node, shape: Shape): Node {
  return sameShape(x.shape, shape) ? x : record(broadcastOp, [x], { shape })
}

export interface Range {
  readonly start: number
  readonly stop: number
  readonly step: number
}

/** Elements start, start + step ... < stop of each dimension; 0 ≤ start ≤ stop ≤ size, step ≥ 1. */
export const sliceOp: Op<{ ranges: readonly Range[] }> = {
  name: 'slice',
  kind: 'view',
  infer([x], { ranges }) {
    const shape = ranges.map(({ start, stop, step }, d) => {
      if (start < 0 || stop > x!.shape[d]! || step < 1) {
        throw new ValueError(
          'slice',
          `range ${start}:${stop}:${step} does not fit dim ${d} of ${formatShape(x!.shape)}`,
        )
      }
      return Math.max(0, Math.ceil((stop - start) / step))
    })
    return { shape, dtype: x!.dtype }
  },
  evaluate(node, [x]) {
    const own = stridesOf(node.inputs[0]!.shape)
    const { ranges } = node.attrs
    const offset = ranges.reduce((sum, { start }, d) => sum + start * own[d]!, 0)
    const strides = ranges.map(({ step }, d) => step * own[d]!)
    return copyStrided(x!, node.shape, strides, offset, allocateValues(node.dtype, sizeOf(node.shape)))
  },
  derivative(node, dy) {
    const { ranges } = node.attrs
    const extents = node.inputs[0]!.shape
    const pads = ranges.map(({ start, step }, d) => {
      const used = node.shape[d]! === 0 ? 0 : (node.shape[d]! - 1) * step + 1
      return { low: start, high: extents[d]! - start - used, inner: step - 1 }
    })
    return pad(dy, pads)
  },
}

export function slice(x: Node, ranges: readonly Range[]): Node {
  const whole = ranges.every(({ start, stop, step }, d) => start === 0 && stop === x.shape[d] && step === 1)
  return whole ? x : record(sliceOp, [x], { ranges })
}

/** One dimension of {@link slice}. */
export function sliceDim(x: Node, dim: number, start: number, stop: number, step = 1): Node {
  return slice(
    x,
    x.shape.map((extent, d) => (d === dim ? { start, stop, step } : { start: 0, stop: extent, step: 1 })),
  )
}

export interface Padding {
  /** Zeros before the first and after the last element; may be negative, which crops. */
  readonly low: number
  readonly high: number
  /** Zeros between neighbours. */
  readonly inner: number
}

/** Surrounds with zeros, and puts zeros between elements; negative amounts crop. */
export const padOp: Op<{ pads: readonly Padding[] }> = {
  name: 'pad',
  kind: 'view',
  infer([x], { pads }) {
    const shape = pads.map(({ low, high, inner }, d) => {
      const extent = x!.shape[d]!
      const size = low + high + extent + Math.max(0, extent - 1) * inner
      if (size < 0)
        throw new ShapeError('pad', `padding (${low}, ${high}) crops dim ${d} of ${formatShape(x!.shape)} below 0`)
      return size
    })
    return { shape, dtype: x!.dtype }
  },
  evaluate(node, [x]) {
    const from = node.inputs[0]!.shape
    const own = stridesOf(from)
    const out = allocateValues(node.dtype, sizeOf(node.shape))
    const strides = stridesOf(node.shape)
    let source = 0
    let target = 0
    const extents: number[] = []
    for (const [d, { low, inner }] of node.attrs.pads.entries()) {
      const first = Math.max(0, Math.ceil(-low / (inner + 1)))
      const last = Math.min(from[d]! - 1, Math.floor((node.shape[d]! - 1 - low) / (inner + 1)))
      extents.push(Math.max(0, last - first + 1))
      source += first * own[d]!
      target += (low + first * (inner + 1)) * strides[d]!
    }
    const steps = strides.map((stride, d) => stride * (node.attrs.pads[d]!.inner + 1))
    scatterStrided(x!, extents, own, source, out, steps, target)
    return out
  },
  derivative(node, dy) {
    const { pads } = node.attrs
    const cropped = pads.map(({ low, high }) => ({ low: -low, high: -high, inner: 0 }))
    const whole = pad(dy, cropped)
    return slice(
      whole,
      pads.map(({ inner }, d) => ({ start: 0, stop: whole.shape[d]!, step: inner + 1 })),
    )
  },
}

/** Copies a strided block into another strided block. */
function scatterStrided(
  source: Values,
  extents: Shape,
  from: readonly number[],
  fromOffset: number,
  out: Values,
  to: readonly number[],
  toOffset: number,
): void {
  if (sizeOf(extents) === 0) return
  const last = extents.length - 1
  const [inner, fromStep, toStep] = last < 0 ? [1, 1, 1] : [extents[last]!, from[last]!, to[last]!]
  const index = new Int32Array(extents.length)
  let a = fromOffset
  let b = toOffset
  while (true) {
    for (let i = 0, x = a, y = b; i < inner; i++, x += fromStep, y += toStep) out[y] = source[x]!
    let d = last - 1
    for (; d >= 0; d--) {
      a += from[d]!
      b += to[d]!
      if (++index[d]! < extents[d]!) break
      a -= from[d]! * extents[d]!
      b -= to[d]! * extents[d]!
      index[d] = 0
    }
    if (d < 0) return
  }
}

export function pad(x: Node, pads: readonly Padding[]): Node {
  const nothing = pads.every(({ low, high, inner }) => low === 0 && high === 0 && inner === 0)
  return nothing ? x : record(padOp, [x], { pads })
}

/** Reverses the order along `dims`. */
export const flipOp: Op<{ dims: readonly number[] }> = {
  name: 'flip',
  kind: 'view',
  infer: ([x]) => ({ shape: x!.shape, dtype: x!.dtype }),
  evaluate(node, [x]) {
    const strides = stridesOf(node.shape)
    let offset = 0
    for (const d of node.attrs.dims) {
      offset += (node.shape[d]! - 1) * strides[d]!
      strides[d] = -strides[d]!
    }
    return copyStrided(x!, node.shape, strides, offset, allocateValues(node.dtype, x!.length))
  },
  derivative: (node, dy) => flip(dy, node.attrs.dims),
}

export function flip(x: Node, dims: readonly number[]): Node {
  return dims.length === 0 ? x : record(flipOp, [x], { dims })
}

/** Joins along `dim`; the other dimensions are equal. */
export const concatOp: Op<{ dim: number }> = {
  name: 'concat',
  kind: 'view',
  infer(inputs, { dim }) {
    const first = inputs[0]!
    let extent = 0
    for (const input of inputs) {
      const fits =
        input.shape.length === first.shape.length && input.shape.every((n, d) => d === dim || n === first.shape[d])
      if (!fits) {
        throw new ShapeError(
          'concat',
          `shapes ${formatShape(first.shape)} and ${formatShape(input.shape)} differ outside dim ${dim}`,
        )
      }
      extent += input.shape[dim]!
    }
    return { shape: first.shape.with(dim, extent), dtype: first.dtype }
  },
  evaluate(node, inputs) {
    const { dim } = node.attrs
    const out = allocateValues(node.dtype, sizeOf(node.shape))
    const outer = sizeOf(node.shape.slice(0, dim))
    const inner = sizeOf(node.shape.slice(dim + 1))
    const row = node.shape[dim]! * inner
    let offset = 0
    inputs.forEach((values, k) => {
      const width = node.inputs[k]!.shape[dim]! * inner
      for (let o = 0; o < outer; o++) out.set(values.subarray(o * width, (o + 1) * width), o * row + offset)
      offset += width
    })
    return out
  },
  derivative(node, dy, i) {
    const { dim } = node.attrs
    const start = node.inputs.slice(0, i).reduce((sum, input) => sum + input.shape[dim]!, 0)
    return sliceDim(dy, dim, start, start + node.inputs[i]!.shape[dim]!)
  },
}

export function concat(inputs: readonly Node[], dim: number): Node {
  return inputs.length === 1 ? inputs[0]! : record(concatOp, inputs, { dim })
}

export function zeros(like: Node): Node {
  return broadcastTo(constant(0, like.dtype), like.shape)
}
