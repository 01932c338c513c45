import { ValueError } from '../../core/errors.ts'
import { onPictures, type Picture, type Transform } from './picture.ts'
import type { Interpolation } from './warp.ts'

/** Both sides, or height and width, in pixels. */
export type Size = number | readonly [height: number, width: number]

export interface ResizeOptions {
  /** Default 'bilinear'. */
  readonly interpolation?: Interpolation
  /** Takes in all pixels when making smaller. Default true. */
  readonly antialias?: boolean
}

export function sizeOf(size: Size): readonly [height: number, width: number] {
  const sides = typeof size === 'number' ? ([size, size] as const) : size
  if (sides.every((side) => Number.isInteger(side) && side > 0)) return sides
  throw new ValueError('transforms', `a size is whole numbers above 0, received ${String(size)}`)
}

/** Scales to height and width; a single number is the shorter side, and proportions are kept: as `torchvision.transforms.v2.Resize`. */
export function resize(size: Size, options: ResizeOptions = {}): Transform {
  const fixed = sizeOf(size)
  return onPictures('resize', (picture) => {
    if (typeof size !== 'number') return resizePicture(picture, fixed, options)
    const { height, width } = picture
    const sides =
      width <= height
        ? ([Math.floor((size * height) / width), size] as const)
        : ([size, Math.floor((size * width) / height)] as const)
    return resizePicture(picture, sides, options)
  })
}

export function resizePicture(
  picture: Picture,
  [height, width]: readonly [number, number],
  options: ResizeOptions,
): Picture {
  const wide = resizeRows(picture, width, options)
  return resizeColumns(wide, height, options)
}

/** What one pixel of the result takes from a line of the source: from `first` on, with these weights. */
interface Taps {
  readonly first: number
  readonly weights: Float64Array
}

/** A triangle as wide as two pixels of the source or, against aliasing, of the result: as `torch.nn.functional.interpolate`. */
function taps(source: number, target: number, { interpolation = 'bilinear', antialias = true }: ResizeOptions): Taps[] {
  const scale = source / target
  return Array.from({ length: target }, (_, i) => {
    if (interpolation === 'nearest')
      return { first: Math.min(source - 1, Math.floor(i * scale)), weights: Float64Array.of(1) }
    const support = antialias ? Math.max(1, scale) : 1
    const center = scale * (i + 0.5)
    if (!antialias) {
      const at = Math.max(0, center - 0.5)
      const first = Math.floor(at)
      if (first + 1 >= source) return { first, weights: Float64Array.of(1) }
      return { first, weights: Float64Array.of(1 - (at - first), at - first) }
    }
    const first = Math.max(0, Math.trunc(center - support + 0.5))
    const last = Math.min(source, Math.trunc(center + support + 0.5))
    const weights = Float64Array.from({ length: last - first }, (__, j) =>
      Math.max(0, 1 - Math.abs((first + j + 0.5 - center) / support)),
    )
    const sum = weights.reduce((all, weight) => all + weight, 0)
    return { first, weights: weights.map((weight) => weight / sum) }
  })
}

function resizeRows(picture: Picture, width: number, options: ResizeOptions): Picture {
  if (width === picture.width) return picture
  const lines = picture.channels * picture.height
  const out = new Float32Array(lines * width)
  const places = taps(picture.width, width, options)
  const { values } = picture
  for (let line = 0; line < lines; line++) {
    for (let x = 0; x < width; x++) {
      const { first, weights } = places[x]!
      const from = line * picture.width + first
      let sum = 0
      for (let j = 0; j < weights.length; j++) sum += weights[j]! * values[from + j]!
      out[line * width + x] = sum
    }
  }
  return { ...picture, values: out, width }
}

function resizeColumns(picture: Picture, height: number, options: ResizeOptions): Picture {
  if (height === picture.height) return picture
  const { width, channels } = picture
  const out = new Float32Array(channels * height * width)
  for (const [y, { first, weights }] of taps(picture.height, height, options).entries()) {
    for (let c = 0; c < channels; c++) {
      const to = (c * height + y) * width
      for (let x = 0; x < width; x++) {
        let from = (c * picture.height + first) * width + x
        let sum = 0
        for (let j = 0; j < weights.length; j++, from += width) sum += weights[j]! * picture.values[from]!
        out[to + x] = sum
      }
    }
  }
  return { ...picture, values: out, height }
}
