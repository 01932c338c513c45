import { isFloating } from '../../../core/dtype.ts'
import { DTypeError, ShapeError, ValueError } from '../../../core/errors.ts'
import { formatShape, sameShape } from '../../../core/shape.ts'
import type { Node } from '../../../graph/node.ts'
import { add, mul, neg } from '../../../graph/ops/arithmetic.ts'
import { logSoftmax } from '../../../graph/ops/composite.ts'
import { contract } from '../../../graph/ops/contract.ts'
import { constant } from '../../../graph/ops/leaves.ts'
import { cast } from '../../../graph/ops/logic.ts'
import * as ops from '../../../graph/ops/loss.ts'
import { widened } from '../../../graph/ops/precision.ts'
import { reduce } from '../../../graph/ops/reduce.ts'
import { reshape } from '../../../graph/ops/views.ts'
import { wrap } from '../../../tensor/base.ts'
import type { Tensor } from '../../../tensor/tensor.ts'
import { checkReduction, type WeightedLossOptions } from './reduction.ts'

export interface NllLossOptions extends WeightedLossOptions {
  /** Samples with this label do not count. Default −100. */
  readonly ignoreIndex?: number
}

export interface CrossEntropyOptions extends NllLossOptions {
  /** 0 to 1: this share of the target is spread evenly over all classes (Szegedy et al. 2016). Default 0. */
  readonly labelSmoothing?: number
}

/** Calls `fn` with a batch dimension, which one sample [C] lacks. */
function withBatch(op: string, input: Tensor, target: Tensor, fn: (x: Node, t: Node) => Node): Tensor {
  if (input.rank === 0) throw new ShapeError(op, 'expects an input [N, C, ...] or [C], received a scalar')
  if (input.rank > 1) return wrap(fn(input.node, target.node))
  const y = fn(reshape(input.node, [1, ...input.shape]), reshape(target.node, [1, ...target.shape]))
  return wrap(y.shape.length === 0 ? y : reshape(y, y.shape.slice(1)))
}

/**
 * Negative log-likelihood: −weight_t · input_t of log-probabilities input [N, C, d1, ...] (or [C]) at the labels
 * target [N, d1, ...], int32. The mean is Σ losses / Σ weights of the samples that count.
 * A label outside [0, C) that is not `ignoreIndex` gives an {@link IndexError} when the data is looked at.
 */
export function nllLoss(
  input: Tensor,
  target: Tensor,
  { weight, ignoreIndex = -100, reduction = 'mean' }: NllLossOptions = {},
): Tensor {
  checkReduction('nllLoss', reduction)
  return withBatch('nllLoss', input, target, (x, t) =>
    ops.nllLoss(x, t, weight?.node, { reduction, ignoreIndex, labelSmoothing: 0 }),
  )
}

/**
 * Cross-entropy between logits input [N, C, d1, ...] (or [C]) and target: class labels [N, d1, ...] (int32 or uint8), or
 * probabilities of the input's shape and dtype. `weight` [C] holds one factor a class; with labels the mean is Σ losses /
 * Σ weights of the samples that count, with probabilities Σ losses / number of samples.
 *
 * Throws a {@link ShapeError} where the target does not fit, a {@link DTypeError} for a target of another dtype, and an
 * {@link IndexError} for a label outside [0, C) that is not `ignoreIndex`, when the data is looked at.
 */
export function crossEntropy(
  input: Tensor,
  target: Tensor,
  { weight, ignoreIndex = -100, labelSmoothing = 0, reduction = 'mean' }: CrossEntropyOptions = {},
): Tensor {
  const op = 'crossEntropy'
  checkReduction(op, reduction)
  if (!(labelSmoothing >= 0 && labelSmoothing <= 1)) {
    throw new ValueError(op, `labelSmoothing must be between 0 and 1, received ${labelSmoothing}`)
  }
  const attrs: ops.ClassLoss = { reduction, ignoreIndex, labelSmoothing }
  if (!isFloating(target.dtype)) {
    return withBatch(op, input, target, (x, t) => ops.crossEntropy(x, t, weight?.node, attrs))
  }
  if (!sameShape(input.shape, target.shape)) {
    throw new ShapeError(
      op,
      `probabilities must have the input's shape ${formatShape(input.shape)}, received ${formatShape(target.shape)}; class labels must be int32`,
    )
  }
  if (target.dtype !== input.dtype) {
    throw new DTypeError(op, `input is ${input.dtype}, probabilities are ${target.dtype}; convert one with .to(dtype)`)
  }
  return withBatch(op, input, target, (x, t) => softCrossEntropy(x, t, weight?.node, attrs))
}

/** −Σ_c q_c w_c ln softmax(x)_c with q the smoothed probabilities. */
function softCrossEntropy(
  x: Node,
  q: Node,
  weight: Node | undefined,
  { reduction, labelSmoothing }: ops.ClassLoss,
): Node {
  const classes = x.shape[1]!
  if (weight && (weight.shape.length !== 1 || weight.shape[0] !== classes)) {
    throw new ShapeError(
      'crossEntropy',
      `weight holds one number a class: expected [${classes}], received ${formatShape(weight.shape)}`,
    )
  }
  const logs = logSoftmax(widened(x), 1)
  let target = widened(q)
  if (labelSmoothing > 0) {
    const kept = mul(target, constant(1 - labelSmoothing, logs.dtype))
    target = add(kept, constant(labelSmoothing / classes, logs.dtype))
  }
  const along = x.shape.map((n, d) => (d === 1 ? n : 1))
  const terms = mul(target, weight ? mul(logs, reshape(cast(weight, logs.dtype), along)) : logs)
  return cast(ops.reduceLoss(neg(reduce(terms, 'sum', [1])), reduction), x.dtype)
}

export interface LinearCrossEntropyOptions extends CrossEntropyOptions {
  /** Added to the logits: [C, ...]. */
  readonly linearBias?: Tensor | null | undefined
}

/**
 * {@link crossEntropy} of input · linearWeightᵀ + linearBias: input [N, in] or [in], linearWeight [C, ..., in], target as for
 * logits [N, C, ...].
 */
export function linearCrossEntropy(
  input: Tensor,
  linearWeight: Tensor,
  target: Tensor,
  { linearBias, ...options }: LinearCrossEntropyOptions = {},
): Tensor {
  const op = 'linearCrossEntropy'
  if (
    (input.rank !== 1 && input.rank !== 2) ||
    linearWeight.rank < 2 ||
    input.shape.at(-1) !== linearWeight.shape.at(-1)
  ) {
    throw new ShapeError(
      op,
      `input ${formatShape(input.shape)} does not fit linearWeight [C, ..., in] ${formatShape(linearWeight.shape)}: the last sizes must be equal`,
    )
  }
  if (linearBias && !sameShape(linearBias.shape, linearWeight.shape.slice(0, -1))) {
    throw new ShapeError(
      op,
      `linearBias must be ${formatShape(linearWeight.shape.slice(0, -1))}, received ${formatShape(linearBias.shape)}`,
    )
  }
  const product = contract(input.node, linearWeight.node, {
    batch: [[], []],
    reduce: [[input.rank - 1], [linearWeight.rank - 1]],
  })
  return crossEntropy(wrap(linearBias ? add(product, linearBias.node) : product), target, options)
}
