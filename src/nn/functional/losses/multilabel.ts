import { DTypeError, ShapeError, ValueError } from '../../../core/errors.ts'
import { formatShape, sameShape } from '../../../core/shape.ts'
import type { Node } from '../../../graph/node.ts'
import { add, maximum, mul, neg, sub } from '../../../graph/ops/arithmetic.ts'
import { logSigmoid } from '../../../graph/ops/activation.ts'
import { cumulative } from '../../../graph/ops/cumulative.ts'
import { gather, scatter } from '../../../graph/ops/indexing.ts'
import { constant, iota, scalar } from '../../../graph/ops/leaves.ts'
import { and, cast, equal, logicalNot, notEqual, where } from '../../../graph/ops/logic.ts'
import { checkedLabels } from '../../../graph/ops/loss.ts'
import { widened } from '../../../graph/ops/precision.ts'
import { reduce } from '../../../graph/ops/reduce.ts'
import { broadcastTo, reshape } from '../../../graph/ops/views.ts'
import type { Tensor } from '../../../tensor/tensor.ts'
import {
  checkDType,
  checkFloating,
  checkPair,
  type LossOptions,
  reduced,
  weighted,
  type WeightedLossOptions,
} from './reduction.ts'

export interface MultiMarginOptions extends WeightedLossOptions {
  /** 1 or 2: the power of each violation. Default 1. */
  readonly p?: 1 | 2
  /** Default 1. */
  readonly margin?: number
}

/** Rows [N, C] of an input [N, C] or [C], and whether it was a batch. */
function rowsOf(op: string, input: Tensor): Node {
  checkFloating(op, input)
  if ((input.rank !== 1 && input.rank !== 2) || input.shape.at(-1) === 0) {
    throw new ShapeError(op, `expects an input [N, C] or [C] with C ≥ 1, received ${formatShape(input.shape)}`)
  }
  const wide = widened(input.node)
  return input.rank === 2 ? wide : reshape(wide, [1, ...input.shape])
}

/** Losses [N] of a batch, or the only one. */
function perSample(losses: Node, input: Tensor): Node {
  return input.rank === 2 ? losses : reshape(losses, [])
}

/**
 * Multi-class hinge loss Σ_{j ≠ t} weight_t · max(0, margin − x_t + x_j)^p / C (Crammer & Singer 2001): input x [N, C] or [C],
 * labels t [N] int32, weight [C]. A label outside [0, C) gives an {@link IndexError} when the data is looked at.
 */
export function multiMarginLoss(
  input: Tensor,
  target: Tensor,
  { p = 1, margin = 1, weight, reduction = 'mean' }: MultiMarginOptions = {},
): Tensor {
  const op = 'multiMarginLoss'
  if (p !== 1 && p !== 2) throw new ValueError(op, `p must be 1 or 2, received ${String(p)}`)
  const x = rowsOf(op, input)
  const [n, classes] = x.shape as [number, number]
  if (target.size !== n || target.rank !== input.rank - 1) {
    throw new ShapeError(
      op,
      `input ${formatShape(input.shape)} takes one label a sample, received a target ${formatShape(target.shape)}`,
    )
  }
  const labels = reshape(checkedLabels(target.node, { classes, label: op }), [n, 1])
  const own = gather(x, labels, 1, op)
  const short = maximum(add(sub(scalar(margin, x.dtype), own), x), constant(0, x.dtype))
  let costs = p === 2 ? mul(short, short) : short
  if (weight) {
    checkDType(op, input, weight, 'weight')
    if (!sameShape(weight.shape, [classes])) {
      throw new ShapeError(
        op,
        `weight holds one number a class: expected [${classes}], received ${formatShape(weight.shape)}`,
      )
    }
    costs = mul(costs, reshape(gather(widened(weight.node), reshape(labels, [n]), 0, op), [n, 1]))
  }
  const isOwn = equal(reshape(iota(classes), [1, classes]), labels)
  const others = where(isOwn, constant(0, x.dtype), costs)
  const losses = mul(reduce(others, 'sum', [1]), constant(1 / classes, x.dtype))
  return reduced(op, perSample(losses, input), reduction, input)
}

/**
 * Σ_{i ∈ targets} Σ_{j ∉ targets} max(0, 1 − (x_i − x_j)) / C: input x [N, C] or [C]; target of the same shape, int32, lists
 * labels and ends with −1. A label outside [0, C) before it gives an {@link IndexError} when the data is looked at.
 */
export function multilabelMarginLoss(input: Tensor, target: Tensor, { reduction = 'mean' }: LossOptions = {}): Tensor {
  const op = 'multilabelMarginLoss'
  const x = rowsOf(op, input)
  const [n, classes] = x.shape as [number, number]
  if (!sameShape(target.shape, input.shape)) {
    throw new ShapeError(op, `input ${formatShape(input.shape)} and target ${formatShape(target.shape)} differ`)
  }
  if (target.dtype !== 'int32') {
    throw new DTypeError(op, `class labels must be int32 (−1 ends a list), received ${target.dtype}`)
  }
  const listed = reshape(target.node, x.shape)
  const listing = equal(cumulative(cast(equal(listed, constant(-1, 'int32')), 'int32'), 'max', 1), constant(0, 'int32'))
  const wanted = where(listing, listed, constant(-1, 'int32'))
  const labels = checkedLabels(wanted, { classes, label: op, ignoreIndex: -1 })
  const marks = scatter(broadcastTo(constant(0, 'int32'), x.shape), labels, cast(listing, 'int32'), 1, 'add', op)
  const isTarget = notEqual(marks, constant(0, 'int32'))
  const own = gather(x, labels, 1, op)
  const [i, j] = [
    [n, classes, 1],
    [n, 1, classes],
  ]
  const violation = maximum(add(sub(constant(1, x.dtype), reshape(own, i!)), reshape(x, j!)), constant(0, x.dtype))
  const counts = and(reshape(listing, i!), reshape(logicalNot(isTarget), j!))
  const sums = reduce(where(counts, violation, constant(0, x.dtype)), 'sum', [1, 2])
  return reduced(op, perSample(mul(sums, constant(1 / classes, x.dtype)), input), reduction, input)
}

/**
 * −mean over classes of y ln σ(x) + (1 − y) ln σ(−x): input x and target y [.., C] of one shape, weight broadcasts; one loss a
 * sample.
 */
export function multilabelSoftMarginLoss(
  input: Tensor,
  target: Tensor,
  { weight, reduction = 'mean' }: WeightedLossOptions = {},
): Tensor {
  const op = 'multilabelSoftMarginLoss'
  checkPair(op, input, target)
  if (input.rank === 0) throw new ShapeError(op, 'expects an input [.., C], received a scalar')
  const [x, y] = [widened(input.node), widened(target.node)]
  const positive = mul(y, logSigmoid(x))
  const negative = mul(sub(constant(1, y.dtype), y), logSigmoid(neg(x)))
  const losses = weighted(neg(add(positive, negative)), weight)
  const classes = input.shape.at(-1)!
  const each = mul(reduce(losses, 'sum', [input.rank - 1]), constant(1 / classes, x.dtype))
  return reduced(op, each, reduction, input)
}
