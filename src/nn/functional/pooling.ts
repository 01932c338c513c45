import { ShapeError, ValueError } from '../../core/errors.ts'
import { formatShape, sizeOf } from '../../core/shape.ts'
import { abs, mul, pow } from '../../graph/ops/arithmetic.ts'
import { constant, scalar } from '../../graph/ops/leaves.ts'
import { equal, where } from '../../graph/ops/logic.ts'
import { avgPool, gatherSpace, maxPool } from '../../graph/ops/pooling.ts'
import { argPool, type Pool } from '../../graph/ops/windows.ts'
import { wrap } from '../../tensor/base.ts'
import type { Tensor } from '../../tensor/tensor.ts'
import { batched, batchedOne, type Size, sizes } from './arguments.ts'

export interface MaxPoolOptions {
  /** Step between windows. Default: the kernel's size. */
  readonly stride?: Size
  /** Excluded positions on both sides, at most half of the kernel. Default 0. */
  readonly padding?: Size
  /** Distance between the elements of a window. Default 1. */
  readonly dilation?: Size
  /** Count a last window that only partly lies inside. Default false. */
  readonly ceilMode?: boolean
  /** Return `[values, indices]`, the indices int32 and flat over the spatial dimensions. Default false. */
  readonly returnIndices?: boolean
}

export interface AvgPoolOptions {
  /** Step between windows. Default: the kernel's size. */
  readonly stride?: Size
  /** Zeros on both sides, at most half of the kernel. Default 0. */
  readonly padding?: Size
  /** Count a last window that only partly lies inside. Default false. */
  readonly ceilMode?: boolean
  /** Whether padding counts as elements of a window. Default true. */
  readonly countIncludePad?: boolean
  /** Divides the sums in the place of the number of elements (not for avgPool1d). */
  readonly divisorOverride?: number
}

type WithIndices = MaxPoolOptions & { readonly returnIndices: true }

/** Maximum over windows of x [N, C, L] → [N, C, L′]. See {@link maxPool2d}. */
export function maxPool1d(x: Tensor, kernelSize: Size, options: WithIndices): [Tensor, Tensor]
export function maxPool1d(x: Tensor, kernelSize: Size, options?: MaxPoolOptions): Tensor
export function maxPool1d(x: Tensor, kernelSize: Size, options: MaxPoolOptions = {}): Tensor | [Tensor, Tensor] {
  return maximum('maxPool1d', 1, x, kernelSize, options)
}

/**
 * Maximum over windows of x [N, C, H, W] → [N, C, H′, W′] with
 * H′ = ⌊(H + 2 · padding − dilation · (kernel − 1) − 1) / stride⌋ + 1 (⌈⌉ with `ceilMode`). The gradient goes to the first
 * maximum of each window. The batch dimension may be left out.
 */
export function maxPool2d(x: Tensor, kernelSize: Size, options: WithIndices): [Tensor, Tensor]
export function maxPool2d(x: Tensor, kernelSize: Size, options?: MaxPoolOptions): Tensor
export function maxPool2d(x: Tensor, kernelSize: Size, options: MaxPoolOptions = {}): Tensor | [Tensor, Tensor] {
  return maximum('maxPool2d', 2, x, kernelSize, options)
}

/** Maximum over windows of x [N, C, D, H, W] → [N, C, D′, H′, W′]. See {@link maxPool2d}. */
export function maxPool3d(x: Tensor, kernelSize: Size, options: WithIndices): [Tensor, Tensor]
export function maxPool3d(x: Tensor, kernelSize: Size, options?: MaxPoolOptions): Tensor
export function maxPool3d(x: Tensor, kernelSize: Size, options: MaxPoolOptions = {}): Tensor | [Tensor, Tensor] {
  return maximum('maxPool3d', 3, x, kernelSize, options)
}

/** Mean over windows of x [N, C, L] → [N, C, L′]. See {@link avgPool2d}. */
export function avgPool1d(x: Tensor, kernelSize: Size, options: Omit<AvgPoolOptions, 'divisorOverride'> = {}): Tensor {
  return average('avgPool1d', 1, x, kernelSize, options)
}

/**
 * Mean over windows of x [N, C, H, W] → [N, C, H′, W′] with H′ = ⌊(H + 2 · padding − kernel) / stride⌋ + 1 (⌈⌉ with
 * `ceilMode`). The batch dimension may be left out.
 */
export function avgPool2d(x: Tensor, kernelSize: Size, options: AvgPoolOptions = {}): Tensor {
  return average('avgPool2d', 2, x, kernelSize, options)
}

/** Mean over windows of x [N, C, D, H, W] → [N, C, D′, H′, W′]. See {@link avgPool2d}. */
export function avgPool3d(x: Tensor, kernelSize: Size, options: AvgPoolOptions = {}): Tensor {
  return average('avgPool3d', 3, x, kernelSize, options)
}

/** (Σ xᵖ)^{1/p} over windows of x [N, C, L]. See {@link lpPool2d}. */
export function lpPool1d(x: Tensor, normType: number, kernelSize: Size, options: LpPoolOptions = {}): Tensor {
  return powerMean('lpPool1d', 1, x, normType, kernelSize, options)
}

export interface LpPoolOptions {
  /** Step between windows. Default: the kernel's size. */
  readonly stride?: Size
  /** Count a last window that only partly lies inside. Default false. */
  readonly ceilMode?: boolean
}

/** (Σ xᵖ)^{1/p} over windows of x [N, C, H, W], p = `normType`; the gradient is 0 where the sum is 0. */
export function lpPool2d(x: Tensor, normType: number, kernelSize: Size, options: LpPoolOptions = {}): Tensor {
  return powerMean('lpPool2d', 2, x, normType, kernelSize, options)
}

/** (Σ xᵖ)^{1/p} over windows of x [N, C, D, H, W]. See {@link lpPool2d}. */
export function lpPool3d(x: Tensor, normType: number, kernelSize: Size, options: LpPoolOptions = {}): Tensor {
  return powerMean('lpPool3d', 3, x, normType, kernelSize, options)
}

interface Geometry extends Pool {
  readonly padding: readonly number[]
}

/** Windows over `space`; `high` is as large as the last window needs. */
function geometry(
  op: string,
  space: readonly number[],
  kernelSize: Size,
  { stride, padding = 0, dilation = 1, ceilMode = false }: MaxPoolOptions,
): Geometry {
  const rank = space.length
  const kernel = sizes(op, 'kernelSize', kernelSize, rank, 1)
  const steps = stride === undefined ? kernel : sizes(op, 'stride', stride, rank, 1)
  const low = sizes(op, 'padding', padding, rank, 0)
  const dilations = sizes(op, 'dilation', dilation, rank, 1)
  const reach = kernel.map((k, d) => (k - 1) * dilations[d]! + 1)
  if (low.some((n, d) => n > reach[d]! / 2)) {
    throw new ValueError(
      op,
      `padding must be at most half of the kernel ${formatShape(kernel)}, received ${formatShape(low)}`,
    )
  }
  const high = space.map((size, d) => {
    const count = windows(size, reach[d]!, steps[d]!, low[d]!, ceilMode)
    if (count < 1) {
      throw new ShapeError(
        op,
        `kernel ${formatShape(kernel)} (dilation ${formatShape(dilations)}) is larger than the input ${formatShape(space)} padded by ${formatShape(low)}`,
      )
    }
    return (count - 1) * steps[d]! + reach[d]! - size - low[d]!
  })
  return { kernel, stride: steps, low, high, dilation: dilations, padding: low }
}

/** How many windows there are; with `ceil` also a last one that begins inside the input or its left padding. */
function windows(size: number, reach: number, step: number, padding: number, ceil: boolean): number {
  const room = size + 2 * padding - reach
  if (!ceil) return Math.floor(room / step) + 1
  const count = Math.ceil(room / step) + 1
  return (count - 1) * step >= size + padding ? count - 1 : count
}

function maximum(
  op: string,
  rank: number,
  x: Tensor,
  kernelSize: Size,
  options: MaxPoolOptions,
): Tensor | [Tensor, Tensor] {
  const pool = (space: readonly number[]): Pool => {
    const { padding: _, ...attrs } = geometry(op, space, kernelSize, options)
    return attrs
  }
  if (!options.returnIndices) return batchedOne(op, x, rank, (node) => maxPool(node, pool(node.shape.slice(2))))
  const [values, indices] = batched(op, x, rank, (node) => {
    const at = argPool(node, pool(node.shape.slice(2)))
    return [gatherSpace(node, at, op), at]
  })
  return [values!, indices!]
}

function average(op: string, rank: number, x: Tensor, kernelSize: Size, options: AvgPoolOptions): Tensor {
  const { countIncludePad = true, divisorOverride } = options
  if (divisorOverride !== undefined && (divisorOverride === 0 || rank === 1)) {
    throw new ValueError(
      op,
      `divisorOverride must not be 0 and is for two and three dimensions, received ${divisorOverride}`,
    )
  }
  return batchedOne(op, x, rank, (node) => {
    const { kernel, stride, low, high } = geometry(op, node.shape.slice(2), kernelSize, options)
    return avgPool(node, {
      kernel,
      stride,
      low,
      high,
      countLow: countIncludePad ? low : low.map(() => 0),
      countHigh: high.map((n, d) => Math.min(n, countIncludePad ? low[d]! : 0)),
      divisor: divisorOverride ?? 0,
    })
  })
}

function powerMean(op: string, rank: number, x: Tensor, p: number, kernelSize: Size, options: LpPoolOptions): Tensor {
  if (p === Number.POSITIVE_INFINITY) return maximum(op, rank, wrap(abs(x.node)), kernelSize, options) as Tensor
  if (p === 0 || !Number.isFinite(p))
    throw new ValueError(op, `normType must be finite and not 0, or Infinity, received ${p}`)
  const count = sizeOf(sizes(op, 'kernelSize', kernelSize, rank, 1))
  const { node } = average(op, rank, x.pow(p), kernelSize, options)
  const zero = constant(0, node.dtype)
  const empty = equal(node, zero)
  const sums = mul(where(empty, constant(1, node.dtype), node), constant(count, node.dtype))
  return wrap(where(empty, zero, pow(sums, scalar(1 / p, node.dtype))))
}
