import { DTypeError, ShapeError, ValueError } from '../../core/errors.ts'
import { formatShape, sameShape, type Shape, sizeOf } from '../../core/shape.ts'
import type { Node } from '../../graph/node.ts'
import { withGrad } from '../../graph/node.ts'
import { add, div, maximum, mul, pow, rsqrt, sub } from '../../graph/ops/arithmetic.ts'
import { constant, scalar } from '../../graph/ops/leaves.ts'
import { cast, detach } from '../../graph/ops/logic.ts'
import * as ops from '../../graph/ops/normalization.ts'
import { computingType } from '../../graph/ops/precision.ts'
import { reduce } from '../../graph/ops/reduce.ts'
import { broadcastTo, pad, reshape } from '../../graph/ops/views.ts'
import { window } from '../../graph/ops/windows.ts'
import { wrap } from '../../tensor/base.ts'
import type { Tensor } from '../../tensor/tensor.ts'
import { vectorNorm } from './distance.ts'

export interface AffineOptions {
  /** Factor of each channel or element. */
  readonly weight?: Tensor | null | undefined
  /** Summand of each channel or element. */
  readonly bias?: Tensor | null | undefined
  /** Added to the variance. Default 1e-5. */
  readonly eps?: number
}

export interface BatchNormOptions extends AffineOptions {
  /** Use the batch's own statistics and update the running ones. Default false. */
  readonly training?: boolean
  /** Weight of the new statistics in the running ones. Default 0.1. */
  readonly momentum?: number
}

export interface InstanceNormOptions extends AffineOptions {
  readonly runningMean?: Tensor | null | undefined
  readonly runningVar?: Tensor | null | undefined
  /** Normalise by each sample's own statistics; otherwise by the running ones. Default true. */
  readonly useInputStats?: boolean
  /** Weight of the new statistics in the running ones. Default 0.1. */
  readonly momentum?: number
}

/** [C] shaped to broadcast over [N, C, ...]. */
function channels(op: string, name: string, values: Tensor, x: Tensor): Node {
  if (values.rank !== 1 || values.shape[0] !== x.shape[1]) {
    throw new ShapeError(
      op,
      `${name} must be [${x.shape[1]}], one number a channel of the input ${formatShape(x.shape)}, received ${formatShape(values.shape)}`,
    )
  }
  return reshape(
    values.node,
    x.shape.map((n, d) => (d === 1 ? n : 1)),
  )
}

function optional<T>(value: Tensor | null | undefined, fn: (value: Tensor) => T): T | undefined {
  return value ? fn(value) : undefined
}

function checkRunning(
  op: string,
  mean: Tensor | null | undefined,
  variance: Tensor | null | undefined,
  needed: boolean,
): void {
  if (!mean !== !variance) throw new ValueError(op, 'runningMean and runningVar come together: pass both or neither')
  if (needed && !mean) {
    throw new ValueError(op, 'runningMean and runningVar are needed unless the input gives the statistics itself')
  }
}

/** running ← (1 − momentum) · running + momentum · seen, with the next realisation. */
function track(running: Tensor, seen: Node, momentum: number): void {
  const before = running.node
  const share = scalar(momentum, before.dtype)
  const moved = withGrad(false, () => {
    const target = cast(reshape(detach(seen), running.shape), before.dtype)
    return add(mul(before, sub(constant(1, before.dtype), share)), mul(target, share))
  })
  running.assign(wrap(moved))
}

/** The unbiased variance from the biased one of n elements. */
function unbiased(variance: Node, n: number): Node {
  return mul(detach(variance), constant(n / (n - 1), variance.dtype))
}

/** (x − mean) / √(variance + eps) · weight + bias with given statistics. */
function normalizeBy(
  x: Node,
  mean: Node,
  variance: Node,
  weight: Node | undefined,
  bias: Node | undefined,
  eps: number,
): Node {
  const dtype = computingType(x.dtype)
  const scale = rsqrt(add(cast(variance, dtype), constant(eps, dtype)))
  let y = mul(sub(cast(x, dtype), cast(mean, dtype)), weight ? mul(scale, cast(weight, dtype)) : scale)
  if (bias) y = add(y, cast(bias, dtype))
  return cast(y, x.dtype)
}

/**
 * Batch normalisation (Ioffe & Szegedy 2015) of x [N, C, ...] over everything but channels; runningMean, runningVar, weight
 * and bias are [C]. In training the running statistics, where given, move towards the batch's mean and unbiased variance.
 * Throws a {@link ValueError} where training meets a single value a channel, whose variance says nothing.
 */
export function batchNorm(
  x: Tensor,
  runningMean: Tensor | null | undefined,
  runningVar: Tensor | null | undefined,
  { weight, bias, training = false, momentum = 0.1, eps = 1e-5 }: BatchNormOptions = {},
): Tensor {
  const op = 'batchNorm'
  if (x.rank < 2) throw new ShapeError(op, `expects an input [N, C, ...], received ${formatShape(x.shape)}`)
  checkRunning(op, runningMean, runningVar, !training)
  const w = optional(weight, (values) => channels(op, 'weight', values, x))
  const b = optional(bias, (values) => channels(op, 'bias', values, x))
  const running = [runningMean, runningVar].map((values, i) =>
    optional(values, (given) => channels(op, i === 0 ? 'runningMean' : 'runningVar', given, x)),
  )
  if (!training) return wrap(normalizeBy(x.node, running[0]!, running[1]!, w, b, eps))
  const count = x.size / Math.max(1, x.shape[1]!)
  if (count === 1) {
    throw new ValueError(
      op,
      `training needs more than one value a channel, received ${formatShape(x.shape)}; use a larger batch or eval()`,
    )
  }
  const dims = [...x.shape.keys()].filter((d) => d !== 1)
  const mean = ops.sampleMean(x.node, dims)
  const variance = ops.sampleVariance(x.node, mean, dims)
  if (runningMean && runningVar) {
    track(runningMean, mean, momentum)
    track(runningVar, unbiased(variance, count), momentum)
  }
  return wrap(ops.normalize(x.node, mean, variance, w, b, { dims, eps }))
}

/**
 * Instance normalisation (Ulyanov et al. 2016): each channel of each sample of x [N, C, ...] by its own mean and variance.
 * Throws a {@link ValueError} where a channel of a sample holds a single value.
 */
export function instanceNorm(
  x: Tensor,
  { runningMean, runningVar, weight, bias, useInputStats = true, momentum = 0.1, eps = 1e-5 }: InstanceNormOptions = {},
): Tensor {
  const op = 'instanceNorm'
  if (x.rank < 3) throw new ShapeError(op, `expects an input [N, C, ...], received ${formatShape(x.shape)}`)
  checkRunning(op, runningMean, runningVar, !useInputStats)
  const w = optional(weight, (values) => channels(op, 'weight', values, x))
  const b = optional(bias, (values) => channels(op, 'bias', values, x))
  if (!useInputStats) {
    const mean = channels(op, 'runningMean', runningMean!, x)
    return wrap(normalizeBy(x.node, mean, channels(op, 'runningVar', runningVar!, x), w, b, eps))
  }
  const count = sizeOf(x.shape.slice(2))
  if (count === 1) {
    throw new ValueError(op, `needs more than one value a channel and sample, received ${formatShape(x.shape)}`)
  }
  const dims = [...x.shape.keys()].slice(2)
  const mean = ops.sampleMean(x.node, dims)
  const variance = ops.sampleVariance(x.node, mean, dims)
  if (runningMean && runningVar) {
    const average = (values: Node): Node =>
      mul(reduce(detach(values), 'sum', [0]), constant(1 / x.shape[0]!, values.dtype))
    track(runningMean, average(mean), momentum)
    track(runningVar, average(unbiased(variance, count)), momentum)
  }
  return wrap(ops.normalize(x.node, mean, variance, w, b, { dims, eps }))
}

/** The trailing dimensions that `normalizedShape` names. */
function trailing(
  op: string,
  x: Tensor,
  normalizedShape: number | Shape,
  parameters: readonly (Tensor | null | undefined)[],
): number[] {
  const wanted = typeof normalizedShape === 'number' ? [normalizedShape] : normalizedShape
  const lead = x.rank - wanted.length
  if (wanted.length === 0 || lead < 0 || wanted.some((n, d) => n !== x.shape[lead + d])) {
    throw new ShapeError(op, `input ${formatShape(x.shape)} must end in normalizedShape ${formatShape(wanted)}`)
  }
  for (const values of parameters) {
    if (values && !sameShape(values.shape, wanted)) {
      throw new ShapeError(
        op,
        `weight and bias must have normalizedShape ${formatShape(wanted)}, received ${formatShape(values.shape)}`,
      )
    }
  }
  return wanted.map((_, d) => lead + d)
}

/**
 * Layer normalisation (Ba et al. 2016) over the trailing dimensions `normalizedShape` of x; weight and bias have that shape.
 */
export function layerNorm(
  x: Tensor,
  normalizedShape: number | Shape,
  { weight, bias, eps = 1e-5 }: AffineOptions = {},
): Tensor {
  const dims = trailing('layerNorm', x, normalizedShape, [weight, bias])
  return wrap(ops.layerNorm(x.node, weight?.node, bias?.node, { dims, eps }))
}

/**
 * x / √(mean(x²) + eps) · weight over the trailing dimensions `normalizedShape` (Zhang & Sennrich 2019). `eps` defaults to
 * the dtype's machine epsilon.
 */
export function rmsNorm(
  x: Tensor,
  normalizedShape: number | Shape,
  { weight, eps }: Omit<AffineOptions, 'bias'> = {},
): Tensor {
  const dims = trailing('rmsNorm', x, normalizedShape, [weight])
  return wrap(ops.rmsNorm(x.node, weight?.node, { dims, eps: eps ?? (x.dtype === 'float64' ? 2 ** -52 : 2 ** -23) }))
}

/** Group normalisation (Wu & He 2018): x [N, C, ...], channels in `numGroups` groups; weight and bias are [C]. */
export function groupNorm(x: Tensor, numGroups: number, { weight, bias, eps = 1e-5 }: AffineOptions = {}): Tensor {
  const op = 'groupNorm'
  if (x.rank < 2) throw new ShapeError(op, `expects an input [N, C, ...], received ${formatShape(x.shape)}`)
  const [n, c, ...space] = x.shape as [number, number, ...number[]]
  if (!Number.isInteger(numGroups) || numGroups < 1 || c % numGroups !== 0) {
    throw new ValueError(op, `numGroups must divide the ${c} channels, received ${numGroups}`)
  }
  if (n > 0 && (sizeOf(space) * c) / numGroups === 1) {
    throw new ValueError(
      op,
      `needs more than one value a group, received ${formatShape(x.shape)} in ${numGroups} groups`,
    )
  }
  const inGroups = (values: Node): Node => reshape(values, [1, numGroups, c / numGroups, ...space.map(() => 1)])
  const grouped = reshape(x.node, [n, numGroups, c / numGroups, ...space])
  const dims = [...grouped.shape.keys()].slice(2)
  const y = ops.layerNorm(
    grouped,
    optional(weight, (values) => inGroups(channels(op, 'weight', values, x))),
    optional(bias, (values) => inGroups(channels(op, 'bias', values, x))),
    { dims, eps },
  )
  return wrap(reshape(y, x.shape))
}

export interface LocalResponseNormOptions {
  /** Default 1e-4. */
  readonly alpha?: number
  /** Default 0.75. */
  readonly beta?: number
  /** Default 1. */
  readonly k?: number
}

/**
 * x / (k + alpha · mean of x² over `size` neighbouring channels)^beta for x [N, C, ...], zeros beyond the channels
 * (Krizhevsky et al. 2012).
 */
export function localResponseNorm(
  x: Tensor,
  size: number,
  { alpha = 1e-4, beta = 0.75, k = 1 }: LocalResponseNormOptions = {},
): Tensor {
  const op = 'localResponseNorm'
  if (x.rank < 3)
    throw new ShapeError(op, `expects an input [N, C, ...] of 3 dimensions or more, received ${formatShape(x.shape)}`)
  if (!Number.isInteger(size) || size < 1) throw new ValueError(op, `size must be whole and ≥ 1, received ${size}`)
  if (x.size === 0) return x
  const { node } = x
  const squares = pad(
    mul(node, node),
    x.shape.map((_, d) =>
      d === 1
        ? { low: Math.floor(size / 2), high: Math.floor((size - 1) / 2), inner: 0 }
        : { low: 0, high: 0, inner: 0 },
    ),
  )
  const sums = reduce(window(squares, { dim: 1, size, step: 1, dilation: 1 }), 'sum', [x.rank])
  const scaled = add(mul(sums, scalar(alpha / size, x.dtype)), scalar(k, x.dtype))
  return wrap(div(node, pow(scaled, scalar(beta, x.dtype))))
}

export interface NormalizeOptions {
  /** Which norm. Default 2. */
  readonly p?: number
  /** Along which dimension or dimensions. Default 1. */
  readonly dim?: number | readonly number[]
  /** Smallest divisor. Default 1e-12. */
  readonly eps?: number
}

/** x / max(‖x‖ₚ, eps) along `dim`. */
export function normalize(x: Tensor, { p = 2, dim = 1, eps = 1e-12 }: NormalizeOptions = {}): Tensor {
  if (x.dtype === 'int32' || x.dtype === 'uint8' || x.dtype === 'bool') {
    throw new DTypeError('normalize', `expects a floating dtype, received ${x.dtype}`)
  }
  const norm = vectorNorm('normalize', x.node, p, dim)
  return wrap(div(x.node, broadcastTo(maximum(norm, constant(eps, x.dtype)), x.shape)))
}
