import { ValueError } from '../../core/errors.ts'
import { onPictures, type Picture, type Transform, withValues } from './picture.ts'

const clamp = (value: number): number => Math.min(1, Math.max(0, value))

/** Weights of red, green and blue in brightness (ITU-R BT.601), as torchvision has them. */
const luma = [0.2989, 0.587, 0.114] as const

/** Brightness of every pixel. */
export function greyOf({ values, channels, height, width }: Picture): Float32Array {
  const size = height * width
  if (channels === 1) return values.slice()
  const out = new Float32Array(size)
  for (let i = 0; i < size; i++) {
    out[i] = luma[0] * values[i]! + luma[1] * values[size + i]! + luma[2] * values[2 * size + i]!
  }
  return out
}

/** `factor` of a picture and the rest of another, of one value, of all values or of one plane for all channels: above 1 it is exaggerated. */
function blend(picture: Picture, other: number | Float32Array | Float64Array, factor: number): Picture {
  const { values } = picture
  const out = new Float32Array(values.length)
  const rest = 1 - factor
  if (typeof other === 'number') {
    for (let i = 0; i < out.length; i++) out[i] = clamp(factor * values[i]! + rest * other)
    return withValues(picture, out)
  }
  for (let i = 0; i < out.length; ) {
    for (let j = 0; j < other.length; j++, i++) out[i] = clamp(factor * values[i]! + rest * other[j]!)
  }
  return withValues(picture, out)
}

/** 0: black; 1: as it is. */
export function adjustBrightness(picture: Picture, factor: number): Picture {
  return blend(picture, 0, factor)
}

/** 0: grey all over; 1: as it is. */
export function adjustContrast(picture: Picture, factor: number): Picture {
  const grey = greyOf(picture)
  const mean = grey.reduce((sum, value) => sum + value, 0) / grey.length
  return blend(picture, mean, factor)
}

/** 0: without colours; 1: as it is. */
export function adjustSaturation(picture: Picture, factor: number): Picture {
  if (picture.channels === 1) return picture
  const grey = greyOf(picture)
  return blend(picture, grey, factor)
}

/** Moves all hues around the circle: by ½ each becomes its opposite. */
export function adjustHue(picture: Picture, shift: number): Picture {
  if (picture.channels === 1) return picture
  const { values, height, width } = picture
  const size = height * width
  const out = new Float32Array(values.length)
  for (let i = 0; i < size; i++) {
    const [r, g, b] = [values[i]!, values[size + i]!, values[2 * size + i]!]
    const most = Math.max(r, g, b)
    const range = most - Math.min(r, g, b)
    const hue = range === 0 ? 0 : most === r ? (g - b) / range : most === g ? 2 + (b - r) / range : 4 + (r - g) / range
    const turned = (((hue / 6 + shift) % 1) + 1) % 1
    for (const [c, offset] of [5, 3, 1].entries()) {
      // https://en.wikipedia.org/wiki/HSL_and_HSV#HSV_to_RGB_alternative
      const k = (offset + turned * 6) % 6
      out[c * size + i] = most - range * Math.max(0, Math.min(k, 4 - k, 1))
    }
  }
  return withValues(picture, out)
}

/** A factor's range: from 1 − x to 1 + x, not below 0; or given. */
type Strength = number | readonly [number, number]

export interface ColorJitterOptions {
  readonly brightness?: Strength
  readonly contrast?: Strength
  readonly saturation?: Strength
  /** A shift's range, −½ to ½ at most: from −x to x, or given. */
  readonly hue?: Strength
}

/** Changes brightness, contrast, saturation and hue at random, in random order, as `ColorJitter`. Default: none of them. */
export function colorJitter({ brightness = 0, contrast = 0, saturation = 0, hue = 0 }: ColorJitterOptions): Transform {
  const range = (value: Strength, middle: number): readonly [number, number] =>
    typeof value === 'number' ? [Math.max(middle - value, middle === 1 ? 0 : -0.5), middle + value] : value
  const steps = [
    [adjustBrightness, range(brightness, 1)],
    [adjustContrast, range(contrast, 1)],
    [adjustSaturation, range(saturation, 1)],
    [adjustHue, range(hue, 0)],
  ] as const
  const hues = steps[3][1]
  if (hues[0] < -0.5 || hues[1] > 0.5)
    throw new ValueError('colorJitter', `hue must lie between −0.5 and 0.5, received ${hues}`)
  return onPictures('colorJitter', (picture, random) => {
    const order = random.permutation(steps.length)
    const factors = steps.map(([, [low, high]]) => random.uniform(low, high))
    return order.reduce((changed, step) => {
      const [change, [low, high]] = steps[step]!
      const isIdle = low === high && low === (step === 3 ? 0 : 1)
      return isIdle ? changed : change(changed, factors[step]!)
    }, picture)
  })
}

/** Without colours, the number of channels kept, with probability `p` (default 1; torchvision's `RandomGrayscale`: 0.1). */
export function grayscale({ p = 1 }: { readonly p?: number } = {}): Transform {
  return onPictures('grayscale', (picture, random) => {
    if (picture.channels === 1 || !random.chance(p)) return picture
    const grey = greyOf(picture)
    return withValues(
      picture,
      picture.values.map((_, i) => grey[i % grey.length]!),
    )
  })
}

/** (x − mean) / deviation, channel by channel, as `Normalize`. The last of all transforms: what follows no longer sees 0 to 1. */
export function normalize(mean: readonly number[], deviation: readonly number[]): Transform {
  return onPictures('normalize', (picture) => {
    const { channels, height, width, values } = picture
    if (mean.length !== channels || deviation.length !== channels) {
      throw new ValueError(
        'normalize',
        `expects ${channels} means and deviations, one a channel, received ${mean.length} and ${deviation.length}`,
      )
    }
    const size = height * width
    const out = new Float32Array(values.length)
    for (let c = 0; c < channels; c++) {
      const [middle, spread] = [mean[c]!, deviation[c]!]
      for (let i = c * size; i < (c + 1) * size; i++) out[i] = (values[i]! - middle) / spread
    }
    return withValues(picture, out)
  })
}

/** Means and deviations of ImageNet's channels, which pretrained models expect. */
export const imagenetMean: readonly [number, number, number] = [0.485, 0.456, 0.406]
export const imagenetDeviation: readonly [number, number, number] = [0.229, 0.224, 0.225]

/** Pixels as whole numbers from 0 to 255, changed by a table for each channel. */
function byTable(picture: Picture, tableOf: (counts: Int32Array) => (level: number) => number): Picture {
  const { channels, height, width, values } = picture
  const size = height * width
  const out = new Float32Array(values.length)
  for (let c = 0; c < channels; c++) {
    const counts = new Int32Array(256)
    const levels = values.subarray(c * size, (c + 1) * size).map((value) => Math.round(255 * clamp(value)))
    for (const level of levels) counts[level]!++
    const table = tableOf(counts)
    for (let i = 0; i < size; i++) out[c * size + i] = table(levels[i]!) / 255
  }
  return withValues(picture, out)
}

/** Keeps so many of the 8 bits of every pixel. */
export function posterizePicture(picture: Picture, bits: number): Picture {
  const mask = (0xff << (8 - bits)) & 0xff
  return byTable(picture, () => (level) => level & mask)
}

/** Makes the negative of what is at least as light as `threshold`, from 0 to 1. */
export function solarizePicture(picture: Picture, threshold: number): Picture {
  return withValues(
    picture,
    picture.values.map((value) => (value >= threshold ? 1 - value : value)),
  )
}

/** Spreads each channel over the whole range. */
export function autocontrastPicture(picture: Picture): Picture {
  const { channels, height, width, values } = picture
  const size = height * width
  const out = new Float32Array(values.length)
  for (let c = 0; c < channels; c++) {
    let [least, most] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY]
    const plane = values.subarray(c * size, (c + 1) * size)
    for (const value of plane) {
      least = Math.min(least, value)
      most = Math.max(most, value)
    }
    const scale = most > least ? 1 / (most - least) : 1
    const offset = most > least ? least : 0
    for (let i = 0; i < size; i++) out[c * size + i] = clamp((plane[i]! - offset) * scale)
  }
  return withValues(picture, out)
}

/** Makes all brightnesses about equally frequent, channel by channel. */
export function equalizePicture(picture: Picture): Picture {
  return byTable(picture, (counts) => {
    const last = counts.findLast((count) => count > 0) ?? 0
    const total = counts.reduce((sum, count) => sum + count, 0)
    const step = Math.floor((total - last) / 255)
    if (step === 0) return (level) => level
    let below = 0
    const table = counts.map((count) => {
      const value = Math.min(255, Math.floor((below + Math.floor(step / 2)) / step))
      below += count
      return value
    })
    return (level) => table[level]!
  })
}

/** 0: smoothed; 1: as it is; 2: sharpened. */
export function adjustSharpness(picture: Picture, factor: number): Picture {
  const { values, channels, height, width } = picture
  const size = height * width
  // In double precision, as the smoothed picture is no result of its own.
  const smooth = Float64Array.from(values)
  for (let c = 0; c < channels; c++) {
    for (let y = 1; y < height - 1; y++) {
      for (let x = 1; x < width - 1; x++) {
        const i = c * size + y * width + x
        let sum = 4 * values[i]!
        for (let dy = -width; dy <= width; dy += width) for (let dx = -1; dx <= 1; dx++) sum += values[i + dy + dx]!
        smooth[i] = sum / 13
      }
    }
  }
  return blend(picture, smooth, factor)
}
