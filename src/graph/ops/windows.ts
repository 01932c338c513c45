import { allocateValues } from '../../core/dtype.ts'
import { ShapeError } from '../../core/errors.ts'
import { formatShape, type Shape, sizeOf, stridesOf } from '../../core/shape.ts'
import { type Node, type Op, record } from '../node.ts'
import { copyStrided } from './broadcasting.ts'

export interface Window {
  readonly dim: number
  readonly size: number
  readonly step: number
  readonly dilation: number
}

/** Sliding windows along `dim`: its place holds the window's number, a new last dimension the position inside it. */
export const windowOp: Op<Window> = {
  name: 'window',
  kind: 'view',
  infer([x], { dim, size, step, dilation }) {
    const count = Math.floor((x!.shape[dim]! - (size - 1) * dilation - 1) / step) + 1
    if (count < 1) {
      throw new ShapeError(
        'window',
        `a window of ${size} (dilation ${dilation}) does not fit dim ${dim} of ${formatShape(x!.shape)}`,
      )
    }
    return { shape: [...x!.shape.with(dim, count), size], dtype: x!.dtype }
  },
  evaluate(node, [x]) {
    const { dim, step, dilation } = node.attrs
    const own = stridesOf(node.inputs[0]!.shape)
    const strides = [...own.with(dim, own[dim]! * step), own[dim]! * dilation]
    return copyStrided(x!, node.shape, strides, 0, allocateValues(node.dtype, sizeOf(node.shape)))
  },
  derivative: (node, dy) => fold(dy, { ...node.attrs, length: node.inputs[0]!.shape[node.attrs.dim]! }),
}

/** Overlap-add: the adjoint of {@link windowOp}. Puts windows back along `dim` of extent `length` and sums where they overlap. */
export const foldOp: Op<Window & { length: number }> = {
  name: 'fold',
  kind: 'indexing',
  infer: ([x], { dim, length }) => ({ shape: x!.shape.slice(0, -1).with(dim, length), dtype: x!.dtype }),
  evaluate(node, [x]) {
    const { dim, size, step, dilation, length } = node.attrs
    const [count] = [node.inputs[0]!.shape[dim]!]
    const inner = sizeOf(node.shape.slice(dim + 1))
    const outer = sizeOf(node.shape.slice(0, dim))
    const sums = new Float64Array(sizeOf(node.shape))
    let from = 0
    for (let o = 0; o < outer; o++)
      for (let w = 0; w < count; w++)
        for (let i = 0; i < inner; i++)
          for (let k = 0; k < size; k++) sums[(o * length + w * step + k * dilation) * inner + i]! += x![from++]!
    const out = allocateValues(node.dtype, sums.length)
    out.set(sums)
    return out
  },
  derivative(node, dy) {
    const { length: _, ...attrs } = node.attrs
    return window(dy, attrs)
  },
}

export function window(x: Node, attrs: Window): Node {
  return record(windowOp, [x], attrs)
}

export function fold(x: Node, attrs: Window & { length: number }): Node {
  return record(foldOp, [x], attrs)
}

export interface Pool {
  readonly kernel: readonly number[]
  readonly stride: readonly number[]
  /** Excluded positions before and after; never chosen. */
  readonly low: readonly number[]
  readonly high: readonly number[]
  readonly dilation: readonly number[]
  /** The dimensions that windows slide along. Default: the last ones. */
  readonly dims?: readonly number[]
}

/** The dimensions that windows slide along, out of so many. */
export function spaceOf({ dims, kernel }: Pool, rank: number): readonly number[] {
  return dims ?? kernel.map((_, d) => rank - kernel.length + d)
}

/**
 * Where the maximum of each pooling window is: x [N, C, ...space] → int32 [N, C, ...out], as a flat index into space, whose
 * dimensions may stand elsewhere. The first maximum wins; NaN counts as largest.
 */
export const argPoolOp: Op<Pool> = {
  name: 'argPool',
  kind: 'indexing',
  infer([x], attrs) {
    const { kernel, stride, low, high, dilation } = attrs
    const dims = spaceOf(attrs, x!.shape.length)
    const space = dims.map((dim) => x!.shape[dim]!)
    const out = space.map((size, d) => {
      return Math.floor((size + low[d]! + high[d]! - (kernel[d]! - 1) * dilation[d]! - 1) / stride[d]!) + 1
    })
    if (out.some((size) => size < 1)) {
      throw new ShapeError(
        'maxPool',
        `kernel ${formatShape(kernel)} does not fit into the padded input ${formatShape(space)}`,
      )
    }
    return { shape: x!.shape.map((n, dim) => out[dims.indexOf(dim)] ?? n), dtype: 'int32' }
  },
  evaluate(node, [x]) {
    const { kernel, stride, low, dilation } = node.attrs
    const { shape } = node.inputs[0]!
    const dims = spaceOf(node.attrs, shape.length)
    const rank = kernel.length
    const [id, ih, iw] = three(pick(shape, dims), rank, 1)
    const [od, oh, ow] = three(pick(node.shape, dims), rank, 1)
    const [kd, kh, kw] = three(kernel, rank, 1)
    const [sd, sh, sw] = three(stride, rank, 1)
    const [ld, lh, lw] = three(low, rank, 0)
    const [dd, dh, dw] = three(dilation, rank, 1)
    const [fd, fh, fw] = three(pick(stridesOf(shape), dims), rank, 0)
    const [td, th, tw] = three(pick(stridesOf(node.shape), dims), rank, 0)
    const out = new Int32Array(sizeOf(node.shape))
    const beside = [...shape.keys()].filter((dim) => !dims.includes(dim))
    const from = offsets(shape, beside)
    const to = offsets(node.shape, beside)
    for (const [plane, base] of from.entries()) {
      for (let p = 0; p < od; p++)
        for (let q = 0; q < oh; q++)
          for (let r = 0; r < ow; r++) {
            let best = Number.NEGATIVE_INFINITY
            let at = -1
            for (let a = 0; a < kd; a++) {
              const z = p * sd - ld + a * dd
              if (z < 0 || z >= id) continue
              for (let b = 0; b < kh; b++) {
                const y = q * sh - lh + b * dh
                if (y < 0 || y >= ih) continue
                for (let c = 0; c < kw; c++) {
                  const col = r * sw - lw + c * dw
                  if (col < 0 || col >= iw) continue
                  const value = x![base + z * fd + y * fh + col * fw]!
                  if (at < 0 || value > best || (Number.isNaN(value) && !Number.isNaN(best))) {
                    best = value
                    at = (z * ih + y) * iw + col
                  }
                }
              }
            }
            out[to[plane]! + p * td + q * th + r * tw] = at
          }
    }
    return out
  },
}

function pick(values: readonly number[], dims: readonly number[]): number[] {
  return dims.map((dim) => values[dim]!)
}

/** Where the elements begin that have one position on each of `dims`, in row-major order of those. */
function offsets(shape: Shape, dims: readonly number[]): number[] {
  const strides = stridesOf(shape)
  return dims.reduce<number[]>(
    (list, dim) => list.flatMap((at) => Array.from({ length: shape[dim]! }, (_, i) => at + i * strides[dim]!)),
    [0],
  )
}

function three(values: readonly number[], rank: number, fill: number): [number, number, number] {
  return [...new Array<number>(3 - rank).fill(fill), ...values] as [number, number, number]
}

export function argPool(x: Node, attrs: Pool): Node {
  return record(argPoolOp, [x], attrs)
}
