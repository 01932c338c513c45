import { isFloating } from '../../core/dtype.ts'
import { DTypeError } from '../../core/errors.ts'
import { type Node, type Op, record } from '../node.ts'
import { add, mul, rsqrt, sub } from './arithmetic.ts'
import { constant } from './leaves.ts'
import { cast } from './logic.ts'
import { widened } from './precision.ts'
import { keepDims, reduce, sumTo } from './reduce.ts'
import { reshape } from './views.ts'

/*
 * Normalisation by statistics of the input itself. Variances are Σ(x − mean)² / n in two passes: E[x²] − E[x]² loses all
 * digits where the mean is large against the deviation.
 */

interface Statistics {
  /** The dimensions that share one mean and variance; kept with size 1. Sorted. */
  readonly dims: readonly number[]
}

interface Normalization extends Statistics {
  /** Added to the variance. */
  readonly eps: number
}

const square = (x: Node): Node => mul(x, x)

function checkFloating(op: string, x: Node): void {
  if (!isFloating(x.dtype)) throw new DTypeError(op, `expects a floating dtype, received ${x.dtype}`)
}

/** Σ over `dims`, kept as size 1. */
export function sumKept(x: Node, dims: readonly number[]): Node {
  return reshape(reduce(x, 'sum', dims), keepDims(x.shape, dims))
}

/** Mean over `dims`, kept as size 1, in the dtype of computing. */
function meanKept(x: Node, dims: readonly number[]): Node {
  const count = dims.reduce((product, d) => product * x.shape[d]!, 1)
  return mul(sumKept(x, dims), constant(1 / count, x.dtype))
}

/** Mean of x over `dims`, kept as size 1. Half precision gives float32. */
export const sampleMeanOp: Op<Statistics> = {
  name: 'sampleMean',
  kind: 'composite',
  infer([x], { dims }) {
    checkFloating('mean', x!)
    return { shape: keepDims(x!.shape, dims), dtype: widened(x!).dtype }
  },
  decompose: ([x], { dims }) => meanKept(widened(x!), dims),
}

export function sampleMean(x: Node, dims: readonly number[]): Node {
  return record(sampleMeanOp, [x], { dims })
}

/** Mean of (x − mean)² over `dims`, kept as size 1; `mean` is x's own, so that no derivative passes through it. */
export const sampleVarianceOp: Op<Statistics> = {
  name: 'sampleVariance',
  kind: 'composite',
  infer: ([, mean]) => ({ shape: mean!.shape, dtype: mean!.dtype }),
  decompose: ([x, mean], { dims }) => meanKept(square(sub(widened(x!), mean!)), dims),
  derivative(node, dy, i) {
    if (i > 0) return undefined
    const [x, mean] = node.inputs as [Node, Node]
    const count = node.attrs.dims.reduce((product, d) => product * x.shape[d]!, 1)
    const slope = mul(sub(widened(x), mean), constant(2 / count, mean.dtype))
    return cast(mul(slope, dy), x.dtype)
  },
}

export function sampleVariance(x: Node, mean: Node, dims: readonly number[]): Node {
  return record(sampleVarianceOp, [x, mean], { dims })
}

/** (x − mean) / √(variance + eps) */
function standardized(x: Node, mean: Node, variance: Node, eps: number): Node {
  return mul(sub(widened(x), mean), inverseDeviation(variance, eps))
}

function inverseDeviation(variance: Node, eps: number): Node {
  return rsqrt(add(variance, constant(eps, variance.dtype)))
}

/**
 * (x − mean) / √(variance + eps) · weight + bias, where mean and variance are x's own over `dims`: the derivative by x
 * includes how they follow x (Ioffe & Szegedy, "Batch normalization", 2015), and keeps only x, mean and 1/√(variance + eps).
 * Weight and bias are optional and broadcast to x.
 */
export const normalizeOp: Op<Normalization> = {
  name: 'normalize',
  kind: 'composite',
  infer([x]) {
    checkFloating('normalize', x!)
    return { shape: x!.shape, dtype: x!.dtype }
  },
  decompose([x, mean, variance, weight, bias], { eps }) {
    let y = standardized(x!, mean!, variance!, eps)
    if (weight) y = mul(y, widened(weight))
    if (bias) y = add(y, widened(bias))
    return cast(y, x!.dtype)
  },
  derivative(node, dy, i) {
    const [x, mean, variance, weight] = node.inputs as [Node, Node, Node, Node?, Node?]
    const { dims, eps } = node.attrs
    const input = node.inputs[i]!
    if (i === 1 || i === 2) return undefined
    const g = widened(dy)
    if (i === 4) return cast(sumTo(g, input.shape), input.dtype)
    const centred = standardized(x, mean, variance, eps)
    if (i === 3) return cast(sumTo(mul(g, centred), input.shape), input.dtype)
    const h = weight ? mul(g, widened(weight)) : g
    const projection = mul(centred, meanKept(mul(h, centred), dims))
    const dx = mul(inverseDeviation(variance, eps), sub(sub(h, meanKept(h, dims)), projection))
    return cast(dx, x.dtype)
  },
}

/** See {@link normalizeOp}. A bias needs a weight. */
export function normalize(
  x: Node,
  mean: Node,
  variance: Node,
  weight: Node | undefined,
  bias: Node | undefined,
  attrs: Normalization,
): Node {
  const scale = weight ?? (bias && constant(1, bias.dtype))
  return record(normalizeOp, [x, mean, variance, ...(scale ? [scale] : []), ...(bias ? [bias] : [])], attrs)
}

/** {@link normalize} with statistics over trailing dimensions, as one node (Ba et al., "Layer normalization", 2016). */
export const layerNormOp: Op<Normalization> = {
  name: 'layerNorm',
  kind: 'composite',
  infer([x]) {
    checkFloating('layerNorm', x!)
    return { shape: x!.shape, dtype: x!.dtype }
  },
  decompose([x, weight, bias], attrs) {
    const mean = sampleMean(x!, attrs.dims)
    return normalize(x!, mean, sampleVariance(x!, mean, attrs.dims), weight, bias, attrs)
  },
}

export function layerNorm(x: Node, weight: Node | undefined, bias: Node | undefined, attrs: Normalization): Node {
  const scale = weight ?? (bias && constant(1, bias.dtype))
  return record(layerNormOp, [x, ...(scale ? [scale] : []), ...(bias ? [bias] : [])], attrs)
}

/** x / √(mean(x²) + eps) · weight (Zhang & Sennrich, "Root mean square layer normalization", 2019). */
export const rmsNormOp: Op<Normalization> = {
  name: 'rmsNorm',
  kind: 'composite',
  infer([x]) {
    checkFloating('rmsNorm', x!)
    return { shape: x!.shape, dtype: x!.dtype }
  },
  decompose([x, weight], { dims, eps }) {
    const wide = widened(x!)
    const y = mul(wide, inverseDeviation(meanKept(square(wide), dims), eps))
    return cast(weight ? mul(y, widened(weight)) : y, x!.dtype)
  },
  derivative(node, dy, i) {
    const [x, weight] = node.inputs as [Node, Node?]
    const { dims, eps } = node.attrs
    const wide = widened(x)
    const scale = inverseDeviation(meanKept(square(wide), dims), eps)
    const y = mul(wide, scale)
    const g = widened(dy)
    if (i === 1) return cast(sumTo(mul(g, y), weight!.shape), weight!.dtype)
    const h = weight ? mul(g, widened(weight)) : g
    return cast(mul(scale, sub(h, mul(y, meanKept(mul(h, y), dims)))), x.dtype)
  },
}

export function rmsNorm(x: Node, weight: Node | undefined, attrs: Normalization): Node {
  return record(rmsNormOp, weight ? [x, weight] : [x], attrs)
}
