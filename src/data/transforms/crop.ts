import { ValueError } from '../../core/errors.ts'
import type { Random } from '../random.ts'
import { onPictures, type Picture, type Transform } from './picture.ts'
import { resizePicture, type ResizeOptions, type Size, sizeOf } from './resize.ts'
import { type Fill, fillOf } from './warp.ts'

/** What lies beyond the border: a value, the border itself, or the picture mirrored (without or with its border repeated). */
export type PaddingMode = 'constant' | 'edge' | 'reflect' | 'symmetric'

export interface PadOptions {
  readonly fill?: Fill
  /** Default 'constant'. */
  readonly mode?: PaddingMode
}

/** Pixels added at all sides, left and right and top and bottom, or each side. */
export type PaddingSizes =
  | number
  | readonly [x: number, y: number]
  | readonly [left: number, top: number, right: number, bottom: number]

/** Adds a border, as `torchvision.transforms.v2.Pad`. */
export function pad(sizes: PaddingSizes, options: PadOptions = {}): Transform {
  return onPictures('pad', (picture) => padPicture(picture, sizes, options))
}

function padPicture(picture: Picture, sizes: PaddingSizes, options: PadOptions): Picture {
  const { top, bottom, left, right, row, column } = padding(picture, sizes, options)
  return rearrange(picture, picture.height + top + bottom, picture.width + left + right, options.fill ?? 0, row, column)
}

type Sides = Pick<Picture, 'height' | 'width'>

interface Padding {
  readonly top: number
  readonly bottom: number
  readonly left: number
  readonly right: number
  /** Row of the picture that a row of the padded one comes from; −1: from outside. */
  readonly row: (y: number) => number
  readonly column: (x: number) => number
}

/** Where the rows and columns of a padded picture come from. */
function padding({ height, width }: Sides, sizes: PaddingSizes, { mode = 'constant' }: PadOptions): Padding {
  const [left, top, right = left, bottom = top] = typeof sizes === 'number' ? [sizes, sizes] : sizes
  const most = mode === 'reflect' ? 1 : 0
  if (mode !== 'constant' && mode !== 'edge' && Math.max(left, right) > width - most) {
    throw new ValueError('pad', `mode '${mode}' cannot add ${Math.max(left, right)} to a width of ${width}`)
  }
  const place = (i: number, size: number): number => {
    if (i >= 0 && i < size) return i
    if (mode === 'constant') return -1
    if (mode === 'edge') return i < 0 ? 0 : size - 1
    const shift = mode === 'reflect' ? 0 : 1
    return i < 0 ? -i - shift : 2 * size - 2 - i + shift
  }
  return {
    ...{ top, bottom, left, right },
    row: (y: number): number => place(y - top, height),
    column: (x: number): number => place(x - left, width),
  }
}

/** A picture whose pixel (y, x) is pixel (row(y), column(x)) of another; `fill` where one of them is outside. */
function rearrange(
  { values, channels, height, width }: Picture,
  outHeight: number,
  outWidth: number,
  fill: Fill,
  row: (y: number) => number,
  column: (x: number) => number,
): Picture {
  const out = new Float32Array(channels * outHeight * outWidth)
  const columns = new Int32Array(outWidth)
  for (let x = 0; x < outWidth; x++) {
    const source = column(x)
    columns[x] = source < width ? source : -1
  }
  for (let c = 0; c < channels; c++) {
    const outside = fillOf(fill, c)
    for (let y = 0; y < outHeight; y++) {
      const sourceRow = row(y)
      const from = (c * height + sourceRow) * width
      const to = (c * outHeight + y) * outWidth
      if (sourceRow < 0 || sourceRow >= height) {
        out.fill(outside, to, to + outWidth)
        continue
      }
      for (let x = 0; x < outWidth; x++) {
        const sourceColumn = columns[x]!
        out[to + x] = sourceColumn < 0 ? outside : values[from + sourceColumn]!
      }
    }
  }
  return { values: out, channels, height: outHeight, width: outWidth }
}

export function cropPicture(
  picture: Picture,
  top: number,
  left: number,
  height: number,
  width: number,
  fill: Fill = 0,
): Picture {
  return rearrange(
    picture,
    height,
    width,
    fill,
    (y) => y + top,
    (x) => x + left,
  )
}

/** The middle, as `CenterCrop`; a smaller picture is filled up with 0. */
export function centerCrop(size: Size): Transform {
  const [height, width] = sizeOf(size)
  return onPictures('centerCrop', (picture) => {
    const [top, left] = [marginOf(picture.height - height), marginOf(picture.width - width)]
    return cropPicture(picture, top, left, height, width)
  })
}

/** What is cut off before the middle: half, rounded as Python rounds; or less than half of what has to be added. */
function marginOf(surplus: number): number {
  if (surplus < 0) return -Math.floor(-surplus / 2)
  const half = surplus / 2
  if (Number.isInteger(half)) return half
  const low = Math.floor(half)
  return low % 2 === 0 ? low : low + 1
}

export interface RandomCropOptions extends PadOptions {
  /** Added before cropping. Default 0. */
  readonly padding?: PaddingSizes
}

/** A part of this size from anywhere, after padding, as `RandomCrop`. Throws where the picture is smaller. */
export function randomCrop(size: Size, options: RandomCropOptions = {}): Transform {
  const [height, width] = sizeOf(size)
  const { fill = 0 } = options
  return onPictures('randomCrop', (picture, random) => {
    const { row, column } = drawCrop(picture, [height, width], options, random)
    return rearrange(picture, height, width, fill, row, column)
  })
}

/** Where rows and columns of a random part come from, as {@link Padding} has it. */
export function drawCrop(
  picture: Sides,
  [height, width]: readonly [number, number],
  options: RandomCropOptions,
  random: Random,
): Pick<Padding, 'row' | 'column'> {
  const { top, bottom, left, right, row, column } = padding(picture, options.padding ?? 0, options)
  const padded = { height: picture.height + top + bottom, width: picture.width + left + right }
  const [down, across] = [padded.height - height, padded.width - width]
  if (down < 0 || across < 0) {
    throw new ValueError(
      'randomCrop',
      `cannot take ${height} × ${width} from ${padded.height} × ${padded.width} pixels; pad or resize`,
    )
  }
  const [y0, x0] = [random.integer(down + 1), random.integer(across + 1)]
  return { row: (y) => row(y + y0), column: (x) => column(x + x0) }
}

export interface RandomResizedCropOptions extends ResizeOptions {
  /** Range of the part's area, as a share. Default [0.08, 1]. */
  readonly scale?: readonly [number, number]
  /** Range of width ÷ height. Default [3/4, 4/3]. */
  readonly ratio?: readonly [number, number]
}

/** A part of random area and proportions, scaled to this size, as `RandomResizedCrop` (Szegedy et al. 2014). */
export function randomResizedCrop(size: Size, options: RandomResizedCropOptions = {}): Transform {
  const { scale = [0.08, 1], ratio = [3 / 4, 4 / 3] } = options
  return onPictures('randomResizedCrop', (picture, random) => {
    const { height, width } = picture
    for (let attempt = 0; attempt < 10; attempt++) {
      const area = height * width * random.uniform(...scale)
      const proportion = Math.exp(random.uniform(Math.log(ratio[0]), Math.log(ratio[1])))
      const w = Math.round(Math.sqrt(area * proportion))
      const h = Math.round(Math.sqrt(area / proportion))
      if (w < 1 || h < 1 || w > width || h > height) continue
      const part = cropPicture(picture, random.integer(height - h + 1), random.integer(width - w + 1), h, w)
      return resizePicture(part, sizeOf(size), options)
    }
    // The largest part in the middle whose proportions are allowed.
    const w = width / height > ratio[1] ? Math.round(height * ratio[1]) : width
    const h = width / height < ratio[0] ? Math.round(width / ratio[0]) : height
    const part = cropPicture(picture, Math.floor((height - h) / 2), Math.floor((width - w) / 2), h, w)
    return resizePicture(part, sizeOf(size), options)
  })
}

/** Left becomes right with probability `p` (default 0.5), as `RandomHorizontalFlip`. */
export function randomHorizontalFlip({ p = 0.5 }: { readonly p?: number } = {}): Transform {
  return onPictures('randomHorizontalFlip', (picture, random) => (random.chance(p) ? flipped(picture, false) : picture))
}

/** Top becomes bottom with probability `p` (default 0.5), as `RandomVerticalFlip`. */
export function randomVerticalFlip({ p = 0.5 }: { readonly p?: number } = {}): Transform {
  return onPictures('randomVerticalFlip', (picture, random) => (random.chance(p) ? flipped(picture, true) : picture))
}

function flipped(picture: Picture, vertically: boolean): Picture {
  const { height, width } = picture
  const row = (y: number): number => (vertically ? height - 1 - y : y)
  const column = (x: number): number => (vertically ? x : width - 1 - x)
  return rearrange(picture, height, width, 0, row, column)
}
