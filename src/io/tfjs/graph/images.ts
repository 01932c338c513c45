import { conv2d, convTranspose2d } from '../../../nn/functional/convolution.ts'
import { batchNorm } from '../../../nn/functional/normalization.ts'
import type { Tensor } from '../../../tensor/tensor.ts'
import { pool as poolImages, samePadded } from '../same-padding.ts'
import { fused } from './arithmetic.ts'
import { numbersOf } from '../../graphs/known.ts'
import { resampled, type Tap } from '../../graphs/resample.ts'
import type { Attributes } from './attributes.ts'
import type { Operation, Operations } from './operation.ts'

/** Whether the channels come last, as TensorFlow mostly has them. */
function isLast(attributes: Attributes): boolean {
  const format = attributes.text('data_format', 'NHWC')
  if (format === 'NHWC' || format === 'NCHW') return format === 'NHWC'
  throw attributes.fail(`data_format ${format} is not supported`)
}

const toFirst = (x: Tensor, last: boolean): Tensor => (last ? x.permute(0, 3, 1, 2) : x)
const fromFirst = (x: Tensor, last: boolean): Tensor => (last ? x.permute(0, 2, 3, 1) : x)

/** Of a number for each dimension those of height and width. */
function ofSpace(attributes: Attributes, name: string, last: boolean): [height: number, width: number] {
  const [height = 1, width = 1] = attributes.numbers(name).slice(last ? 1 : 2)
  return [height, width]
}

/** Images [N, C, H, W] with the margins that the attributes ask for, for windows of `sizes`. */
function withMargins(x: Tensor, sizes: readonly number[], strides: readonly number[], attributes: Attributes): Tensor {
  const padding = attributes.text('padding', 'VALID')
  if (padding === 'VALID') return x
  if (padding === 'SAME') return samePadded(x, sizes, strides)
  const given = attributes.numbers('explicit_paddings')
  const [top = 0, bottom = 0, left = 0, right = 0] = given.slice(isLast(attributes) ? 2 : 4)
  return x.pad([left, right, top, bottom])
}

/** Convolution of `x` with a kernel [outChannels, inChannels / groups, KH, KW]. */
function convolve(x: Tensor, kernel: Tensor, groups: number, attributes: Attributes): Tensor {
  const last = isLast(attributes)
  const [stride, dilation] = [ofSpace(attributes, 'strides', last), ofSpace(attributes, 'dilations', last)]
  const sizes = kernel.shape.slice(2).map((size, d) => (size - 1) * dilation[d]! + 1)
  const padded = withMargins(toFirst(x, last), sizes, stride, attributes)
  return fromFirst(conv2d(padded, kernel, undefined, { stride, dilation, groups }), last)
}

const convolution: Operation = ([x, kernel], attributes) => {
  const [height, width, perGroup, outChannels] = kernel!.shape as [number, number, number, number]
  const last = isLast(attributes)
  const dense = height === 1 && width === 1 && ofSpace(attributes, 'strides', last).every((n) => n === 1)
  const channels = x!.shape.at(last ? -1 : 1)!
  // Rows times a matrix, which is all it is then.
  if (dense && last && channels === perGroup) return x!.matmul(kernel!.reshape(perGroup, outChannels))
  return convolve(x!, kernel!.permute(3, 2, 0, 1), channels / perGroup, attributes)
}

const depthwise: Operation = ([x, kernel], attributes) => {
  const [height, width, channels, multiplier] = kernel!.shape as [number, number, number, number]
  const turned = kernel!.permute(2, 3, 0, 1).reshape(channels * multiplier, 1, height, width)
  return convolve(x!, turned, channels, attributes)
}

/** The derivative of a convolution by its input, which is how TensorFlow writes transposed convolutions. */
const transposed: Operation = ([size, kernel, x], attributes) => {
  const last = isLast(attributes)
  const stride = ofSpace(attributes, 'strides', last)
  const full = convTranspose2d(toFirst(x!, last), kernel!.permute(3, 2, 0, 1), undefined, { stride })
  const wanted = numbersOf(size!).slice(last ? 1 : 2)
  const same = attributes.text('padding', 'VALID') === 'SAME'
  const crops = [0, 1].map((d): [number, number] => {
    const rest = full.shape[d + 2]! - wanted[d]!
    const before = same ? Math.max(0, Math.floor(rest / 2)) : 0
    return [-before, before - rest]
  })
  return fromFirst(full.pad(crops.reverse().flat()), last)
}

const withFused =
  (operation: Operation): Operation =>
  ([x, kernel, ...rest], attributes) =>
    fused(operation([x!, kernel!], attributes) as Tensor, rest, attributes)

const pool =
  (kind: 'maximum' | 'average'): Operation =>
  ([x], attributes) => {
    const last = isLast(attributes)
    const [kernelSize, stride] = [ofSpace(attributes, 'ksize', last), ofSpace(attributes, 'strides', last)]
    const same = attributes.text('padding', 'VALID') === 'SAME'
    return fromFirst(poolImages(kind, toFirst(x!, last), { kernelSize, stride, same }), last)
  }

const normalization: Operation = ([x, weight, bias, mean, variance], attributes) => {
  if (attributes.flag('is_training')) throw attributes.fail('statistics of the batch are not supported')
  const last = isLast(attributes)
  const eps = attributes.number('epsilon', 0.001)
  return fromFirst(batchNorm(toFirst(x!, last), mean, variance, { weight: weight!, bias: bias!, eps }), last)
}

/** Places in the source of each of `out` places: fractions of a pixel. */
function sources(n: number, out: number, attributes: Attributes): number[] {
  const corners = attributes.flag('align_corners') && out > 1
  const scale = corners ? (n - 1) / (out - 1) : n / out
  const half = attributes.flag('half_pixel_centers') ? 0.5 : 0
  return Array.from({ length: out }, (_, i) => (i + half) * scale - half)
}

/** Calls `along` for height and width of x [N, H, W, C], with the wanted size of each. */
function resize(along: (x: Tensor, dim: number, size: number, attributes: Attributes) => Tensor): Operation {
  return ([x, size], attributes) => numbersOf(size!).reduce((y, n, i) => along(y, i + 1, n, attributes), x!)
}

const bilinear = resize((x, dim, size, attributes) => {
  const n = x.shape[dim]!
  const taps = sources(n, size, attributes).map((place): Tap[] => {
    const at = Math.max(0, place)
    const low = Math.min(Math.floor(at), n - 1)
    const share = Math.min(at - low, 1)
    return [
      [low, 1 - share],
      [Math.min(low + 1, n - 1), share],
    ]
  })
  return resampled(x, dim, taps)
})

const nearest = resize((x, dim, size, attributes) => {
  const n = x.shape[dim]!
  const half = attributes.flag('half_pixel_centers') ? 0.5 : 0
  const round = attributes.flag('align_corners') ? Math.round : Math.floor
  const at = sources(n, size, attributes).map((place) => Math.min(Math.max(round(place + half), 0), n - 1))
  const taps = at.map((place): Tap[] => [[place, 1]])
  return resampled(x, dim, taps)
})

/** Channels become squares of pixels. */
const depthToSpace: Operation = ([x], attributes) => {
  const last = isLast(attributes)
  if (!last) throw attributes.fail('data_format NCHW is not supported')
  const block = attributes.number('block_size')
  const [samples, height, width, channels] = x!.shape as [number, number, number, number]
  return x!
    .reshape(samples, height, width, block, block, channels / block ** 2)
    .permute(0, 1, 3, 2, 4, 5)
    .reshape(samples, height * block, width * block, channels / block ** 2)
}

/** Convolutions, pooling and what else is for images. */
export const images: Operations = {
  AvgPool: pool('average'),
  Conv2D: convolution,
  Conv2DBackpropInput: transposed,
  DepthToSpace: depthToSpace,
  DepthwiseConv2dNative: depthwise,
  FusedBatchNorm: normalization,
  FusedBatchNormV2: normalization,
  FusedBatchNormV3: normalization,
  FusedDepthwiseConv2dNative: withFused(depthwise),
  MaxPool: pool('maximum'),
  ResizeBilinear: bilinear,
  ResizeNearestNeighbor: nearest,
  _FusedConv2D: withFused(convolution),
}
