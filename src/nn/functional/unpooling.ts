import { ShapeError, ValueError } from '../../core/errors.ts'
import { formatShape, sameShape, sizeOf } from '../../core/shape.ts'
import { scatter } from '../../graph/ops/indexing.ts'
import { constant } from '../../graph/ops/leaves.ts'
import { broadcastTo, reshape } from '../../graph/ops/views.ts'
import { wrap } from '../../tensor/base.ts'
import type { Tensor } from '../../tensor/tensor.ts'
import { type Size, sizes } from './arguments.ts'

export interface MaxUnpoolOptions {
  /** Step between windows. Default: the kernel's size. */
  readonly stride?: Size
  /** Padding that the pooling had. Default 0. */
  readonly padding?: Size
  /** Spatial sizes of the result (leading N and C allowed), which several sizes may map to. */
  readonly outputSize?: readonly number[]
}

/** Puts maxima back where {@link maxPool1d} found them: x and indices [N, C, L]. See {@link maxUnpool2d}. */
export function maxUnpool1d(x: Tensor, indices: Tensor, kernelSize: Size, options: MaxUnpoolOptions = {}): Tensor {
  return unpool('maxUnpool1d', 1, x, indices, kernelSize, options)
}

/**
 * Puts maxima back where {@link maxPool2d} found them, zeros elsewhere: x and indices [N, C, H, W] → [N, C, H′, W′] with
 * H′ = (H − 1) · stride − 2 · padding + kernel. An index outside the result gives an {@link IndexError} when the data is
 * looked at. The batch dimension may be left out.
 */
export function maxUnpool2d(x: Tensor, indices: Tensor, kernelSize: Size, options: MaxUnpoolOptions = {}): Tensor {
  return unpool('maxUnpool2d', 2, x, indices, kernelSize, options)
}

/** Puts maxima back where {@link maxPool3d} found them: x and indices [N, C, D, H, W]. See {@link maxUnpool2d}. */
export function maxUnpool3d(x: Tensor, indices: Tensor, kernelSize: Size, options: MaxUnpoolOptions = {}): Tensor {
  return unpool('maxUnpool3d', 3, x, indices, kernelSize, options)
}

function unpool(
  op: string,
  rank: number,
  x: Tensor,
  indices: Tensor,
  kernelSize: Size,
  { stride, padding = 0, outputSize }: MaxUnpoolOptions,
): Tensor {
  if ((x.rank !== rank + 2 && x.rank !== rank + 1) || !sameShape(x.shape, indices.shape)) {
    throw new ShapeError(
      op,
      `expects input and indices [N, C, ...] of one shape with ${rank} spatial sizes, received ${formatShape(x.shape)} and ${formatShape(indices.shape)}`,
    )
  }
  const kernel = sizes(op, 'kernelSize', kernelSize, rank, 1)
  const steps = stride === undefined ? kernel : sizes(op, 'stride', stride, rank, 1)
  const pads = sizes(op, 'padding', padding, rank, 0)
  const lead = x.shape.slice(0, -rank)
  const usual = x.shape.slice(-rank).map((n, d) => (n - 1) * steps[d]! - 2 * pads[d]! + kernel[d]!)
  const space = outputSize === undefined ? usual : outputSize.slice(-rank)
  const near = space.every((n, d) => Math.abs(n - usual[d]!) < steps[d]!)
  if (outputSize && ((outputSize.length !== rank && outputSize.length !== rank + 2) || !near)) {
    throw new ValueError(
      op,
      `outputSize ${formatShape(outputSize)} must be less than one stride ${formatShape(steps)} from ${formatShape(usual)}`,
    )
  }
  if (space.some((n) => n < 1)) throw new ValueError(op, `nothing is left of the output ${formatShape(space)}`)
  const count = sizeOf(x.shape.slice(-rank))
  const empty = broadcastTo(constant(0, x.dtype), [...lead, sizeOf(space)])
  const [index, source] = [indices, x].map((t) => reshape(t.node, [...lead, count]))
  return wrap(reshape(scatter(empty, index!, source!, lead.length, 'set', op), [...lead, ...space]))
}
