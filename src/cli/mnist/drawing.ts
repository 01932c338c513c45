import { createRequire } from 'node:module'
import type { Sharp, SharpOptions } from 'sharp'
import { FileError } from '../../core/errors.ts'
import { reasonOf } from '../../core/system-error.ts'
import { findPackageFile, MissingPackageError } from '../../data/packages.ts'

type OpenImage = (input: string | Uint8Array, options?: SharpOptions) => Sharp

/** Brightness of every pixel, row by row, from 0 (black) to 255 (white). */
export interface GreyImage {
  readonly data: Uint8Array
  readonly width: number
  readonly height: number
}

interface Area {
  readonly left: number
  readonly top: number
  readonly width: number
  readonly height: number
}

const side = 28
/** MNIST scales the ink of a digit to fit a box of this size. */
const box = 20
/** Less contrast than this, of 255, is an empty page. */
const leastContrast = 24
/** What is darker than this, of 255, is certainly ink: neither shadow nor a trace of compression. */
const certainInk = 96

/**
 * A picture of one digit made to look like those of MNIST (LeCun, Cortes & Burges 1998): light ink on dark paper, scaled to
 * fit 20 × 20 pixels with its proportions kept, placed in 28 × 28 pixels by its centre of mass.
 *
 * Returns 784 numbers from 0 (paper) to 1 (ink). Throws a {@link FileError} when the file is no picture or shows nothing, and
 * a {@link MissingPackageError} when `sharp`, which decodes it, is not installed.
 */
export async function readDrawing(path: string): Promise<Float32Array> {
  const openImage = await loadSharp()
  const decode = async (paper: string): Promise<GreyImage> => {
    const page = openImage(path).rotate().flatten({ background: paper }).greyscale()
    const { data, info } = await page.raw().toBuffer({ resolveWithObject: true })
    return { data, width: info.width, height: info.height }
  }
  let image: GreyImage
  let ink: Uint8Array | undefined
  try {
    image = await decode('white')
    // White lines on a transparent page show on black paper only.
    ink = inkOf(image) ?? inkOf(await decode('black'))
  } catch (error) {
    throw new FileError('predict', `${path}: ${reasonOf(error)}`, { cause: error })
  }
  if (!ink) throw new FileError('predict', `${path}: the picture is empty: all its pixels are about equally bright`)
  const { width, height } = image
  const area = inkArea(ink, width)
  const scale = box / Math.max(area.width, area.height)
  const small = await openImage(ink, { raw: { width, height, channels: 1 } })
    .extract(area)
    .resize(Math.max(1, Math.round(area.width * scale)), Math.max(1, Math.round(area.height * scale)), { fit: 'fill' })
    .greyscale()
    .raw()
    .toBuffer({ resolveWithObject: true })
  return centreByMass({ data: small.data, width: small.info.width, height: small.info.height })
}

async function loadSharp(): Promise<OpenImage> {
  const path = await findPackageFile('sharp')
  if (path === undefined) throw new MissingPackageError('predict', 'pictures are decoded by', 'sharp')
  return createRequire(import.meta.url)(path)
}

/** How much each pixel differs from the paper, 255 where it does most; undefined for an empty page. */
export function inkOf({ data, width, height }: GreyImage): Uint8Array | undefined {
  const paper = borderBrightness({ data, width, height })
  let [darkest, lightest] = [255, 0]
  for (const value of data) {
    darkest = Math.min(darkest, value)
    lightest = Math.max(lightest, value)
  }
  const isDarkInk = paper - darkest > lightest - paper
  const strongest = isDarkInk ? darkest : lightest
  const contrast = Math.abs(strongest - paper)
  if (contrast < leastContrast) return undefined
  return Uint8Array.from(data, (value) => {
    const share = (value - paper) / (strongest - paper)
    return Math.round(255 * Math.max(0, share))
  })
}

/** The median along the border, where paper is likelier than ink. */
function borderBrightness({ data, width, height }: GreyImage): number {
  const border: number[] = []
  for (let x = 0; x < width; x++) border.push(data[x] ?? 0, data[(height - 1) * width + x] ?? 0)
  for (let y = 0; y < height; y++) border.push(data[y * width] ?? 0, data[y * width + width - 1] ?? 0)
  return border.sort((a, b) => a - b)[border.length >> 1] ?? 0
}

/** The smallest rectangle with all that is certainly ink. */
function inkArea(ink: Uint8Array, width: number): Area {
  const height = ink.length / width
  let [left, right, top, bottom] = [width, 0, height, 0]
  for (const [i, value] of ink.entries()) {
    if (value < certainInk) continue
    const [y, x] = [Math.floor(i / width), i % width]
    left = Math.min(left, x)
    right = Math.max(right, x)
    top = Math.min(top, y)
    bottom = Math.max(bottom, y)
  }
  return { left, top, width: right - left + 1, height: bottom - top + 1 }
}

/** Puts a small picture into 28 × 28 pixels, its centre of mass in the middle (row and column 14, as in MNIST); the most ink becomes 1. */
export function centreByMass({ data, width, height }: GreyImage): Float32Array {
  let [mass, sumX, sumY, most] = [0, 0, 0, 1]
  for (const [i, value] of data.entries()) {
    mass += value
    sumX += value * (i % width)
    sumY += value * Math.floor(i / width)
    most = Math.max(most, value)
  }
  const place = (sum: number, size: number): number => {
    const start = Math.round(side / 2 - sum / Math.max(mass, 1))
    return Math.min(Math.max(start, 0), side - size)
  }
  const [left, top] = [place(sumX, width), place(sumY, height)]
  const out = new Float32Array(side * side)
  for (const [i, value] of data.entries()) {
    out[(top + Math.floor(i / width)) * side + left + (i % width)] = value / most
  }
  return out
}
