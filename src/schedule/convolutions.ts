import { bytesPerElement } from '../core/dtype.ts'
import { sameShape, sizeOf } from '../core/shape.ts'
import type { Node } from '../graph/node.ts'
import { type Convolution, conv, convOp } from '../graph/ops/conv.ts'
import { constant } from '../graph/ops/leaves.ts'
import { broadcastTo, concat, pad, permute, reshape, sliceDim } from '../graph/ops/views.ts'
import { type Affine, axisPosition, scale, sum } from './affine.ts'
import { multiplied, type Packing, readThrough, vectorOperand } from './operands.ts'
import { product } from './product.ts'

/**
 * A `conv` node as a product, channels last: implicit GEMM (Chetlur et al., cuDNN, 2014). The input is padded once; each
 * of its elements is then read wherever a tap needs it.
 */
export function lowerConvolution(node: Node, [x, w]: readonly Node[], packing: Packing): Node | undefined {
  if (node.op.name !== convOp.name || !multiplied.has(node.dtype) || sizeOf(node.shape) === 0) return undefined
  if (sizeOf(x!.shape) === 0 || sizeOf(w!.shape) === 0) return broadcastTo(constant(0, node.dtype), node.shape)
  const apart = node.attrs as Convolution
  const spread = apart.inputDilation.findIndex(
    (s, d) => s > 1 && apart.stride[d] === 1 && apart.kernelDilation[d] === 1 && node.shape[d + 3]! > 1,
  )
  if (spread >= 0) return byResidue(node as Node<Convolution>, x!, w!, spread, packing)
  // A kernel larger than the result is the gradient of a weight: there the sum runs over the pixels of a batch.
  const isGradient = sizeOf(w!.shape.slice(3)) > sizeOf(node.shape.slice(3))
  return (isGradient ? sumOverPixels : sumOverTaps)(node as Node<Convolution>, x!, w!, packing)
}

/** y[n, p, g, o] = Σ x[n, p · stride + k · dilation, g, c] · w[g, k, c, o] over the taps k and channels c. */
function sumOverTaps(node: Node<Convolution>, x: Node, w: Node, packing: Packing): Node {
  const { shape, attrs } = node
  const [batch, groups, outputs, ...space] = shape as [number, number, number, ...number[]]
  const taps = w.shape.slice(3)
  const rank = taps.length
  const spatial = taps.map((_, d) => d + 3)
  const input = padded(permute(x, [0, ...spatial, 1, 2]), 1, attrs)
  const kernel = permute(w, [0, ...spatial, 2, 1])
  const extents = [batch, ...space, groups, outputs, ...taps, x.shape[2]!]
  const axis = (i: number): Affine => axisPosition(i, extents.length)
  const [group, tap, channel] = [rank + 1, rank + 3, extents.length - 1]
  const pixel = space.map((_, d) => placed(axis(d + 1), axis(tap + d), attrs, d))
  const a = readThrough(input, [axis(0), ...pixel, axis(group), axis(channel)], extents)
  const index = [axis(group), ...taps.map((_, d) => axis(tap + d)), axis(channel), axis(group + 1)]
  const b = vectorOperand(kernel, index, extents, batch * sizeOf(space), 1, packing)
  const y = product(a.node, b.node, { extents, resultAxes: rank + 3, a: a.at, b: b.at, panel: b.panel })
  return permute(y, [0, group, group + 1, ...space.map((_, d) => d + 1)])
}

/** y[g, p, n, o] = Σ x[c, p · stride + k · dilation, g, n] · w[g, c, k, o]: c is the batch and k the pixels of a gradient. */
function sumOverPixels(node: Node<Convolution>, x: Node, w: Node, packing: Packing): Node {
  const { shape, attrs } = node
  const [rows, groups, outputs, ...space] = shape as [number, number, number, ...number[]]
  const pixels = w.shape.slice(3)
  const rank = pixels.length
  const spatial = pixels.map((_, d) => d + 3)
  const input = padded(permute(x, [2, ...spatial, 1, 0]), 1, attrs)
  const kernel = permute(w, [0, 2, ...spatial, 1])
  const extents = [groups, ...space, rows, outputs, x.shape[2]!, ...pixels]
  const axis = (i: number): Affine => axisPosition(i, extents.length)
  const [row, item] = [rank + 1, rank + 3]
  const place = space.map((_, d) => placed(axis(d + 1), axis(item + 1 + d), attrs, d))
  const a = readThrough(input, [axis(item), ...place, axis(0), axis(row)], extents)
  const index = [axis(0), axis(item), ...pixels.map((_, d) => axis(item + 1 + d)), axis(row + 1)]
  const b = vectorOperand(kernel, index, extents, rows * sizeOf(space), 1, packing)
  const y = product(a.node, b.node, { extents, resultAxes: rank + 3, a: a.at, b: b.at, panel: b.panel })
  return permute(y, [row, 0, row + 1, ...space.map((_, d) => d + 1)])
}

/**
 * A convolution whose input lies apart by s along dimension d, as the gradient of a strided one: most products would be with
 * the zeros in between. Results whose positions have the same remainder modulo s see the same taps, every s-th one, side by
 * side: s convolutions without gaps, whose results are dealt out in turn. A remainder without taps is zero.
 */
function byResidue(node: Node<Convolution>, x: Node, w: Node, d: number, packing: Packing): Node {
  const { attrs, shape } = node
  const s = attrs.inputDilation[d]!
  const [extent, taps, low] = [shape[d + 3]!, w.shape[d + 3]!, attrs.low[d]!]
  const count = Math.ceil(extent / s)
  const parts = Array.from({ length: s }, (_, remainder) => {
    const first = (((low - remainder) % s) + s) % s
    if (first >= taps) return undefined
    const kernel = sliceDim(w, d + 3, first, taps, s)
    const lowHere = (low - remainder - first) / s
    const highHere = count + kernel.shape[d + 3]! - 1 - lowHere - x.shape[d + 3]!
    const part = conv(x, kernel, {
      ...attrs,
      inputDilation: attrs.inputDilation.with(d, 1),
      low: attrs.low.with(d, lowHere),
      high: attrs.high.with(d, highHere),
    })
    // A part without results, or one that is zero everywhere, has no order of its own.
    return lowerConvolution(part, [x, kernel], packing) ?? part
  })
  // Parts that are computed in the same order, channels last, are dealt out in that order.
  const orders = parts.flatMap((part) => (part ? [orderOf(part)] : []))
  const [first] = orders
  const alike = first !== undefined && orders.every((order) => order !== undefined && sameShape(order, first))
  const order = alike ? first : [...shape.keys()]
  const dim = order[d + 3]!
  const sizes = order.map((_, at) => shape[order.indexOf(at)]!).with(dim, count)
  const unit = [...sizes.slice(0, dim + 1), 1, ...sizes.slice(dim + 1)]
  const dealt = parts.map((part) =>
    part ? reshape(alike ? part.inputs[0]! : part, unit) : broadcastTo(constant(0, node.dtype), unit),
  )
  const all = reshape(concat(dealt, dim + 1), sizes.with(dim, count * s))
  return permute(sliceDim(all, dim, 0, extent), order)
}

const orderOf = (node: Node): readonly number[] | undefined =>
  (node.attrs as { readonly order?: readonly number[] }).order

function placed(position: Affine, tap: Affine, { stride, kernelDilation }: Convolution, d: number): Affine {
  return sum(scale(position, stride[d]!), scale(tap, kernelDilation[d]!))
}

/**
 * The input with its zeros, spatial dimensions from `first` on. A few more are added at the end where images would lie a
 * multiple of 4 KB apart, in the same few lines of the cache.
 */
function padded(x: Node, first: number, { low, high, inputDilation }: Convolution): Node {
  const sizes = low.map((_, d) => (x.shape[first + d]! - 1) * inputDilation[d]! + 1 + low[d]! + high[d]!)
  const needsCopy = low.some((_, d) => low[d] !== 0 || high[d] !== 0 || inputDilation[d] !== 1)
  const channels = sizeOf(x.shape.slice(first + low.length)) * bytesPerElement(x.dtype)
  const extra = needsCopy ? skew(sizes, channels) : sizes.map(() => 0)
  return pad(
    x,
    x.shape.map((_, i) => {
      const d = i - first
      if (d < 0 || d >= low.length) return { low: 0, high: 0, inner: 0 }
      return { low: low[d]!, high: high[d]! + extra[d]!, inner: inputDilation[d]! - 1 }
    }),
  )
}

function skew(sizes: readonly number[], channelBytes: number): number[] {
  for (let choice = 0; choice < 2 ** sizes.length; choice++) {
    const extra = sizes.map((_, d) => (choice >> d) & 1)
    if ((sizeOf(sizes.map((n, d) => n + extra[d]!)) * channelBytes) % 4096 !== 0) return extra
  }
  return sizes.map(() => 0)
}
