/**
 * Transforms of whole batches, recorded as operations: they become part of the training's plan. Each gives what the transform of
 * its name gives the pictures of the batch one after the other with the same `random`. What was drawn goes in as leaves, so
 * batches of one shape share a plan.
 */
import { ShapeError, ValueError } from '../../core/errors.ts'
import { formatShape } from '../../core/shape.ts'
import { buffer } from '../../graph/ops/leaves.ts'
import { tensor } from '../../tensor/creation.ts'
import { where } from '../../tensor/joining.ts'
import { Tensor } from '../../tensor/tensor.ts'
import type { Random } from '../random.ts'
import {
  type AffineParameters,
  draw,
  drawAffine,
  inverseAffine,
  type RandomAffineOptions,
  type Range,
} from './affine.ts'
import { drawHole, type RandomErasingOptions } from './blur.ts'
import { drawCrop, type RandomCropOptions } from './crop.ts'
import { type BatchMix, drawCut, type MixOptions, shares } from './mix.ts'
import { type Size, sizeOf } from './resize.ts'
import { type Fill, roundHalfEven } from './warp.ts'

/** What changes a batch of pictures [N, C, H, W], floats or uint8, which are divided by 255; gives floats [N, C, H′, W′]. */
export type BatchTransform = (images: Tensor, random: Random) => Tensor

interface Sides {
  readonly height: number
  readonly width: number
}

/** Several one after the other. */
export function compose(...transforms: readonly BatchTransform[]): BatchTransform {
  return (images, random) =>
    transforms.reduce((batch, transform) => transform(batch, random), floats('compose', images))
}

/** Left becomes right with probability `p` (default 0.5), picture by picture. */
export function randomHorizontalFlip({ p = 0.5 }: { readonly p?: number } = {}): BatchTransform {
  return flips('batched.randomHorizontalFlip', 3, p)
}

/** Top becomes bottom with probability `p` (default 0.5), picture by picture. */
export function randomVerticalFlip({ p = 0.5 }: { readonly p?: number } = {}): BatchTransform {
  return flips('batched.randomVerticalFlip', 2, p)
}

function flips(op: string, dim: number, p: number): BatchTransform {
  return (images, random) => {
    const x = floats(op, images)
    const chosen = Uint8Array.from({ length: x.shape[0]! }, () => Number(random.chance(p)))
    return where(mask(chosen, [chosen.length, 1, 1, 1]), x.flip(dim), x)
  }
}

/** A part of this size from anywhere, after padding. Throws where the pictures are smaller. */
export function randomCrop(size: Size, options: RandomCropOptions = {}): BatchTransform {
  const out = sizeOf(size)
  return (images, random) =>
    moved('batched.randomCrop', images, out, options.fill ?? 0, (sides) => {
      const { row, column } = drawCrop(sides, out, options, random)
      const columns = Int32Array.from({ length: out[1] }, (_, x) => column(x))
      return (y) => {
        const from = row(y)
        const isRow = from >= 0 && from < sides.height
        return (x) => (isRow && columns[x]! >= 0 && columns[x]! < sides.width ? from * sides.width + columns[x]! : -1)
      }
    })
}

/** Turns by random angles in degrees; the size stays, pixels are the nearest ones. */
export function randomRotation(degrees: Range, { fill = 0 }: { readonly fill?: Fill } = {}): BatchTransform {
  return warps('batched.randomRotation', fill, (_, random) => ({ angle: -draw(degrees, random) }))
}

/** Random turns, shifts, scalings and shears; pixels are the nearest ones. */
export function randomAffine(options: Omit<RandomAffineOptions, 'interpolation'> = {}): BatchTransform {
  return warps('batched.randomAffine', options.fill ?? 0, (sides, random) => drawAffine(sides, options, random))
}

function warps(op: string, fill: Fill, parameters: (sides: Sides, random: Random) => AffineParameters): BatchTransform {
  return (images, random) => {
    const [, , height, width] = images.shape
    return moved(op, images, [height!, width!], fill, (sides) => {
      const from = inverseAffine(sides, parameters(sides, random))
      return (y) => (x) => {
        const [px, py] = from(x + 0.5, y + 0.5)
        const [column, row] = [roundHalfEven(px - 0.5), roundHalfEven(py - 0.5)]
        const isInside = column >= 0 && column < sides.width && row >= 0 && row < sides.height
        return isInside ? row * sides.width + column : -1
      }
    })
  }
}

/** (x − mean) / deviation, channel by channel. */
export function normalize(mean: readonly number[], deviation: readonly number[]): BatchTransform {
  const [middle, spread] = [mean, deviation].map((values) =>
    tensor(Float32Array.from(values), { shape: [1, values.length, 1, 1] }),
  )
  return (images) => {
    const x = floats('batched.normalize', images)
    if (mean.length !== x.shape[1] || deviation.length !== x.shape[1]) {
      throw new ValueError(
        'batched.normalize',
        `expects ${x.shape[1]} means and deviations, one a channel, received ${mean.length} and ${deviation.length}`,
      )
    }
    return x.sub(middle!).div(spread!)
  }
}

/** Erases rectangles with a value (default 0). */
export function randomErasing(
  options: Omit<RandomErasingOptions, 'value'> & { readonly value?: number } = {},
): BatchTransform {
  return (images, random) => {
    const x = floats('batched.randomErasing', images)
    const [count, , height, width] = x.shape as [number, number, number, number]
    const holes = new Uint8Array(count * height * width)
    for (let n = 0; n < count; n++) {
      const [top, left, h, w] = drawHole({ height, width }, options, random) ?? [0, 0, 0, 0]
      for (let y = top; y < top + h; y++)
        holes.fill(1, (n * height + y) * width + left, (n * height + y) * width + left + w)
    }
    return where(mask(holes, [count, 1, height, width]), tensor(Float32Array.of(options.value ?? 0)), x)
  }
}

/** {@link BatchMix} by operations: each input with its neighbour shining through. */
export function mixUp({ classes, alpha = 1 }: MixOptions): BatchMix {
  return (inputs, labels, random) => {
    const share = random.beta(alpha, alpha)
    const [own, other] = [share, 1 - share].map((part) => tensor(Float32Array.of(part)))
    return [
      inputs.mul(own!).add(inputs.roll(1, 0).mul(other!)),
      shares('batched.mixUp', labels, classes, share),
    ] as const
  }
}

/** {@link BatchMix} by operations: each image with a rectangle of its neighbour. */
export function cutMix({ classes, alpha = 1 }: MixOptions): BatchMix {
  return (inputs, labels, random) => {
    const x = floats('batched.cutMix', inputs)
    const [height, width] = x.shape.slice(2) as [number, number]
    const { left, right, top, bottom, share } = drawCut([height, width], alpha, random)
    const cut = new Uint8Array(height * width)
    for (let y = top; y < bottom; y++) cut.fill(1, y * width + left, y * width + right)
    const mixed = where(mask(cut, [1, 1, height, width]), x.roll(1, 0), x)
    return [mixed, shares('batched.cutMix', labels, classes, share)] as const
  }
}

/** For one picture: for a row of the result, for a column, the place in the source's plane; −1: outside. */
type Places = (sides: Sides) => (y: number) => (x: number) => number

/** Batches whose pixels come from elsewhere in their picture. */
function moved(
  op: string,
  images: Tensor,
  [outHeight, outWidth]: readonly [number, number],
  fill: Fill,
  places: Places,
): Tensor {
  const x = floats(op, images)
  const [count, channels, height, width] = x.shape as [number, number, number, number]
  const size = outHeight * outWidth
  const index = new Int32Array(count * size)
  const inside = new Uint8Array(count * size)
  let at = 0
  for (let n = 0; n < count; n++) {
    const place = places({ height, width })
    for (let y = 0; y < outHeight; y++) {
      const inRow = place(y)
      for (let column = 0; column < outWidth; column++, at++) {
        const from = inRow(column)
        if (from < 0) continue
        index[at] = from
        inside[at] = 1
      }
    }
  }
  const from = new Tensor(buffer(index, [count, 1, size], 'int32')).expand(count, channels, size)
  const pixels = x.reshape(count, channels, height * width).gather(2, from)
  const outside = typeof fill === 'number' ? [fill] : fill
  const filling = tensor(Float32Array.from(outside), { shape: [1, outside.length, 1] })
  return where(mask(inside, [count, 1, size]), pixels, filling).reshape(count, channels, outHeight, outWidth)
}

function floats(op: string, images: Tensor): Tensor {
  if (images.rank !== 4) {
    throw new ShapeError(op, `expects images [N, C, H, W], received ${formatShape(images.shape)}`)
  }
  return images.dtype === 'uint8' ? images.to('float32').div(255) : images
}

function mask(values: Uint8Array, shape: readonly number[]): Tensor {
  return new Tensor(buffer(values, shape, 'bool'))
}
