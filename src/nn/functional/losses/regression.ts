import { ShapeError, ValueError } from '../../../core/errors.ts'
import { formatShape, sameShape } from '../../../core/shape.ts'
import type { Node } from '../../../graph/node.ts'
import { abs, add, div, maximum, mul, sub } from '../../../graph/ops/arithmetic.ts'
import { xlogy } from '../../../graph/ops/derived.ts'
import { constant, scalar } from '../../../graph/ops/leaves.ts'
import { detach, less, where } from '../../../graph/ops/logic.ts'
import { type Reduction, reduceLoss } from '../../../graph/ops/loss.ts'
import { widened } from '../../../graph/ops/precision.ts'
import { exp, log } from '../../../graph/ops/transcendental.ts'
import { broadcastTo, reshape } from '../../../graph/ops/views.ts'
import { wrap } from '../../../tensor/base.ts'
import type { Tensor } from '../../../tensor/tensor.ts'
import {
  checkDType,
  checkPair,
  checkReduction,
  type LossOptions,
  reduced,
  type WeightedLossOptions,
} from './reduction.ts'

/** `value` in the dtype of x, as an argument of the run. */
const setting = (value: number, x: Node): Node => scalar(value, x.dtype)
const square = (x: Node): Node => mul(x, x)

/** Input minus target, checked. */
function difference(op: string, input: Tensor, target: Tensor): Node {
  checkPair(op, input, target)
  return sub(widened(input.node), widened(target.node))
}

/** Losses times a weight of their own shape; the mean is Σ weight · loss / Σ weight. */
function weightedMean(
  op: string,
  losses: Node,
  input: Tensor,
  { weight, reduction = 'mean' }: WeightedLossOptions,
): Tensor {
  checkReduction(op, reduction)
  if (!weight) return reduced(op, losses, reduction, input)
  const factors = weightNode(op, weight, input)
  const products = mul(losses, factors)
  if (reduction !== 'mean') return reduced(op, products, reduction, input)
  return wrap(div(reduceLoss(products, 'sum'), reduceLoss(factors, 'sum'))).to(input.dtype)
}

function weightNode(op: string, weight: Tensor, input: Tensor): Node {
  checkDType(op, input, weight, 'weight')
  if (!sameShape(weight.shape, input.shape)) {
    throw new ShapeError(
      op,
      `weight ${formatShape(weight.shape)} must have the input's shape ${formatShape(input.shape)}`,
    )
  }
  return widened(weight.node)
}

/** (input − target)², input and target of one shape. With `weight` the mean is Σ weight · loss / Σ weight. */
export function mseLoss(input: Tensor, target: Tensor, options: WeightedLossOptions = {}): Tensor {
  return weightedMean('mseLoss', square(difference('mseLoss', input, target)), input, options)
}

/** |input − target|, input and target of one shape. With `weight` the mean is Σ weight · loss / Σ weight. */
export function l1Loss(input: Tensor, target: Tensor, options: WeightedLossOptions = {}): Tensor {
  return weightedMean('l1Loss', abs(difference('l1Loss', input, target)), input, options)
}

export interface SmoothL1Options extends LossOptions {
  /** Where the parabola ends; 0 gives {@link l1Loss}. Default 1. */
  readonly beta?: number
}

/** With d = |input − target|: d² / (2 · beta) below beta, d − beta / 2 above (Girshick 2015). */
export function smoothL1Loss(
  input: Tensor,
  target: Tensor,
  { beta = 1, reduction = 'mean' }: SmoothL1Options = {},
): Tensor {
  const op = 'smoothL1Loss'
  if (!(beta >= 0)) throw new ValueError(op, `beta must be ≥ 0, received ${beta}`)
  const d = difference(op, input, target)
  const size = abs(d)
  if (beta === 0) return reduced(op, size, reduction, input)
  const parabola = div(square(d), setting(2 * beta, d))
  const line = sub(size, setting(beta / 2, d))
  return reduced(op, where(less(size, setting(beta, d)), parabola, line), reduction, input)
}

export interface HuberOptions extends WeightedLossOptions {
  /** Where the parabola ends. Default 1. */
  readonly delta?: number
}

/** With d = |input − target|: d² / 2 up to delta, delta · (d − delta / 2) above (Huber 1964). The weight does not divide the mean. */
export function huberLoss(
  input: Tensor,
  target: Tensor,
  { delta = 1, weight, reduction = 'mean' }: HuberOptions = {},
): Tensor {
  const op = 'huberLoss'
  if (!(delta > 0)) throw new ValueError(op, `delta must be positive, received ${delta}`)
  const d = difference(op, input, target)
  const size = abs(d)
  const parabola = mul(square(d), constant(0.5, d.dtype))
  const line = mul(sub(size, setting(delta / 2, d)), setting(delta, d))
  const losses = where(less(setting(delta, d), size), line, parabola)
  return reduced(op, weight ? mul(losses, weightNode(op, weight, input)) : losses, reduction, input)
}

export interface PoissonNllOptions extends LossOptions {
  /** The input is the logarithm of the rate. Default true. */
  readonly logInput?: boolean
  /** Add Stirling's approximation of ln(target!) for targets above 1. Default false. */
  readonly full?: boolean
  /** Added to the rate before its logarithm is taken. Default 1e-8. */
  readonly eps?: number
}

/** Negative log-likelihood of counts under Poisson rates: e^x − t · x, or x − t · ln(x + eps) without `logInput`. */
export function poissonNllLoss(
  input: Tensor,
  target: Tensor,
  { logInput = true, full = false, eps = 1e-8, reduction = 'mean' }: PoissonNllOptions = {},
): Tensor {
  const op = 'poissonNllLoss'
  checkPair(op, input, target)
  const [x, t] = [widened(input.node), widened(target.node)]
  const losses = logInput ? sub(exp(x), mul(t, x)) : sub(x, mul(t, log(add(x, setting(eps, x)))))
  return reduced(op, full ? add(losses, stirling(t)) : losses, reduction, input)
}

/** t ln t − t + ½ ln(2πt) where t > 1, 0 elsewhere. */
function stirling(t: Node): Node {
  const large = less(constant(1, t.dtype), t)
  const safe = where(large, t, constant(1, t.dtype))
  const half = mul(log(mul(safe, constant(2 * Math.PI, t.dtype))), constant(0.5, t.dtype))
  return where(large, add(sub(mul(safe, log(safe)), safe), half), constant(0, t.dtype))
}

export interface GaussianNllOptions extends LossOptions {
  /** Add the constant ½ ln 2π. Default false. */
  readonly full?: boolean
  /** Smallest variance; the derivative passes as if there were none. Default 1e-6. */
  readonly eps?: number
}

/**
 * ½ (ln v + (input − target)² / v), v = max(variance, eps) (Nix & Weigend 1994). The variance is a number ≥ 0, or a tensor of
 * the input's shape, or one whose last size is 1 or missing.
 */
export function gaussianNllLoss(
  input: Tensor,
  target: Tensor,
  variance: Tensor | number,
  { full = false, eps = 1e-6, reduction = 'mean' }: GaussianNllOptions = {},
): Tensor {
  const op = 'gaussianNllLoss'
  checkPair(op, input, target)
  const x = widened(input.node)
  const v = varianceNode(op, input, variance)
  const raised = add(v, sub(maximum(detach(v), setting(eps, v)), detach(v)))
  const distance = square(sub(x, widened(target.node)))
  let losses = mul(add(log(raised), div(distance, raised)), constant(0.5, x.dtype))
  if (full) losses = add(losses, constant(0.5 * Math.log(2 * Math.PI), x.dtype))
  return reduced(op, losses, reduction, input)
}

function varianceNode(op: string, input: Tensor, variance: Tensor | number): Node {
  const dtype = widened(input.node).dtype
  if (typeof variance === 'number') {
    if (!(variance >= 0)) throw new ValueError(op, `variance must be ≥ 0, received ${variance}`)
    return broadcastTo(scalar(variance, dtype), input.shape)
  }
  checkDType(op, input, variance, 'variance')
  const wide = widened(variance.node)
  if (sameShape(variance.shape, input.shape)) return wide
  if (sameShape(variance.shape, input.shape.slice(0, -1))) return reshape(wide, [...variance.shape, 1])
  const differing = input.shape.filter((n, d) => n !== variance.shape[d])
  const onlyOne = variance.rank === input.rank && differing.length === 1 && variance.size * differing[0]! === input.size
  if (onlyOne) return wide
  throw new ShapeError(
    op,
    `variance ${formatShape(variance.shape)} must have the input's shape ${formatShape(input.shape)}, or size 1 in one dimension`,
  )
}

export interface KlDivOptions {
  /** `'batchmean'` is the sum divided by the first size, the mean that the definition asks for. Default `'mean'`. */
  readonly reduction?: Reduction | 'batchmean'
  /** The target holds logarithms too. Default false. */
  readonly logTarget?: boolean
}

/**
 * Kullback-Leibler divergence t · (ln t − input), element by element, of log-probabilities `input` from probabilities t
 * (target). 0 · ln 0 counts as 0.
 */
export function klDiv(
  input: Tensor,
  target: Tensor,
  { reduction = 'mean', logTarget = false }: KlDivOptions = {},
): Tensor {
  const op = 'klDiv'
  checkPair(op, input, target)
  const [x, t] = [widened(input.node), widened(target.node)]
  const losses = logTarget ? mul(exp(t), sub(t, x)) : sub(xlogy(t, t), mul(t, x))
  if (reduction !== 'batchmean') return reduced(op, losses, reduction, input)
  const rows = input.rank === 0 ? 1 : input.shape[0]!
  return wrap(mul(reduceLoss(losses, 'sum'), constant(1 / rows, losses.dtype))).to(input.dtype)
}
