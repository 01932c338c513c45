import { DTypeError, ShapeError } from '../../core/errors.ts'
import { isFloating } from '../../core/dtype.ts'
import { formatShape } from '../../core/shape.ts'
import { buffer } from '../../graph/ops/leaves.ts'
import { Tensor } from '../../tensor/tensor.ts'
import type { Random } from '../random.ts'

/**
 * What changes a picture. Takes [C, H, W]: floats from 0 to 1, or uint8, which are divided by 255 first. Gives float32
 * [C, H′, W′]. The input is left as it is; what is drawn comes from `random` alone.
 */
export type Transform = (image: Tensor, random: Random) => Tensor

/** A picture on its way through transforms: one plane after the other, row by row. */
export interface Picture {
  readonly values: Float32Array
  readonly channels: number
  readonly height: number
  readonly width: number
}

/** A {@link Transform} from one on pictures. `change` must not write into what it is given. */
export function onPictures(op: string, change: (picture: Picture, random: Random) => Picture): Transform {
  return (image, random) => toTensor(change(toPicture(op, image), random))
}

export function toPicture(op: string, image: Tensor): Picture {
  if (image.rank !== 3) throw new ShapeError(op, `expects an image [C, H, W], received ${formatShape(image.shape)}`)
  const [channels, height, width] = image.shape as [number, number, number]
  const stored = image.node.value
  if (image.dtype === 'float32' && stored) return { values: stored as Float32Array, channels, height, width }
  if (image.dtype !== 'uint8' && !isFloating(image.dtype)) {
    throw new DTypeError(op, `expects an image of floats or uint8, received ${image.dtype}`)
  }
  const given = image.dataSync()
  if (image.dtype !== 'uint8') return { values: Float32Array.from(given), channels, height, width }
  const values = new Float32Array(given.length)
  for (let i = 0; i < values.length; i++) values[i] = given[i]! / 255
  return { values, channels, height, width }
}

export function toTensor({ values, channels, height, width }: Picture): Tensor {
  return new Tensor(buffer(values, [channels, height, width], 'float32'))
}

/** A picture like `like` with other pixels. */
export function withValues(like: Picture, values: Float32Array): Picture {
  return { ...like, values }
}

/** Several transforms one after the other, as `torchvision.transforms.v2.Compose`. */
export function compose(...transforms: readonly Transform[]): Transform {
  return (image, random) => transforms.reduce((picture, transform) => transform(picture, random), image)
}

/** Applies `transform` with probability `p` (default 0.5), as `RandomApply`. */
export function randomApply(transform: Transform, { p = 0.5 }: { readonly p?: number } = {}): Transform {
  return (image, random) => (random.chance(p) ? transform(image, random) : toTensor(toPicture('randomApply', image)))
}

/** Floats from 0 to 1 out of uint8, and nothing else: as `ToDtype(torch.float32, scale=True)`. */
export function toFloat(): Transform {
  return onPictures('toFloat', (picture) => picture)
}
