import type { Tensor } from '../../../tensor/tensor.ts'
import { numbersOf } from '../../graphs/known.ts'
import { resampled, type Tap } from '../../graphs/resample.ts'
import type { Attributes } from '../attributes.ts'
import { listOf, type Operation } from './operation.ts'

/** One dimension of a resize. */
interface Along {
  readonly size: number
  readonly wanted: number
  readonly scale: number
  /** The part of the input that is looked at, in [0, 1]. */
  readonly start: number
  readonly end: number
}

/** Where element i of the result lies in the source, by the name of the transformation. */
const transformations: Readonly<Record<string, (i: number, along: Along) => number>> = {
  align_corners: (i, { size, wanted, scale }) => (wanted === 1 ? 0 : (i * (size - 1)) / (scale * size - 1)),
  asymmetric: (i, { scale }) => i / scale,
  half_pixel: (i, { scale }) => (i + 0.5) / scale - 0.5,
  half_pixel_symmetric(i, { size, wanted, scale }) {
    const adjustment = wanted / (scale * size)
    return (size / 2) * (1 - adjustment) + (i + 0.5) / scale - 0.5
  },
  pytorch_half_pixel: (i, { wanted, scale }) => (wanted > 1 ? (i + 0.5) / scale - 0.5 : 0),
  tf_crop_and_resize: (i, { size, wanted, start, end }) =>
    wanted > 1
      ? start * (size - 1) + (i * (end - start) * (size - 1)) / (wanted - 1)
      : 0.5 * (start + end) * (size - 1),
  tf_half_pixel_for_nn: (i, { scale }) => (i + 0.5) / scale,
}

const roundings: Readonly<Record<string, (x: number) => number>> = {
  ceil: Math.ceil,
  floor: Math.floor,
  round_prefer_ceil: Math.round,
  round_prefer_floor: (x) => Math.ceil(x - 0.5),
}

/** How much an element at distance x counts; 0 from `support` on. */
interface Kernel {
  readonly support: number
  weight(x: number): number
}

const linear: Kernel = { support: 1, weight: (x) => Math.max(0, 1 - Math.abs(x)) }

/** Keys, "Cubic convolution interpolation for digital image processing", 1981. */
function cubic(a: number): Kernel {
  return {
    support: 2,
    weight(x) {
      const t = Math.abs(x)
      if (t <= 1) return ((a + 2) * t - (a + 3)) * t * t + 1
      return t < 2 ? ((a * t - 5 * a) * t + 8 * a) * t - 4 * a : 0
    },
  }
}

interface Sampling {
  readonly kernel: Kernel
  /** Stretches the kernel when there are fewer elements afterwards. */
  readonly antialias: boolean
  /** Leaves out what lies outside, in the place of repeating the edge. */
  readonly excludes: boolean
}

/** The elements around `place` and their weights, which sum to 1. */
function around(place: number, { size, scale }: Along, { kernel, antialias, excludes }: Sampling): Tap[] {
  const stretch = antialias ? Math.max(1, 1 / scale) : 1
  const reach = kernel.support * stretch
  const first = Math.floor(place - reach) + 1
  const taps = Array.from({ length: Math.ceil(2 * reach) + 1 }, (_, k): Tap => {
    const at = first + k
    const outside = at < 0 || at >= size
    const weight = excludes && outside ? 0 : kernel.weight((at - place) / stretch)
    return [Math.min(Math.max(at, 0), size - 1), weight]
  })
  const sum = taps.reduce((total, [, weight]) => total + weight, 0)
  return taps.map(([at, weight]): Tap => [at, weight / sum])
}

/** Scales and sizes of the dimensions `dims` of `x`. */
function targets(
  x: Tensor,
  dims: readonly number[],
  scales: number[] | undefined,
  sizes: number[] | undefined,
  attributes: Attributes,
) {
  if (scales && scales.length > 0)
    return dims.map((dim, i) => ({ scale: scales[i]!, wanted: Math.floor(x.shape[dim]! * scales[i]!) }))
  const wanted = sizes ?? []
  const ratios = dims.map((dim, i) => wanted[i]! / x.shape[dim]!)
  const policy = attributes.text('keep_aspect_ratio_policy', 'stretch')
  if (policy === 'stretch') return ratios.map((scale, i) => ({ scale, wanted: wanted[i]! }))
  const scale = policy === 'not_larger' ? Math.min(...ratios) : Math.max(...ratios)
  return dims.map((dim) => ({ scale, wanted: Math.round(x.shape[dim]! * scale) }))
}

/** One dimension after the other. */
export const resize: Operation = ([x, ...rest], attributes) => {
  // Version 10 had scales only.
  const [roi, scales, sizes] = attributes.opset < 11 ? [undefined, rest[0], undefined] : rest
  const dims =
    attributes.numbers('axes')?.map((axis) => (axis < 0 ? axis + x!.rank : axis)) ?? x!.shape.map((_, d) => d)
  const name = attributes.text('coordinate_transformation_mode', attributes.opset < 11 ? 'asymmetric' : 'half_pixel')
  const transform = transformations[name]
  if (!transform) throw attributes.fail(`coordinate_transformation_mode ${name} is not supported`)
  const mode = attributes.text('mode', 'nearest')
  const crop = name === 'tf_crop_and_resize'
  const region = crop && roi ? numbersOf(roi) : []
  const outside = attributes.number('extrapolation_value', 0)
  const target = targets(x!, dims, scales && numbersOf(scales), sizes && numbersOf(sizes), attributes)
  const sampling: Sampling = {
    kernel: mode === 'cubic' ? cubic(attributes.number('cubic_coeff_a', -0.75)) : linear,
    antialias: attributes.flag('antialias'),
    excludes: attributes.flag('exclude_outside'),
  }
  const round = roundings[attributes.text('nearest_mode', attributes.opset < 11 ? 'floor' : 'round_prefer_floor')]!
  return dims.reduce((y, dim, i) => {
    const size = y.shape[dim]!
    const along: Along = { size, ...target[i]!, start: region[i] ?? 0, end: region[i + dims.length] ?? 1 }
    if (along.wanted === size && along.scale === 1 && !crop) return y
    const places = Array.from({ length: along.wanted }, (_, k) => transform(k, along))
    const taps = places.map((place): Tap[] =>
      mode === 'nearest' ? [[Math.min(Math.max(round(place), 0), size - 1), 1]] : around(place, along, sampling),
    )
    const z = resampled(y, dim, taps)
    const lost = places.map((place) => place < 0 || place > size - 1)
    return crop && lost.includes(true) ? filled(z, dim, lost, outside) : z
  }, x!)
}

/** `value` in the place of the parts along `dim` that are lost. */
function filled(x: Tensor, dim: number, lost: readonly boolean[], value: number): Tensor {
  const at = lost.flatMap((is, i) => (is ? [i] : []))
  return at.reduce((y, i) => y.selectScatter(y.select(dim, i).mul(0).add(value), dim, i), x)
}

/** What {@link resize} was called before version 10. */
export const upsample: Operation = ([x, scales], attributes) => {
  const factors = listOf(scales, attributes, 'scales') ?? []
  const mode = attributes.text('mode', 'nearest')
  return factors.reduce((y, scale, dim) => {
    const size = y.shape[dim]!
    if (scale === 1) return y
    const along: Along = { size, wanted: Math.floor(size * scale), scale, start: 0, end: 1 }
    const sampling: Sampling = { kernel: linear, antialias: false, excludes: false }
    const taps = Array.from({ length: along.wanted }, (_, i): Tap[] =>
      mode === 'nearest' ? [[Math.floor(i / scale), 1]] : around(i / scale, along, sampling),
    )
    return resampled(y, dim, taps)
  }, x!)
}
