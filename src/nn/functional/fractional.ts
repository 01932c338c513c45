import { ShapeError, ValueError } from '../../core/errors.ts'
import { formatShape, sameShape } from '../../core/shape.ts'
import type { Node } from '../../graph/node.ts'
import { add, mul, sub, trunc } from '../../graph/ops/arithmetic.ts'
import { constant, iota } from '../../graph/ops/leaves.ts'
import { cast, equal, where } from '../../graph/ops/logic.ts'
import { gatherSpace } from '../../graph/ops/pooling.ts'
import { uniform } from '../../graph/ops/random.ts'
import { reshape, sliceDim } from '../../graph/ops/views.ts'
import { drawKey, type SamplingOptions } from '../../tensor/random.ts'
import type { Tensor } from '../../tensor/tensor.ts'
import { argWindows } from './adaptive.ts'
import { batched, type Size, sizes } from './arguments.ts'

export interface FractionalMaxPoolOptions extends SamplingOptions {
  /** Sizes of the result; either this or `outputRatio`. */
  readonly outputSize?: Size
  /** Sizes of the result as shares of the input's, between 0 and 1. */
  readonly outputRatio?: Size
  /** Return `[values, indices]`, the indices int32 and flat over the spatial dimensions. Default false. */
  readonly returnIndices?: boolean
  /** Where the windows lie: [N, C, number of spatial dimensions] in [0, 1). Default: random. */
  readonly randomSamples?: Tensor
}

type WithIndices = FractionalMaxPoolOptions & { readonly returnIndices: true }

/**
 * Maximum over windows of x [N, C, H, W] at pseudo-random places that shrink the sizes by any factor (Graham 2014). The
 * batch dimension may be left out.
 */
export function fractionalMaxPool2d(x: Tensor, kernelSize: Size, options: WithIndices): [Tensor, Tensor]
export function fractionalMaxPool2d(x: Tensor, kernelSize: Size, options: FractionalMaxPoolOptions): Tensor
export function fractionalMaxPool2d(
  x: Tensor,
  kernelSize: Size,
  options: FractionalMaxPoolOptions,
): Tensor | [Tensor, Tensor] {
  // The samples of an image are its column first, as in PyTorch.
  return fractional('fractionalMaxPool2d', x, kernelSize, options, [1, 0])
}

/** {@link fractionalMaxPool2d} of x [N, C, D, H, W]. */
export function fractionalMaxPool3d(x: Tensor, kernelSize: Size, options: WithIndices): [Tensor, Tensor]
export function fractionalMaxPool3d(x: Tensor, kernelSize: Size, options: FractionalMaxPoolOptions): Tensor
export function fractionalMaxPool3d(
  x: Tensor,
  kernelSize: Size,
  options: FractionalMaxPoolOptions,
): Tensor | [Tensor, Tensor] {
  return fractional('fractionalMaxPool3d', x, kernelSize, options, [0, 1, 2])
}

function fractional(
  op: string,
  x: Tensor,
  kernelSize: Size,
  options: FractionalMaxPoolOptions,
  sampleOrder: readonly number[],
): Tensor | [Tensor, Tensor] {
  const rank = sampleOrder.length
  const kernel = sizes(op, 'kernelSize', kernelSize, rank, 1)
  const [values, indices] = batched(op, x, rank, (node) => {
    const [n, c, ...space] = node.shape as [number, number, ...number[]]
    const out = outputSizes(op, space, options)
    if (space.some((size, d) => out[d]! + kernel[d]! - 1 > size)) {
      throw new ShapeError(
        op,
        `${formatShape(out)} windows of ${formatShape(kernel)} do not fit into ${formatShape(space)}: output + kernel − 1 must be at most the input`,
      )
    }
    const samples = samplesOf(op, node, rank, options)
    const windows = space.map((size, d) => {
      const sample = sliceDim(samples, 2, sampleOrder[d]!, sampleOrder[d]! + 1)
      const starts = intervals(reshape(sample, [n, c, 1]), size, out[d]!, kernel[d]!)
      return add(reshape(starts, [n, c, out[d]!, 1]), iota(kernel[d]!))
    })
    const at = argWindows(node, windows)
    return [gatherSpace(node, at, op), at]
  })
  return options.returnIndices ? [values!, indices!] : values!
}

function outputSizes(
  op: string,
  space: readonly number[],
  { outputSize, outputRatio }: FractionalMaxPoolOptions,
): readonly number[] {
  if ((outputSize === undefined) === (outputRatio === undefined)) {
    throw new ValueError(op, 'expects either outputSize or outputRatio, not both and not neither')
  }
  if (outputSize !== undefined) return sizes(op, 'outputSize', outputSize, space.length, 1)
  const ratios = typeof outputRatio === 'number' ? space.map(() => outputRatio) : outputRatio!
  if (ratios.length !== space.length || ratios.some((ratio) => !(ratio > 0 && ratio < 1))) {
    throw new ValueError(op, `outputRatio takes numbers between 0 and 1, received ${formatShape(ratios)}`)
  }
  return sizes(
    op,
    'outputSize',
    space.map((n, d) => Math.floor(n * ratios[d]!)),
    space.length,
    1,
  )
}

function samplesOf(op: string, x: Node, rank: number, { randomSamples, generator }: FractionalMaxPoolOptions): Node {
  const shape = [x.shape[0]!, x.shape[1]!, rank]
  if (!randomSamples) return uniform(drawKey(generator), shape, 'float32')
  if (sameShape(randomSamples.shape, shape)) return randomSamples.node
  throw new ShapeError(op, `randomSamples must be ${formatShape(shape)}, received ${formatShape(randomSamples.shape)}`)
}

/** First positions ⌊(i + u) α⌋ − ⌊u α⌋ with α = (size − kernel) / (out − 1); the last window ends at the edge. int32 [N, C, out]. */
function intervals(u: Node, size: number, out: number, kernel: number): Node {
  const last = constant(size - kernel, u.dtype)
  const i = iota(out, u.dtype)
  const alpha = constant(out > 1 ? (size - kernel) / (out - 1) : 0, u.dtype)
  const starts = sub(trunc(mul(add(i, u), alpha)), trunc(mul(u, alpha)))
  return cast(where(equal(i, constant(out - 1, u.dtype)), last, starts), 'int32')
}
