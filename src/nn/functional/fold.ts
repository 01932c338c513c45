import { ShapeError } from '../../core/errors.ts'
import { formatShape } from '../../core/shape.ts'
import { padSpace } from '../../graph/ops/conv.ts'
import { permute, reshape } from '../../graph/ops/views.ts'
import * as windows from '../../graph/ops/windows.ts'
import { wrap } from '../../tensor/base.ts'
import type { Tensor } from '../../tensor/tensor.ts'
import { type Size, sizes } from './arguments.ts'

export interface FoldOptions {
  /** Distance between the elements of a block. Default 1. */
  readonly dilation?: Size
  /** Zeros on both sides. Default 0. */
  readonly padding?: Size
  /** Step between blocks. Default 1. */
  readonly stride?: Size
}

interface Blocks {
  readonly kernel: readonly number[]
  readonly dilation: readonly number[]
  readonly padding: readonly number[]
  readonly stride: readonly number[]
  /** How many blocks there are along each dimension. */
  readonly count: readonly number[]
}

function blocks(
  op: string,
  space: readonly number[],
  kernelSize: Size,
  { dilation = 1, padding = 0, stride = 1 }: FoldOptions,
): Blocks {
  const kernel = sizes(op, 'kernelSize', kernelSize, 2, 1)
  const dilations = sizes(op, 'dilation', dilation, 2, 1)
  const pads = sizes(op, 'padding', padding, 2, 0)
  const steps = sizes(op, 'stride', stride, 2, 1)
  const count = space.map((n, d) => {
    const room = n + 2 * pads[d]! - dilations[d]! * (kernel[d]! - 1) - 1
    return Math.floor(room / steps[d]!) + 1
  })
  if (count.some((n) => n < 1)) {
    throw new ShapeError(
      op,
      `blocks of ${formatShape(kernel)} do not fit into ${formatShape(space)} padded by ${formatShape(pads)}`,
    )
  }
  return { kernel, dilation: dilations, padding: pads, stride: steps, count }
}

/**
 * Sliding blocks as columns: x [N, C, H, W] → [N, C · KH · KW, L], L the number of blocks in row-major order. The batch
 * dimension may be left out.
 */
export function unfold(x: Tensor, kernelSize: Size, options: FoldOptions = {}): Tensor {
  const op = 'unfold'
  if (x.rank !== 3 && x.rank !== 4) {
    throw new ShapeError(op, `expects an input [N, C, H, W] or [C, H, W], received ${formatShape(x.shape)}`)
  }
  const [n, c, h, w] = (x.rank === 4 ? x.shape : [1, ...x.shape]) as [number, number, number, number]
  const { kernel, dilation, padding, stride, count } = blocks(op, [h, w], kernelSize, options)
  let y = padSpace(reshape(x.node, [n, c, h, w]), padding, padding)
  y = windows.window(y, { dim: 2, size: kernel[0]!, step: stride[0]!, dilation: dilation[0]! })
  y = windows.window(y, { dim: 3, size: kernel[1]!, step: stride[1]!, dilation: dilation[1]! })
  const columns = [c * kernel[0]! * kernel[1]!, count[0]! * count[1]!]
  return wrap(reshape(permute(y, [0, 1, 4, 5, 2, 3]), x.rank === 4 ? [n, ...columns] : columns))
}

/**
 * The adjoint of {@link unfold}: adds blocks [N, C · KH · KW, L] up to an image [N, C, ...outputSize], overlapping ones
 * summed.
 */
export function fold(x: Tensor, outputSize: Size, kernelSize: Size, options: FoldOptions = {}): Tensor {
  const op = 'fold'
  const space = sizes(op, 'outputSize', outputSize, 2, 1)
  const { kernel, dilation, padding, stride, count } = blocks(op, space, kernelSize, options)
  const [n, columns, length] = (x.rank === 3 ? x.shape : [1, ...x.shape]) as [number, number, number]
  const area = kernel[0]! * kernel[1]!
  if ((x.rank !== 2 && x.rank !== 3) || columns % area !== 0 || length !== count[0]! * count[1]!) {
    throw new ShapeError(
      op,
      `expects [N, C · ${area}, ${count[0]! * count[1]!}] for an output ${formatShape(space)}, received ${formatShape(x.shape)}`,
    )
  }
  const c = columns / area
  const padded = space.map((size, d) => size + 2 * padding[d]!)
  let y = permute(reshape(x.node, [n, c, ...kernel, ...count]), [0, 1, 4, 5, 2, 3])
  y = windows.fold(y, { dim: 3, size: kernel[1]!, step: stride[1]!, dilation: dilation[1]!, length: padded[1]! })
  y = windows.fold(y, { dim: 2, size: kernel[0]!, step: stride[0]!, dilation: dilation[0]!, length: padded[0]! })
  const crop = padding.map((amount) => -amount)
  const image = padSpace(y, crop, crop)
  return wrap(x.rank === 3 ? image : reshape(image, [c, ...space]))
}
