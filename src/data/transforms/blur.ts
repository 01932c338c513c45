import { ValueError } from '../../core/errors.ts'
import type { Random } from '../random.ts'
import { onPictures, type Picture, type Transform, withValues } from './picture.ts'

/**
 * Blurs by a Gaussian whose deviation is drawn from a range (default [0.1, 2] pixels); beyond the border the picture is mirrored:
 * as `GaussianBlur`.
 *
 * @param size width of the kernel in pixels, odd
 */
export function gaussianBlur(
  size: number,
  { sigma = [0.1, 2] }: { readonly sigma?: number | readonly [number, number] } = {},
): Transform {
  if (!Number.isInteger(size) || size < 1 || size % 2 === 0) {
    throw new ValueError('gaussianBlur', `the kernel's size must be odd, received ${size}`)
  }
  return onPictures('gaussianBlur', (picture, random) => {
    const deviation = typeof sigma === 'number' ? sigma : random.uniform(...sigma)
    const half = (size - 1) / 2
    const weights = Float64Array.from({ length: size }, (_, i) => Math.exp(-0.5 * ((i - half) / deviation) ** 2))
    const sum = weights.reduce((all, weight) => all + weight, 0)
    const kernel = weights.map((weight) => weight / sum)
    if (half >= Math.min(picture.width, picture.height)) {
      throw new ValueError('gaussianBlur', `a kernel of ${size} needs a picture of more than ${half} pixels`)
    }
    return along(along(picture, kernel, picture.width, 1), kernel, picture.height, picture.width)
  })
}

/** Convolves lines of `length` pixels that lie `stride` apart. */
function along(picture: Picture, kernel: Float64Array, length: number, stride: number): Picture {
  const { values } = picture
  const half = (kernel.length - 1) / 2
  const out = new Float32Array(values.length)
  for (let i = 0; i < values.length; i++) {
    const at = Math.floor(i / stride) % length
    let sum = 0
    for (let j = -half; j <= half; j++) {
      let place = at + j
      if (place < 0) place = -place
      if (place >= length) place = 2 * length - 2 - place
      sum += kernel[j + half]! * values[i + (place - at) * stride]!
    }
    out[i] = sum
  }
  return withValues(picture, out)
}

/** Adds normal noise of this deviation (default 0.1), the result kept from 0 to 1: as `GaussianNoise`. */
export function gaussianNoise({
  mean = 0,
  deviation = 0.1,
}: {
  readonly mean?: number
  readonly deviation?: number
} = {}): Transform {
  return onPictures('gaussianNoise', (picture, random) =>
    withValues(
      picture,
      picture.values.map((value) => Math.min(1, Math.max(0, value + random.normal(mean, deviation)))),
    ),
  )
}

export interface RandomErasingOptions {
  /** How often. Default 0.5. */
  readonly p?: number
  /** Range of the hole's area, as a share. Default [0.02, 0.33]. */
  readonly scale?: readonly [number, number]
  /** Range of its height ÷ width. Default [0.3, 3.3]. */
  readonly ratio?: readonly [number, number]
  /** What fills it: a value, or normal noise. Default 0. */
  readonly value?: number | 'random'
}

/** Erases a rectangle, as `RandomErasing` (Zhong et al., "Random erasing data augmentation", 2020). */
export function randomErasing(options: RandomErasingOptions = {}): Transform {
  const { value = 0 } = options
  return onPictures('randomErasing', (picture, random) => {
    const hole = drawHole(picture, options, random)
    if (!hole) return picture
    return erased(picture, ...hole, value === 'random' ? () => random.normal() : () => value)
  })
}

/** A hole as randomErasing draws it; undefined where there is to be none. */
export function drawHole(
  { height, width }: Pick<Picture, 'height' | 'width'>,
  { p = 0.5, scale = [0.02, 0.33], ratio = [0.3, 3.3] }: RandomErasingOptions,
  random: Random,
): [top: number, left: number, height: number, width: number] | undefined {
  if (!random.chance(p)) return undefined
  for (let attempt = 0; attempt < 10; attempt++) {
    const area = height * width * random.uniform(...scale)
    const proportion = Math.exp(random.uniform(Math.log(ratio[0]), Math.log(ratio[1])))
    const h = Math.round(Math.sqrt(area * proportion))
    const w = Math.round(Math.sqrt(area / proportion))
    if (h >= height || w >= width || h < 1 || w < 1) continue
    return [random.integer(height - h + 1), random.integer(width - w + 1), h, w]
  }
  return undefined
}

/** Erases a square of `side` pixels whose middle may be anywhere (DeVries & Taylor, "Cutout", 2017). */
export function cutout(side: number, { value = 0 }: { readonly value?: number } = {}): Transform {
  return onPictures('cutout', (picture, random) => {
    const [y, x] = [random.integer(picture.height), random.integer(picture.width)]
    const half = side >> 1
    return erased(picture, y - half, x - half, side, side, () => value)
  })
}

function erased(
  picture: Picture,
  top: number,
  left: number,
  height: number,
  width: number,
  fill: () => number,
): Picture {
  const values = picture.values.slice()
  for (let c = 0; c < picture.channels; c++) {
    for (let y = Math.max(0, top); y < Math.min(picture.height, top + height); y++) {
      for (let x = Math.max(0, left); x < Math.min(picture.width, left + width); x++) {
        values[(c * picture.height + y) * picture.width + x] = fill()
      }
    }
  }
  return withValues(picture, values)
}
