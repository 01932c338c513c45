import { sameShape, sizeOf } from '../core/shape.ts'
import type { Node } from '../graph/node.ts'
import { type Convolution, conv, convOp } from '../graph/ops/conv.ts'
import { dilated } from '../graph/ops/convolve.ts'
import { constant } from '../graph/ops/leaves.ts'
import { broadcastTo, concat, pad, permute, permuteOp, reshape, sliceDim } from '../graph/ops/views.ts'
import { type Affine, axisPosition, type Condition, scale, sum } from './affine.ts'
import { multiplied, type Packing, readThrough, vectorOperand } from './operands.ts'
import { product } from './product.ts'

/**
 * A `conv` node as a product: implicit GEMM (Chetlur et al., cuDNN, 2014). The input is padded once; each of its elements is
 * then read wherever a tap needs it. Pixels come first, then the batch, channels last: the rows of a tile are one pixel of
 * several images, so that a tap on the padding is one for all of them and is left out.
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

/** y[p, n, g, o] = Σ x[p · stride + k · dilation, n, g, c] · w[g, k, c, o] over the taps k and channels c. */
function sumOverTaps(node: Node<Convolution>, x: Node, w: Node, packing: Packing): Node {
  const { shape, attrs } = node
  const [batch, groups, outputs, ...space] = shape as [number, number, number, ...number[]]
  const taps = w.shape.slice(3)
  const rank = taps.length
  const spatial = taps.map((_, d) => d + 3)
  const kernel = permute(w, [0, ...spatial, 2, 1])
  const extents = [...space, batch, groups, outputs, ...taps, x.shape[2]!]
  const axis = (i: number): Affine => axisPosition(i, extents.length)
  const [item, group, lane, tap, channel] = [rank, rank + 1, rank + 2, rank + 3, extents.length - 1]
  const pixel = space.map((_, d) => placed(axis(d), axis(tap + d), attrs, d))
  const input = padded(permute(x, [...spatial, 0, 1, 2]), attrs)
  const a = readThrough(input, [...pixel, axis(item), axis(group), axis(channel)], extents)
  const index = [axis(group), ...taps.map((_, d) => axis(tap + d)), axis(channel), axis(lane)]
  const b = vectorOperand(kernel, index, extents, batch * sizeOf(space), 1, packing)
  const valid = inside(pixel, x, attrs)
  const y = product(a.node, b.node, { extents, resultAxes: rank + 3, a: a.at, b: b.at, panel: b.panel, valid })
  return permute(y, [item, group, lane, ...space.keys()])
}

/** y[g, p, n, o] = Σ x[p · stride + k · dilation, c, g, n] · w[g, k, c, o]: c is the batch and k the pixels of a gradient. */
function sumOverPixels(node: Node<Convolution>, x: Node, w: Node, packing: Packing): Node {
  const { shape, attrs } = node
  const [rows, groups, outputs, ...space] = shape as [number, number, number, ...number[]]
  const pixels = w.shape.slice(3)
  const rank = pixels.length
  const spatial = pixels.map((_, d) => d + 3)
  const kernel = permute(w, [0, ...spatial, 2, 1])
  const extents = [groups, ...space, rows, outputs, ...pixels, x.shape[2]!]
  const axis = (i: number): Affine => axisPosition(i, extents.length)
  const [row, lane, first, item] = [rank + 1, rank + 2, rank + 3, extents.length - 1]
  const place = space.map((_, d) => placed(axis(d + 1), axis(first + d), attrs, d))
  const input = padded(permute(x, [...spatial, 2, 1, 0]), attrs)
  const a = readThrough(input, [...place, axis(item), axis(0), axis(row)], extents)
  const index = [axis(0), ...pixels.map((_, d) => axis(first + d)), axis(item), axis(lane)]
  const b = vectorOperand(kernel, index, extents, rows * sizeOf(space), 1, packing)
  const valid = inside(place, x, attrs)
  const y = product(a.node, b.node, { extents, resultAxes: rank + 3, a: a.at, b: b.at, panel: b.panel, valid })
  return permute(y, [row, 0, lane, ...space.map((_, d) => d + 1)])
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
  // Parts that are computed in the same order are dealt out in that order.
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

/** The order of a permuted node; undefined where nothing had to be permuted. */
function orderOf(node: Node): readonly number[] | undefined {
  return node.op.name === permuteOp.name ? (node.attrs as { order: readonly number[] }).order : undefined
}

function placed(position: Affine, tap: Affine, { stride, kernelDilation }: Convolution, d: number): Affine {
  return sum(scale(position, stride[d]!), scale(tap, kernelDilation[d]!))
}

/** The input with its zeros around and in between; spatial dimensions come first. */
function padded(x: Node, { low, high, inputDilation }: Convolution): Node {
  return pad(
    x,
    x.shape.map((_, d) => ({ low: low[d] ?? 0, high: high[d] ?? 0, inner: (inputDilation[d] ?? 1) - 1 })),
  )
}

/** Where positions in the padded input are not in the zeros around it. */
function inside(positions: readonly Affine[], x: Node, { low, high, inputDilation }: Convolution): Condition[] {
  return positions.flatMap((value, d) => {
    const [before, size] = [low[d]!, dilated(x.shape[d + 3]!, inputDilation[d]!)]
    if (before <= 0 && high[d]! <= 0) return []
    return [{ value, low: Math.max(0, before), high: before + size }]
  })
}
