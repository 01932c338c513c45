import type { Sharp, SharpOptions } from 'sharp'
import { FileError } from '../core/errors.ts'
import { buffer } from '../graph/ops/leaves.ts'
import { Tensor } from '../tensor/tensor.ts'
import { importPackage } from './packages.ts'

type SharpModule = {
  default(input: string | Uint8Array, options?: SharpOptions): Sharp
  default(options: SharpOptions): Sharp
}

/** How {@link decodeImage} makes up pixels between pixels, by PyTorch's names; all of them smooth before they shrink, but for `nearest`. */
export type Interpolation = (typeof interpolations)[number]

export const interpolations = ['nearest', 'bilinear', 'bicubic', 'lanczos'] as const

/** What sharp calls them. */
const kernels = { nearest: 'nearest', bilinear: 'linear', bicubic: 'cubic', lanczos: 'lanczos3' } as const

export interface DecodeOptions {
  /** 3: red, green, blue; 1: grey. Transparent pixels are seen on white. Default 3. */
  readonly channels?: 1 | 3
  /** Scales the shorter side to so many pixels while decoding, which is much faster than afterwards. Default: as it is. */
  readonly shorterSide?: number
  /** Scales to exactly this size while decoding, whatever the proportions. Default: as it is. */
  readonly size?: readonly [height: number, width: number]
  /** Of either. Default `'lanczos'`. */
  readonly interpolation?: Interpolation
}

/**
 * Decodes a picture (JPEG, PNG, WebP, AVIF, GIF, TIFF, SVG) by the npm package `sharp`, turned upright as its EXIF data says.
 *
 * @param source a path, or the bytes of a file
 * @returns [C, H, W] uint8
 *
 * Throws a {@link FileError} when it is no picture or damaged (truncated, too), and a `MissingPackageError` when `sharp` is not
 * installed.
 */
export async function decodeImage(source: string | Uint8Array, options: DecodeOptions = {}): Promise<Tensor> {
  const { channels = 3, shorterSide, size, interpolation = 'lanczos' } = options
  const kernel = kernels[interpolation]
  const { default: sharp } = await importPackage<SharpModule>('decodeImage', 'pictures are decoded by', 'sharp')
  try {
    let picture = sharp(source, { failOn: 'error', sequentialRead: true }).rotate().flatten({ background: 'white' })
    if (size) picture = picture.resize(size[1], size[0], { fit: 'fill', kernel })
    else if (shorterSide) picture = picture.resize(shorterSide, shorterSide, { fit: 'outside', kernel })
    picture = channels === 1 ? picture.greyscale() : picture.toColourspace('srgb')
    const { data, info } = await picture.raw({ depth: 'uchar' }).toBuffer({ resolveWithObject: true })
    return new Tensor(buffer(planes(data, info, channels), [channels, info.height, info.width], 'uint8'))
  } catch (error) {
    const name = typeof source === 'string' ? source : 'picture'
    const reason = (error as Error).message.replaceAll(/\s*\n\s*/g, '; ')
    throw new FileError('decodeImage', `${name}: ${reason}`, { cause: error })
  }
}

/** From pixels with their channels side by side to one plane a channel. */
function planes(
  data: Uint8Array,
  info: { width: number; height: number; channels: number },
  channels: number,
): Uint8Array {
  const pixels = info.width * info.height
  const out = new Uint8Array(channels * pixels)
  for (let c = 0; c < channels; c++) {
    const from = Math.min(c, info.channels - 1)
    for (let i = 0; i < pixels; i++) out[c * pixels + i] = data[i * info.channels + from]!
  }
  return out
}

/** Writes a picture [C, H, W] (uint8, or floats from 0 to 1; C = 1 or 3) as PNG, JPEG, WebP or AVIF, by the name's ending. */
export async function encodeImage(
  image: Tensor,
  format: 'png' | 'jpeg' | 'webp' | 'avif' = 'png',
): Promise<Uint8Array> {
  const { default: sharp } = await importPackage<SharpModule>('encodeImage', 'pictures are encoded by', 'sharp')
  const [channels, height, width] = image.shape as [1 | 3, number, number]
  const values = image.dataSync()
  const scale = image.dtype === 'uint8' ? 1 : 255
  const pixels = width * height
  const data = new Uint8Array(channels * pixels)
  for (let c = 0; c < channels; c++) {
    for (let i = 0; i < pixels; i++) {
      data[i * channels + c] = Math.min(255, Math.max(0, Math.round(scale * values[c * pixels + i]!)))
    }
  }
  return sharp(data, { raw: { width, height, channels } }).toFormat(format).toBuffer()
}

export interface SheetOptions {
  readonly columns: number
  /** Side of each picture in pixels. */
  readonly size: number
  /** One a row. */
  readonly captions: readonly string[]
}

/** A contact sheet as PNG: pictures [3 or 1, size, size] row by row, each row under its caption. */
export async function sheetOf(
  pictures: readonly Tensor[],
  { columns, size, captions }: SheetOptions,
): Promise<Uint8Array> {
  const { default: sharp } = await importPackage<SharpModule>('sheetOf', 'pictures are encoded by', 'sharp')
  const [gap, band] = [6, 22]
  const width = columns * (size + gap) + gap
  const height = captions.length * (size + band) + gap
  const text = captions.map((caption, row) => {
    const escaped = caption.replaceAll('&', '&amp;').replaceAll('<', '&lt;')
    return `<text x="${gap}" y="${row * (size + band) + 16}" font-family="sans-serif" font-size="13" fill="#333">${escaped}</text>`
  })
  const labels = `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}">${text.join('')}</svg>`
  const tiles = await Promise.all(
    pictures.map(async (picture, i) => ({
      input: Buffer.from(await encodeImage(picture)),
      left: gap + (i % columns) * (size + gap),
      top: Math.floor(i / columns) * (size + band) + band,
    })),
  )
  const page = sharp({ create: { width, height, channels: 3, background: 'white' } })
  return page
    .composite([{ input: Buffer.from(labels), left: 0, top: 0 }, ...tiles])
    .png()
    .toBuffer()
}
