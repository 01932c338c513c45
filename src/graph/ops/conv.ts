import { DTypeError, ShapeError } from '../../core/errors.ts'
import { formatShape } from '../../core/shape.ts'
import { type Node, type Op, record } from '../node.ts'
import { convolve, dilated } from './convolve.ts'
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
    const [batch, groups, inChannels, ...space] = node.inputs[0]!.shape as [number, number, number, ...number[]]
    const [, , outChannels, ...out] = node.shape as [number, number, number, ...number[]]
    const kernel = node.inputs[1]!.shape.slice(3)
    return convolve(x!, w!, node.dtype, { batch, groups, inChannels, outChannels, space, kernel, out, ...node.attrs })
  },
  derivative(node, dy, i) {
    return i === 0 ? inputDerivative(node, dy) : weightDerivative(node, dy)
  },
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
