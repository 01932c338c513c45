import { ShapeError, ValueError } from '../../core/errors.ts'
import { formatShape, sizeOf } from '../../core/shape.ts'
import { buffer } from '../../graph/ops/leaves.ts'
import { Tensor } from '../../tensor/tensor.ts'
import { collate } from '../collate.ts'
import type { Sample } from '../dataset.ts'
import type { Random } from '../random.ts'

export interface MixOptions {
  /** Number of classes. */
  readonly classes: number
  /** Shares come from Beta(alpha, alpha): small ones mix little. Default 1. */
  readonly alpha?: number
}

/** Changes inputs [N, ...] and class numbers [N] of a batch; gives inputs and class shares [N, classes], which `F.crossEntropy` takes. */
export type BatchMix = (inputs: Tensor, labels: Tensor, random: Random) => readonly [inputs: Tensor, shares: Tensor]

/** Each input with its neighbour shining through (Zhang et al., "mixup: beyond empirical risk minimization", 2018). */
export function mixUp({ classes, alpha = 1 }: MixOptions): BatchMix {
  return (inputs, labels, random) => {
    const share = random.beta(alpha, alpha)
    const [source, size] = rowsOf('mixUp', inputs)
    const out = source.map((value, i) => share * value + (1 - share) * source[before(i, size, source.length)]!)
    return [leaf(out, inputs.shape), shares('mixUp', labels, classes, share)] as const
  }
}

/** Each image with a rectangle of its neighbour (Yun et al., "CutMix", 2019). Inputs [N, C, H, W]. */
export function cutMix({ classes, alpha = 1 }: MixOptions): BatchMix {
  return (inputs, labels, random) => {
    if (inputs.rank !== 4)
      throw new ShapeError('cutMix', `expects images [N, C, H, W], received ${formatShape(inputs.shape)}`)
    const [height, width] = inputs.shape.slice(2) as [number, number]
    const [source, size] = rowsOf('cutMix', inputs)
    const { left, right, top, bottom, share } = drawCut([height, width], alpha, random)
    const out = source.slice()
    for (let i = 0; i < out.length; i++) {
      const [column, row] = [i % width, Math.floor(i / width) % height]
      if (column >= left && column < right && row >= top && row < bottom) out[i] = source[before(i, size, out.length)]!
    }
    return [leaf(out, inputs.shape), shares('cutMix', labels, classes, share)] as const
  }
}

/** A rectangle as cutMix draws it, and the share of the picture that stays. */
export function drawCut(
  [height, width]: readonly [number, number],
  alpha: number,
  random: Random,
): { left: number; right: number; top: number; bottom: number; share: number } {
  const half = 0.5 * Math.sqrt(1 - random.beta(alpha, alpha))
  const [x, y] = [random.integer(width), random.integer(height)]
  const cut = (middle: number, side: number): [number, number] => [
    Math.max(0, middle - Math.trunc(half * side)),
    Math.min(side, middle + Math.trunc(half * side)),
  ]
  const [[left, right], [top, bottom]] = [cut(x, width), cut(y, height)]
  return { left, right, top, bottom, share: 1 - ((right - left) * (bottom - top)) / (width * height) }
}

/** One of several mixes a batch, each as likely. */
export function randomMix(...mixes: readonly [BatchMix, ...BatchMix[]]): BatchMix {
  return (inputs, labels, random) => random.pick(mixes)(inputs, labels, random)
}

/**
 * For `collate` of a loader whose samples are `[input, class number]`: joins them, then mixes the batch.
 *
 *     new DataLoader(train, { batchSize: 64, shuffle: true, collate: mixed(mixUp({ classes: 10, alpha: 0.2 })) })
 */
export function mixed(mix: BatchMix): (samples: readonly Sample[], random: Random) => readonly [Tensor, Tensor] {
  return (samples, random) => {
    const [inputs, labels] = collate(samples) as readonly Tensor[]
    if (!inputs || !labels) throw new ValueError('mixed', 'expects samples [input, class number]')
    return mix(inputs, labels, random)
  }
}

/** Class shares [N, classes] of class numbers [N]: 1 − `smoothing` for the class, the rest spread over all (Szegedy et al. 2016). */
export function smoothLabels(labels: Tensor, classes: number, smoothing = 0.1): Tensor {
  const out = new Float32Array(labels.size * classes).fill(smoothing / classes)
  for (const [i, label] of labels.dataSync().entries()) out[i * classes + label]! += 1 - smoothing
  return leaf(out, [labels.size, classes])
}

function rowsOf(op: string, inputs: Tensor): [values: Float32Array, size: number] {
  if (inputs.rank < 2) throw new ShapeError(op, `expects inputs [N, ...], received ${formatShape(inputs.shape)}`)
  return [Float32Array.from(inputs.dataSync()), sizeOf(inputs.shape.slice(1))]
}

/** The same place in the row before; in the last one for the first. */
function before(i: number, size: number, length: number): number {
  return (i - size + length) % length
}

export function shares(op: string, labels: Tensor, classes: number, share: number): Tensor {
  const numbers = labels.dataSync()
  const out = new Float32Array(numbers.length * classes)
  for (const [i, label] of numbers.entries()) {
    if (!(label >= 0 && label < classes)) throw new ValueError(op, `label ${label} is not one of ${classes} classes`)
    out[i * classes + label]! += share
    out[i * classes + numbers.at(i - 1)!]! += 1 - share
  }
  return leaf(out, [numbers.length, classes])
}

function leaf(values: Float32Array, shape: readonly number[]): Tensor {
  return new Tensor(buffer(values, shape, 'float32'))
}
