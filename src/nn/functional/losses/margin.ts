import { ShapeError, ValueError } from '../../../core/errors.ts'
import { broadcastShapes, formatShape } from '../../../core/shape.ts'
import type { Node } from '../../../graph/node.ts'
import { abs, add, div, maximum, minimum, mul, neg, sqrt, sub } from '../../../graph/ops/arithmetic.ts'
import { constant, scalar } from '../../../graph/ops/leaves.ts'
import { equal, where } from '../../../graph/ops/logic.ts'
import { widened } from '../../../graph/ops/precision.ts'
import { reduce } from '../../../graph/ops/reduce.ts'
import { exp, log1p } from '../../../graph/ops/transcendental.ts'
import type { Tensor } from '../../../tensor/tensor.ts'
import { pairwiseDistance } from '../distance.ts'
import { checkDType, checkFloating, checkPair, type LossOptions, reduced } from './reduction.ts'

export interface MarginOptions extends LossOptions {
  /** How far apart is far enough. */
  readonly margin?: number
}

const setting = (value: number, x: Node): Node => scalar(value, x.dtype)
const positive = (x: Node): Node => maximum(x, constant(0, x.dtype))

/** max(0, margin − target · input) for targets of −1 and 1 (Cortes & Vapnik 1995). Default margin 1. */
export function hingeLoss(
  input: Tensor,
  target: Tensor,
  { margin = 1, reduction = 'mean' }: MarginOptions = {},
): Tensor {
  return reduced('hingeLoss', hinge('hingeLoss', input, target, margin), reduction, input)
}

/** The square of {@link hingeLoss}. */
export function squaredHingeLoss(
  input: Tensor,
  target: Tensor,
  { margin = 1, reduction = 'mean' }: MarginOptions = {},
): Tensor {
  const losses = hinge('squaredHingeLoss', input, target, margin)
  return reduced('squaredHingeLoss', mul(losses, losses), reduction, input)
}

function hinge(op: string, input: Tensor, target: Tensor, margin: number): Node {
  checkPair(op, input, target)
  const x = widened(input.node)
  return positive(sub(setting(margin, x), mul(x, widened(target.node))))
}

/** ln(1 + e^{−target · input}) for targets of −1 and 1, without overflow. */
export function softMarginLoss(input: Tensor, target: Tensor, { reduction = 'mean' }: LossOptions = {}): Tensor {
  checkPair('softMarginLoss', input, target)
  const z = neg(mul(widened(input.node), widened(target.node)))
  return reduced('softMarginLoss', add(positive(z), log1p(exp(neg(abs(z))))), reduction, input)
}

/** The input where the target is 1, max(0, margin − input) where it is −1. Default margin 1. */
export function hingeEmbeddingLoss(
  input: Tensor,
  target: Tensor,
  { margin = 1, reduction = 'mean' }: MarginOptions = {},
): Tensor {
  checkPair('hingeEmbeddingLoss', input, target)
  const x = widened(input.node)
  const t = widened(target.node)
  const zero = constant(0, x.dtype)
  const apart = where(equal(t, constant(1, t.dtype)), zero, positive(sub(setting(margin, x), x)))
  const together = where(equal(t, constant(-1, t.dtype)), zero, x)
  return reduced('hingeEmbeddingLoss', add(together, apart), reduction, input)
}

/** max(0, −target · (input1 − input2) + margin): target 1 wants input1 larger, −1 input2. Default margin 0. */
export function marginRankingLoss(
  input1: Tensor,
  input2: Tensor,
  target: Tensor,
  { margin = 0, reduction = 'mean' }: MarginOptions = {},
): Tensor {
  const op = 'marginRankingLoss'
  checkFloating(op, input1)
  checkDType(op, input1, input2, 'input2')
  checkDType(op, input1, target)
  if (input1.rank !== input2.rank || input1.rank !== target.rank) {
    throw new ShapeError(
      op,
      `inputs and target must have equally many dimensions, received ${formatShape(input1.shape)}, ${formatShape(input2.shape)} and ${formatShape(target.shape)}`,
    )
  }
  broadcastShapes(op, input1.shape, input2.shape, target.shape)
  const distance = sub(widened(input1.node), widened(input2.node))
  const losses = positive(sub(setting(margin, distance), mul(widened(target.node), distance)))
  return reduced(op, losses, reduction, input1)
}

/**
 * 1 − cos(input1, input2) where the target is 1, max(0, cos(input1, input2) − margin) where it is −1: inputs [N, D] and
 * target [N], or [D] and a scalar. Default margin 0.
 */
export function cosineEmbeddingLoss(
  input1: Tensor,
  input2: Tensor,
  target: Tensor,
  { margin = 0, reduction = 'mean' }: MarginOptions = {},
): Tensor {
  const op = 'cosineEmbeddingLoss'
  checkPair(op, input1, input2)
  if (
    (input1.rank !== 1 && input1.rank !== 2) ||
    target.rank !== input1.rank - 1 ||
    target.shape[0] !== (input1.rank === 2 ? input1.shape[0] : undefined)
  ) {
    throw new ShapeError(
      op,
      `expects inputs [N, D] with target [N], or [D] with a scalar; received ${formatShape(input1.shape)} and ${formatShape(target.shape)}`,
    )
  }
  const [a, b] = [widened(input1.node), widened(input2.node)]
  const last = [a.shape.length - 1]
  const eps = constant(1e-12, a.dtype)
  const dot = reduce(mul(a, b), 'sum', last)
  const squares = mul(add(reduce(mul(a, a), 'sum', last), eps), add(reduce(mul(b, b), 'sum', last), eps))
  const cosine = div(dot, sqrt(squares))
  const t = widened(target.node)
  const zero = constant(0, a.dtype)
  const near = where(equal(t, constant(1, t.dtype)), sub(constant(1, a.dtype), cosine), zero)
  const far = where(equal(t, constant(-1, t.dtype)), positive(sub(cosine, setting(margin, a))), zero)
  return reduced(op, add(near, far), reduction, input1)
}

export interface TripletMarginOptions extends MarginOptions {
  /** Which norm measures distance. Default 2. */
  readonly p?: number
  /** Added to differences. Default 1e-6. */
  readonly eps?: number
  /** Use the distance between positive and negative where it is smaller (Balntas et al. 2016). Default false. */
  readonly swap?: boolean
}

/**
 * max(0, d(anchor, positive) − d(anchor, negative) + margin) with d the p-norm of the difference along the last dimension:
 * [N, D] each → [N] (Schroff et al. 2015). Default margin 1.
 */
export function tripletMarginLoss(
  anchor: Tensor,
  positive: Tensor,
  negative: Tensor,
  { p = 2, eps = 1e-6, ...options }: TripletMarginOptions = {},
): Tensor {
  const distanceFunction = (a: Tensor, b: Tensor): Tensor => pairwiseDistance(a, b, { p, eps })
  return triplet('tripletMarginLoss', anchor, positive, negative, { ...options, distanceFunction })
}

export interface TripletDistanceOptions extends MarginOptions {
  /** Default {@link pairwiseDistance}. */
  readonly distanceFunction?: (a: Tensor, b: Tensor) => Tensor
  /** Use the distance between positive and negative where it is smaller. Default false. */
  readonly swap?: boolean
}

/** {@link tripletMarginLoss} with a distance of one's own. */
export function tripletMarginWithDistanceLoss(
  anchor: Tensor,
  positive: Tensor,
  negative: Tensor,
  options: TripletDistanceOptions = {},
): Tensor {
  return triplet('tripletMarginWithDistanceLoss', anchor, positive, negative, options)
}

function triplet(
  op: string,
  anchor: Tensor,
  near: Tensor,
  far: Tensor,
  { distanceFunction = pairwiseDistance, margin = 1, swap = false, reduction = 'mean' }: TripletDistanceOptions,
): Tensor {
  if (!(margin > 0)) throw new ValueError(op, `margin must be positive, received ${margin}`)
  if (anchor.rank !== near.rank || near.rank !== far.rank) {
    throw new ShapeError(
      op,
      `anchor, positive and negative must have equally many dimensions, received ${formatShape(anchor.shape)}, ${formatShape(near.shape)} and ${formatShape(far.shape)}`,
    )
  }
  const toNear = widened(distanceFunction(anchor, near).node)
  let toFar = widened(distanceFunction(anchor, far).node)
  if (swap) toFar = minimum(toFar, widened(distanceFunction(near, far).node))
  return reduced(op, positive(add(setting(margin, toNear), sub(toNear, toFar))), reduction, anchor)
}
