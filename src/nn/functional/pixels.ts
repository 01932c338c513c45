import { ShapeError, ValueError } from '../../core/errors.ts'
import { formatShape } from '../../core/shape.ts'
import { permute, reshape } from '../../graph/ops/views.ts'
import { wrap } from '../../tensor/base.ts'
import type { Tensor } from '../../tensor/tensor.ts'

function checkFactor(op: string, factor: number): void {
  if (!Number.isInteger(factor) || factor < 1) {
    throw new ValueError(op, `the factor must be whole and ≥ 1, received ${factor}`)
  }
}

/** Channels to pixels: [.., C · r², H, W] → [.., C, H · r, W · r] (Shi et al. 2016). */
export function pixelShuffle(x: Tensor, upscaleFactor: number): Tensor {
  const op = 'pixelShuffle'
  checkFactor(op, upscaleFactor)
  const r = upscaleFactor
  const [channels, h, w] = x.shape.slice(-3) as [number, number, number]
  if (x.rank < 3 || channels % (r * r) !== 0) {
    throw new ShapeError(op, `expects [.., C · ${r * r}, H, W], received ${formatShape(x.shape)}`)
  }
  const lead = x.shape.slice(0, -3)
  const n = lead.length
  const split = reshape(x.node, [...lead, channels / (r * r), r, r, h, w])
  const order = [...lead.keys(), n, n + 3, n + 1, n + 4, n + 2]
  return wrap(reshape(permute(split, order), [...lead, channels / (r * r), h * r, w * r]))
}

/** Pixels to channels, the inverse of {@link pixelShuffle}: [.., C, H · r, W · r] → [.., C · r², H, W]. */
export function pixelUnshuffle(x: Tensor, downscaleFactor: number): Tensor {
  const op = 'pixelUnshuffle'
  checkFactor(op, downscaleFactor)
  const r = downscaleFactor
  const [c, h, w] = x.shape.slice(-3) as [number, number, number]
  if (x.rank < 3 || h % r !== 0 || w % r !== 0) {
    throw new ShapeError(op, `expects [.., C, H · ${r}, W · ${r}], received ${formatShape(x.shape)}`)
  }
  const lead = x.shape.slice(0, -3)
  const n = lead.length
  const split = reshape(x.node, [...lead, c, h / r, r, w / r, r])
  const order = [...lead.keys(), n, n + 2, n + 4, n + 1, n + 3]
  return wrap(reshape(permute(split, order), [...lead, c * r * r, h / r, w / r]))
}

/** Interleaves the channels of `groups` groups: x [N, C, ...], channel i · C/g + j becomes j · g + i (Zhang et al. 2018). */
export function channelShuffle(x: Tensor, groups: number): Tensor {
  const op = 'channelShuffle'
  checkFactor(op, groups)
  const [n, c, ...space] = x.shape as [number, number, ...number[]]
  if (x.rank < 3 || c % groups !== 0) {
    throw new ShapeError(op, `expects [N, C, ...] with C a multiple of ${groups}, received ${formatShape(x.shape)}`)
  }
  const split = reshape(x.node, [n, groups, c / groups, ...space])
  return wrap(reshape(permute(split, [0, 2, 1, ...space.map((_, d) => d + 3)]), x.shape))
}
