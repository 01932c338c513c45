import { ShapeError, ValueError } from '../../core/errors.ts'
import { formatShape, normalizeDim } from '../../core/shape.ts'
import type { Node } from '../../graph/node.ts'
import * as ops from '../../graph/ops/activation.ts'
import { add, div, mul, neg, sub } from '../../graph/ops/arithmetic.ts'
import * as composite from '../../graph/ops/composite.ts'
import { iota, scalar } from '../../graph/ops/leaves.ts'
import { cast, detach, equal } from '../../graph/ops/logic.ts'
import { exponential, uniform } from '../../graph/ops/random.ts'
import { argReduce, keepDims } from '../../graph/ops/reduce.ts'
import * as transcendental from '../../graph/ops/transcendental.ts'
import { reshape, sliceDim } from '../../graph/ops/views.ts'
import { wrap } from '../../tensor/base.ts'
import { drawKey, type SamplingOptions } from '../../tensor/random.ts'
import type { Tensor } from '../../tensor/tensor.ts'

/** An activation with its settings as scalars of x's dtype. */
function apply(op: ops.Activation, x: Tensor, ...settings: number[]): Tensor {
  return wrap(op(x.node, ...settings.map((value) => scalar(value, x.dtype))))
}

/** max(x, 0). */
export function relu(x: Tensor): Tensor {
  return wrap(ops.relu(x.node))
}

/** min(max(x, 0), 6) (Krizhevsky 2010). */
export function relu6(x: Tensor): Tensor {
  return apply(ops.hardTanh, x, 0, 6)
}

/** x where x > `threshold`, `value` elsewhere. */
export function threshold(x: Tensor, threshold: number, value: number): Tensor {
  return apply(ops.threshold, x, threshold, value)
}

/** x, cut off to [minVal, maxVal]. */
export function hardTanh(x: Tensor, { minVal = -1, maxVal = 1 }: { minVal?: number; maxVal?: number } = {}): Tensor {
  if (minVal > maxVal) throw new ValueError('hardTanh', `minVal ${minVal} is larger than maxVal ${maxVal}`)
  return apply(ops.hardTanh, x, minVal, maxVal)
}

/** min(max(x + 3, 0), 6) / 6. */
export function hardSigmoid(x: Tensor): Tensor {
  return wrap(ops.hardSigmoid(x.node))
}

/** x · hardSigmoid(x) (Howard et al., MobileNetV3, 2019). */
export function hardSwish(x: Tensor): Tensor {
  return wrap(ops.hardSwish(x.node))
}

/** x where positive, negativeSlope · x elsewhere (Maas et al. 2013). */
export function leakyRelu(x: Tensor, { negativeSlope = 0.01 }: { negativeSlope?: number } = {}): Tensor {
  return apply(ops.leakyRelu, x, negativeSlope)
}

/**
 * x where positive, weight · x elsewhere, the weight being learned (He et al. 2015): one number [1] for all, or one a
 * channel [C] of x [N, C, ...].
 */
export function prelu(x: Tensor, weight: Tensor): Tensor {
  const channels = x.rank >= 2 ? x.shape[1] : 1
  if (weight.size === 1) return wrap(ops.prelu(x.node, reshape(weight.node, [])))
  if (weight.rank !== 1 || weight.shape[0] !== channels) {
    throw new ShapeError(
      'prelu',
      `weight must be [1] or [${channels}], one number a channel of ${formatShape(x.shape)}, received ${formatShape(weight.shape)}`,
    )
  }
  const along = x.shape.map((n, d) => (d === 1 ? n : 1))
  return wrap(ops.prelu(x.node, reshape(weight.node, along)))
}

/** x where positive, alpha · (eˣ − 1) elsewhere (Clevert et al. 2015). */
export function elu(x: Tensor, { alpha = 1 }: { alpha?: number } = {}): Tensor {
  return apply(ops.elu, x, alpha)
}

/** max(0, x) + min(0, alpha · (e^{x / alpha} − 1)) (Barron 2017). */
export function celu(x: Tensor, { alpha = 1 }: { alpha?: number } = {}): Tensor {
  if (alpha === 0) throw new ValueError('celu', 'alpha must not be 0')
  return apply(ops.celu, x, alpha)
}

/** Self-normalising elu: 1.0507 · elu(x) with alpha 1.6733 (Klambauer et al. 2017). */
export function selu(x: Tensor): Tensor {
  return wrap(ops.selu(x.node))
}

/** x · Φ(x) (Hendrycks & Gimpel 2016); with `approximate: 'tanh'` the formula of BERT and GPT-2. */
export function gelu(x: Tensor, { approximate = 'none' }: { approximate?: 'none' | 'tanh' } = {}): Tensor {
  if (approximate !== 'none' && approximate !== 'tanh') {
    throw new ValueError('gelu', `approximate must be 'none' or 'tanh', received '${String(approximate)}'`)
  }
  return wrap(approximate === 'tanh' ? ops.geluTanh(x.node) : ops.gelu(x.node))
}

/** x · σ(x), also called swish (Elfwing et al. 2017). */
export function silu(x: Tensor): Tensor {
  return wrap(ops.silu(x.node))
}

/** x · tanh(ln(1 + eˣ)) (Misra 2019). */
export function mish(x: Tensor): Tensor {
  return wrap(ops.mish(x.node))
}

/** ln(1 + e^{beta · x}) / beta; x itself where beta · x > threshold. */
export function softplus(x: Tensor, { beta = 1, threshold = 20 }: { beta?: number; threshold?: number } = {}): Tensor {
  return apply(ops.softplus, x, beta, threshold)
}

/** ln σ(x), without overflow. */
export function logSigmoid(x: Tensor): Tensor {
  return wrap(ops.logSigmoid(x.node))
}

/** 1 / (1 + e⁻ˣ). */
export function sigmoid(x: Tensor): Tensor {
  return wrap(transcendental.sigmoid(x.node))
}

export function tanh(x: Tensor): Tensor {
  return wrap(transcendental.tanh(x.node))
}

/** x / (1 + |x|). */
export function softsign(x: Tensor): Tensor {
  return wrap(ops.softsign(x.node))
}

/** x − tanh x. */
export function tanhshrink(x: Tensor): Tensor {
  return wrap(ops.tanhshrink(x.node))
}

/** x where |x| > lambda, 0 elsewhere. */
export function hardShrink(x: Tensor, { lambda = 0.5 }: { lambda?: number } = {}): Tensor {
  return apply(ops.hardShrink, x, lambda)
}

/** x moved towards 0 by lambda ≥ 0, 0 within it. */
export function softshrink(x: Tensor, { lambda = 0.5 }: { lambda?: number } = {}): Tensor {
  if (!(lambda >= 0)) throw new ValueError('softshrink', `lambda must be ≥ 0, received ${lambda}`)
  return apply(ops.softshrink, x, lambda)
}

/** The first half of x along `dim` times σ of the second half (Dauphin et al. 2016). */
export function glu(x: Tensor, dim = -1): Tensor {
  const d = normalizeDim('glu', dim, x.rank)
  const size = x.shape[d] ?? 1
  if (size % 2 !== 0) {
    throw new ShapeError('glu', `dim ${dim} must have an even size, received ${formatShape(x.shape)}`)
  }
  const half = size / 2
  return wrap(mul(sliceDim(x.node, d, 0, half), transcendental.sigmoid(sliceDim(x.node, d, half, size))))
}

/** `fn` along `dim`; a scalar counts as one element. */
function along(op: string, x: Tensor, dim: number, fn: (x: Node, dim: number) => Node): Tensor {
  const d = normalizeDim(op, dim, x.rank)
  return wrap(x.rank === 0 ? reshape(fn(reshape(x.node, [1]), d), []) : fn(x.node, d))
}

/** exp(x) / Σ exp(x) along `dim`. */
export function softmax(x: Tensor, dim: number): Tensor {
  return along('softmax', x, dim, composite.softmax)
}

/** softmax(−x) along `dim`. */
export function softmin(x: Tensor, dim: number): Tensor {
  return along('softmin', x, dim, (node, d) => composite.softmax(neg(node), d))
}

/** ln softmax(x) along `dim`, without overflow. */
export function logSoftmax(x: Tensor, dim: number): Tensor {
  return along('logSoftmax', x, dim, composite.logSoftmax)
}

export interface RreluOptions extends SamplingOptions {
  /** Smallest slope. Default 1/8. */
  readonly lower?: number
  /** Largest slope. Default 1/3. */
  readonly upper?: number
  /** Draw a slope for each element; otherwise use the mean of both bounds. Default false. */
  readonly training?: boolean
}

/** x where positive, slope · x elsewhere, slopes uniform in [lower, upper) (Xu et al. 2015). */
export function rrelu(
  x: Tensor,
  { lower = 1 / 8, upper = 1 / 3, training = false, generator }: RreluOptions = {},
): Tensor {
  if (!(lower <= upper)) throw new ValueError('rrelu', `lower ${lower} is larger than upper ${upper}`)
  if (!training) return apply(ops.leakyRelu, x, (lower + upper) / 2)
  const unit = uniform(drawKey(generator), x.shape, x.dtype)
  const slopes = add(mul(unit, scalar(upper - lower, x.dtype)), scalar(lower, x.dtype))
  return wrap(ops.prelu(x.node, slopes))
}

export interface GumbelSoftmaxOptions extends SamplingOptions {
  /** Temperature. Default 1. */
  readonly tau?: number
  /** Give a one-hot sample whose gradient is that of the soft one. Default false. */
  readonly hard?: boolean
  /** Default −1. */
  readonly dim?: number
}

/** softmax((logits + g) / tau) with g drawn from the Gumbel distribution (Jang et al. 2016; Maddison et al. 2016). */
export function gumbelSoftmax(
  logits: Tensor,
  { tau = 1, hard = false, dim = -1, generator }: GumbelSoftmaxOptions = {},
): Tensor {
  if (!(tau > 0)) throw new ValueError('gumbelSoftmax', `tau must be positive, received ${tau}`)
  return along('gumbelSoftmax', logits, dim, (x, d) => {
    const gumbel = neg(transcendental.log(exponential(drawKey(generator), x.shape, x.dtype)))
    const soft = composite.softmax(div(add(x, gumbel), scalar(tau, x.dtype)), d)
    if (!hard) return soft
    const numbers = reshape(
      iota(x.shape[d]!),
      x.shape.map((n, i) => (i === d ? n : 1)),
    )
    const winner = reshape(argReduce(soft, 'max', d), keepDims(x.shape, [d]))
    const onehot = cast(equal(numbers, winner), x.dtype)
    return add(sub(onehot, detach(soft)), soft)
  })
}
