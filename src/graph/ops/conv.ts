import { allocateValues, type Values } from '../../core/dtype.ts'
import { DTypeError, ShapeError } from '../../core/errors.ts'
import { formatShape, type Shape, sizeOf, stridesOf } from '../../core/shape.ts'
import { type Node, type Op, record } from '../node.ts'
import { flip, pad, permute } from './views.ts'

/** Per spatial dimension; general enough that both derivatives of any convolution are convolutions again. */
export interface Convolution {
  readonly stride: readonly number[]
  /** Zeros before and after; negative amounts crop. */
  readonly low: readonly number[]
  readonly high: readonly number[]
  readonly inputDilation: readonly number[]
  readonly kernelDilation: readonly number[]
}

const dilated = (extent: number, dilation: number): number => (extent === 0 ? 0 : (extent - 1) * dilation + 1)

/** Spatial size of the result; below 1 where the kernel does not fit. */
export function convolvedSize(size: number, kernel: number, d: number, c: Convolution): number {
  const padded = dilated(size, c.inputDilation[d]!) + c.low[d]! + c.high[d]!
  return Math.floor((padded - dilated(kernel, c.kernelDilation[d]!)) / c.stride[d]!) + 1
}

/**
 * Cross-correlation (the "convolution" of deep learning) with an explicit group axis:
 * x [N, G, Ci, ...], w [G, Co, Ci, ...] → y [N, G, Co, ...],
 * y[n, g, o, p] = Σ_{c, k} x[n, g, c, p · stride + k · kernelDilation − low] · w[g, o, c, k].
 */
export const convOp: Op<Convolution> = {
  name: 'conv',
  kind: 'contract',
  infer([x, w], attrs) {
    if (x!.dtype !== w!.dtype) {
      throw new DTypeError('conv', `input and weight must share one dtype, received ${x!.dtype} and ${w!.dtype}`)
    }
    const [n, g, ci, ...space] = x!.shape
    const [gw, co, cw, ...kernel] = w!.shape
    if (g !== gw || ci !== cw || space.length !== kernel.length) {
      throw new ShapeError(
        'conv',
        `input [N, G, Ci, ...] ${formatShape(x!.shape)} and weight [G, Co, Ci, ...] ${formatShape(w!.shape)} differ in G, Ci or rank`,
      )
    }
    const out = space.map((size, d) => convolvedSize(size, kernel[d]!, d, attrs))
    if (out.some((size) => size < 0)) {
      throw new ShapeError(
        'conv',
        `kernel ${formatShape(kernel)} does not fit into the padded input ${formatShape(space)}`,
      )
    }
    return { shape: [n!, g!, co!, ...out], dtype: x!.dtype }
  },
  evaluate(node, [x, w]) {
    const [xNode, wNode] = node.inputs as [Node, Node]
    const { attrs } = node
    const rank = attrs.stride.length
    const space = xNode.shape.slice(3)
    const padded = space.map((size, d) => dilated(size, attrs.inputDilation[d]!) + attrs.low[d]! + attrs.high[d]!)
    const dense = spread(x!, xNode.shape.slice(0, 3), space, padded, attrs)
    const full = (shape: readonly number[]): number[] => [...new Array<number>(3 - rank).fill(1), ...shape]
    const out = allocateValues(node.dtype, sizeOf(node.shape))
    const [n, g, co] = node.shape as [number, number, number]
    convolvePlanes(
      { x: dense, w: w!, out, n, g, ci: xNode.shape[2]!, co },
      full(padded),
      full(wNode.shape.slice(3)),
      full(node.shape.slice(3)),
      full(attrs.stride),
      full(attrs.kernelDilation),
    )
    return out
  },
  derivative(node, dy, i) {
    return i === 0 ? inputDerivative(node, dy) : weightDerivative(node, dy)
  },
}

/** The input with its padding and dilation written out. */
function spread(x: Values, lead: Shape, space: Shape, padded: Shape, attrs: Convolution): Values {
  const untouched = space.every((size, d) => size === padded[d] && attrs.low[d] === 0)
  if (untouched) return x
  const out = new (x.constructor as new (n: number) => Values)(sizeOf(lead) * sizeOf(padded))
  const strides = stridesOf(padded)
  const planes = sizeOf(lead)
  const size = sizeOf(space)
  const index = new Int32Array(space.length)
  for (let p = 0; p < planes; p++) {
    index.fill(0)
    for (let i = 0; i < size; i++) {
      let at = p * sizeOf(padded)
      let inside = true
      for (let d = 0; d < space.length; d++) {
        const position = index[d]! * attrs.inputDilation[d]! + attrs.low[d]!
        inside &&= position >= 0 && position < padded[d]!
        at += position * strides[d]!
      }
      if (inside) out[at] = x[p * size + i]!
      for (let d = space.length - 1; d >= 0; d--) {
        if (++index[d]! < space[d]!) break
        index[d] = 0
      }
    }
  }
  return out
}

interface Planes {
  readonly x: Values
  readonly w: Values
  readonly out: Values
  readonly n: number
  readonly g: number
  readonly ci: number
  readonly co: number
}

/** Plain loops over three spatial dimensions; sums in double precision. The longer of output row and kernel row is inside. */
function convolvePlanes(
  { x, w, out, n, g, ci, co }: Planes,
  [id, ih, iw]: readonly number[],
  [kd, kh, kw]: readonly number[],
  [od, oh, ow]: readonly number[],
  [sd, sh, sw]: readonly number[],
  [dd, dh, dw]: readonly number[],
): void {
  const plane = id! * ih! * iw!
  const taps = kd! * kh! * kw!
  const size = od! * oh! * ow!
  const sums = new Float64Array(size)
  for (let b = 0; b < n; b++) {
    for (let group = 0; group < g; group++) {
      for (let o = 0; o < co; o++) {
        sums.fill(0)
        for (let c = 0; c < ci; c++) {
          const from = ((b * g + group) * ci + c) * plane
          const weights = ((group * co + o) * ci + c) * taps
          for (let z = 0; z < kd!; z++) {
            for (let v = 0; v < kh!; v++) {
              const weightRow = weights + (z * kh! + v) * kw!
              for (let p = 0; p < od!; p++) {
                for (let q = 0; q < oh!; q++) {
                  const row = from + ((p * sd! + z * dd!) * ih! + q * sh! + v * dh!) * iw!
                  addRow(x, row, w, weightRow, sums, (p * oh! + q) * ow!, ow!, kw!, sw!, dw!)
                }
              }
            }
          }
        }
        out.set(sums, ((b * g + group) * co + o) * size)
      }
    }
  }
}

/** sums[i] += Σₖ x[row + i · stride + k · dilation] · w[k] for one output row. */
function addRow(
  x: Values,
  row: number,
  w: Values,
  weightRow: number,
  sums: Float64Array,
  to: number,
  width: number,
  kernel: number,
  stride: number,
  dilation: number,
): void {
  if (kernel > width) {
    for (let i = 0; i < width; i++) {
      let sum = 0
      for (let k = 0, at = row + i * stride; k < kernel; k++, at += dilation) sum += x[at]! * w[weightRow + k]!
      sums[to + i]! += sum
    }
    return
  }
  for (let k = 0; k < kernel; k++) {
    const weight = w[weightRow + k]!
    let at = row + k * dilation
    for (let i = to, end = to + width; i < end; i++, at += stride) sums[i]! += weight * x[at]!
  }
}

/** dx: dy, spread by the stride, convolved with the flipped kernel whose channels are exchanged. */
function inputDerivative(node: Node<Convolution>, dy: Node): Node {
  const [x, w] = node.inputs as [Node, Node]
  const { stride, low, inputDilation, kernelDilation } = node.attrs
  const spatial = stride.map((_, d) => d + 3)
  const reach = stride.map((_, d) => dilated(w.shape[d + 3]!, kernelDilation[d]!))
  const backLow = low.map((amount, d) => reach[d]! - 1 - amount)
  const backHigh = stride.map((s, d) => {
    const wanted = dilated(x.shape[d + 3]!, inputDilation[d]!)
    return wanted + reach[d]! - 1 - backLow[d]! - dilated(dy.shape[d + 3]!, s)
  })
  const kernel = flip(permute(w, [0, 2, 1, ...spatial]), spatial)
  return conv(dy, kernel, {
    stride: inputDilation,
    low: backLow,
    high: backHigh,
    inputDilation: stride,
    kernelDilation,
  })
}

/** dw: x convolved with dy, the batch in the place of the channels. */
function weightDerivative(node: Node<Convolution>, dy: Node): Node {
  const [x, w] = node.inputs as [Node, Node]
  const { stride, low, inputDilation, kernelDilation } = node.attrs
  const spatial = stride.map((_, d) => d + 3)
  const high = stride.map((s, d) => {
    const reach = dilated(w.shape[d + 3]!, kernelDilation[d]!) - 1
    return dilated(dy.shape[d + 3]!, s) + reach - low[d]! - dilated(x.shape[d + 3]!, inputDilation[d]!)
  })
  const input = permute(x, [2, 1, 0, ...spatial])
  const kernel = permute(dy, [1, 2, 0, ...spatial])
  const raw = conv(input, kernel, { stride: kernelDilation, low, high, inputDilation, kernelDilation: stride })
  return permute(raw, [1, 2, 0, ...spatial])
}

export function conv(x: Node, w: Node, attrs: Convolution): Node {
  return record(convOp, [x, w], attrs)
}

/** Pads spatial dimensions with zeros; used where an op has no padding of its own. */
export function padSpace(x: Node, low: readonly number[], high: readonly number[]): Node {
  const lead = x.shape.length - low.length
  return pad(
    x,
    x.shape.map((_, d) =>
      d < lead ? { low: 0, high: 0, inner: 0 } : { low: low[d - lead]!, high: high[d - lead]!, inner: 0 },
    ),
  )
}
