import { sizeOf } from '../../../core/shape.ts'
import { avgPool, gatherSpace, maxPool } from '../../../graph/ops/pooling.ts'
import { argPool } from '../../../graph/ops/windows.ts'
import * as F from '../../../nn/functional/convolution.ts'
import { affineGrid, gridSample } from '../../../nn/functional/grid-sample.ts'
import { ones, zeros } from '../../../tensor/creation.ts'
import { Tensor } from '../../../tensor/tensor.ts'
import { numbersOf } from '../../graphs/known.ts'
import type { Attributes } from '../attributes.ts'
import type { Operation, Operations } from './operation.ts'
import { resize, upsample } from './resize.ts'
import { roundedUp, type Windows, windowsOf, withMargins } from './windows.ts'

const convolutions = [F.conv1d, F.conv2d, F.conv3d] as const
const transposedConvolutions = [F.convTranspose1d, F.convTranspose2d, F.convTranspose3d] as const

/** The function for images of as many dimensions as `x` [N, C, ...] has. */
function forRank<T>(functions: readonly T[], x: Tensor, attributes: Attributes): T {
  const found = functions[x.rank - 3]
  if (found) return found
  throw attributes.fail(`convolution of ${x.rank - 2} dimensions is not supported`)
}

const convolution: Operation = ([x, kernel, bias], attributes) => {
  const convolve = forRank(convolutions, x!, attributes)
  const { stride, dilation, low, high } = windowsOf(attributes, x!.shape.slice(2), kernel!.shape.slice(2))
  const groups = attributes.number('group', 1)
  const even = low.every((n, d) => n === high[d])
  const padded = even ? x! : withMargins(x!, low, high)
  return convolve(padded, kernel!, bias, { stride, dilation, groups, padding: even ? low : 0 })
}

/** Margins are taken from the whole result. */
const transposedConvolution: Operation = ([x, kernel, bias], attributes) => {
  const convolve = forRank(transposedConvolutions, x!, attributes)
  const space = x!.shape.slice(2)
  const { stride, dilation, low, high } = windowsOf(attributes, space, kernel!.shape.slice(2))
  const extra = attributes.numbers('output_padding') ?? space.map(() => 0)
  const full = convolve(x!, kernel!, bias, { stride, dilation, groups: attributes.number('group', 1) })
  const auto = attributes.text('auto_pad', 'NOTSET')
  const same = auto.startsWith('SAME') ? space.map((n, d) => n * stride[d]!) : undefined
  const wanted = attributes.numbers('output_shape')?.slice(-space.length) ?? same
  const before = space.map((_, d) => {
    if (!wanted) return low[d]!
    const total = Math.max(0, full.shape[d + 2]! + extra[d]! - wanted[d]!)
    return auto === 'SAME_UPPER' ? Math.floor(total / 2) : Math.ceil(total / 2)
  })
  const after = space.map((_, d) => (wanted ? full.shape[d + 2]! - before[d]! - wanted[d]! : high[d]! - extra[d]!))
  const cut = withMargins(
    full,
    before.map((n) => -n),
    after.map((n) => -n),
  )
  return cut
}

function poolWindows(x: Tensor, attributes: Attributes): Windows {
  const space = x.shape.slice(2)
  const windows = windowsOf(attributes, space, attributes.numbers('kernel_shape') ?? space)
  return attributes.flag('ceil_mode') ? roundedUp(windows, space) : exactly(windows, space)
}

/** Without the margin after the last window that fits. */
function exactly(windows: Windows, space: readonly number[]): Windows {
  const { kernel, stride, dilation, low, high } = windows
  const used = space.map((n, d) => {
    const reach = (kernel[d]! - 1) * dilation[d]! + 1
    const count = Math.floor((n + low[d]! + high[d]! - reach) / stride[d]!) + 1
    return (count - 1) * stride[d]! + reach - n - low[d]!
  })
  return { ...windows, high: used }
}

const largest: Operation = ([x], attributes) => {
  const windows = poolWindows(x!, attributes)
  const wide = x!.dtype === 'uint8' ? x!.to('int32') : x!
  if (attributes.outputs === 1) return new Tensor(maxPool(wide.node, windows)).to(x!.dtype)
  const at = argPool(wide.node, windows)
  const values = new Tensor(gatherSpace(wide.node, at, 'MaxPool')).to(x!.dtype)
  return [values, overAll(new Tensor(at), x!.shape, attributes.flag('storage_order'))]
}

/** Positions in an image [H, W] as positions in the whole tensor, and column by column where `turned`. */
function overAll(at: Tensor, shape: readonly number[], turned: boolean): Tensor {
  const [n, c, ...space] = shape as [number, number, ...number[]]
  const width = space.at(-1)!
  const inside = turned ? at.remainder(width).mul(space.at(-2)!).add(at.floorDivide(width)) : at
  const planes = zeros([n * c], { dtype: 'int32' })
    .add(1)
    .cumsum(0)
    .sub(1)
    .mul(sizeOf(space))
  return inside.add(planes.reshape([n, c, ...space.map(() => 1)]))
}

const average: Operation = ([x], attributes) => {
  const windows = poolWindows(x!, attributes)
  const counts = attributes.flag('count_include_pad')
  if (windows.dilation.some((n) => n > 1)) return dilatedAverage(x!, windows, counts, attributes)
  const { high } = windowsOf(attributes, x!.shape.slice(2), windows.kernel)
  const none = high.map(() => 0)
  return new Tensor(
    avgPool(x!.node, {
      ...windows,
      countLow: counts ? windows.low : none,
      countHigh: counts
        ? windows.high.map((n, d) => Math.min(n, high[d]!))
        : none.map((_, d) => Math.min(0, windows.high[d]!)),
      divisor: 0,
    }),
  )
}

/** Sums are convolutions with ones. */
function dilatedAverage(x: Tensor, windows: Windows, counts: boolean, attributes: Attributes): Tensor {
  const { kernel, stride, dilation, low, high } = windows
  const convolve = forRank(convolutions, x, attributes)
  const weights = ones([1, 1, ...kernel], { dtype: x.dtype })
  const sum = (images: Tensor): Tensor => convolve(images, weights, undefined, { stride, dilation })
  const [n, c, ...space] = x.shape as [number, number, ...number[]]
  const sums = sum(withMargins(x, low, high).reshape([n * c, 1, ...space.map((size, d) => size + low[d]! + high[d]!)]))
  const given = windowsOf(attributes, space, kernel).high
  const counted = counts ? high.map((size, d) => Math.min(size, given[d]!)) : space.map(() => 0)
  const own = ones([1, 1, ...space.map((size, d) => size + (counts ? low[d]! : 0) + counted[d]!)], { dtype: x.dtype })
  const missing = low.map((size) => (counts ? 0 : size))
  const inside = sum(
    withMargins(
      own,
      missing,
      high.map((size, d) => size - counted[d]!),
    ),
  )
  const means = sums.div(inside)
  return means.reshape([n, c, ...means.shape.slice(2)])
}

/** (Σ |x|ᵖ)^{1/p} over windows. */
const powerSum: Operation = ([x], attributes) => {
  const p = attributes.number('p', 2)
  const windows = poolWindows(x!, attributes)
  const powers = x!.abs().pow(p)
  const [n, c, ...space] = x!.shape as [number, number, ...number[]]
  const { kernel, stride, dilation, low, high } = windows
  const convolve = forRank(convolutions, x!, attributes)
  const padded = withMargins(powers, low, high).reshape([
    n * c,
    1,
    ...space.map((size, d) => size + low[d]! + high[d]!),
  ])
  const sums = convolve(padded, ones([1, 1, ...kernel], { dtype: x!.dtype }), undefined, { stride, dilation })
  return sums.pow(1 / p).reshape([n, c, ...sums.shape.slice(2)])
}

/** Every element of an image, as one window. */
function global(reduce: (x: Tensor, dims: number[]) => Tensor): Operation {
  return ([x]) => reduce(x!, x!.shape.map((_, d) => d).slice(2))
}

/** Puts values back where the maxima were. */
const unpool: Operation = ([x, indices, shape], attributes) => {
  const { kernel, stride, low, high } = windowsOf(attributes, x!.shape.slice(2), attributes.numbers('kernel_shape')!)
  const own = kernel.map((k, d) => (x!.shape[d + 2]! - 1) * stride[d]! + k - low[d]! - high[d]!)
  const natural = [...x!.shape.slice(0, 2), ...own]
  const wanted = shape ? numbersOf(shape) : natural
  // Positions are those of the natural shape.
  const flat = zeros([sizeOf(natural)], { dtype: x!.dtype }).scatter(0, indices!.flatten(), x!.flatten())
  return withMargins(
    flat.reshape(natural),
    own.map(() => 0),
    own.map((n, d) => wanted[d + 2]! - n),
  )
}

const modes: Readonly<Record<string, 'bilinear' | 'nearest' | 'bicubic'>> = {
  bilinear: 'bilinear',
  linear: 'bilinear',
  nearest: 'nearest',
  bicubic: 'bicubic',
  cubic: 'bicubic',
}

const sampled: Operation = ([x, grid], attributes) => {
  const mode = modes[attributes.text('mode', 'linear')]
  if (!mode) throw attributes.fail(`mode ${attributes.text('mode', '')} is not supported`)
  const paddingMode = attributes.text('padding_mode', 'zeros') as 'zeros' | 'border' | 'reflection'
  return gridSample(x!, grid!.to(x!.dtype), { mode, paddingMode, alignCorners: attributes.flag('align_corners') })
}

/** Convolutions, pooling and what else is for images. */
export const images: Operations = {
  AffineGrid: ([theta, size], attributes) =>
    affineGrid(theta!, numbersOf(size!), { alignCorners: attributes.flag('align_corners') }),
  AveragePool: average,
  Conv: convolution,
  ConvTranspose: transposedConvolution,
  GlobalAveragePool: global((x, dims) => x.mean(dims, { keepdim: true })),
  GlobalMaxPool: global((x, dims) => x.amax(dims, { keepdim: true })),
  GridSample: sampled,
  LpPool: powerSum,
  MaxPool: largest,
  MaxUnpool: unpool,
  Resize: resize,
  Upsample: upsample,
}
