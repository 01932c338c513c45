import * as ops from '../../../graph/ops/binary-loss.ts'
import type { Node } from '../../../graph/node.ts'
import { broadcastShapes, formatShape, sameShape } from '../../../core/shape.ts'
import { ShapeError } from '../../../core/errors.ts'
import type { Tensor } from '../../../tensor/tensor.ts'
import { checkDType, checkPair, checkReduction, reduced, weighted, type WeightedLossOptions } from './reduction.ts'

export interface BceWithLogitsOptions extends WeightedLossOptions {
  /** Weight of positive samples against negative ones; broadcasts to the target. */
  readonly posWeight?: Tensor | null | undefined
}

function checkBroadcasts(op: string, name: string, weight: Tensor | null | undefined, input: Tensor): void {
  if (!weight) return
  checkDType(op, input, weight, name)
  if (!sameShape(broadcastShapes(op, weight.shape, input.shape), input.shape)) {
    throw new ShapeError(op, `${name} ${formatShape(weight.shape)} does not broadcast to ${formatShape(input.shape)}`)
  }
}

function binary(
  op: string,
  input: Tensor,
  target: Tensor,
  { weight, reduction = 'mean' }: WeightedLossOptions,
  losses: () => Node,
): Tensor {
  checkReduction(op, reduction)
  checkPair(op, input, target)
  checkBroadcasts(op, 'weight', weight, input)
  return reduced(op, weighted(losses(), weight), reduction, input)
}

/**
 * −weight · (y ln x + (1 − y) ln(1 − x)) of probabilities x (input) and y (target), one shape and dtype. Logarithms are
 * bounded by −100. Outside [0, 1] the loss is NaN; use {@link binaryCrossEntropyWithLogits} for raw scores.
 */
export function binaryCrossEntropy(input: Tensor, target: Tensor, options: WeightedLossOptions = {}): Tensor {
  return binary('binaryCrossEntropy', input, target, options, () => ops.bce(input.node, target.node))
}

/** {@link binaryCrossEntropy} of σ(input), for raw scores of any size. `posWeight` multiplies the y ln x part. */
export function binaryCrossEntropyWithLogits(
  input: Tensor,
  target: Tensor,
  options: BceWithLogitsOptions = {},
): Tensor {
  const op = 'binaryCrossEntropyWithLogits'
  const { posWeight } = options
  checkBroadcasts(op, 'posWeight', posWeight, input)
  return binary(op, input, target, options, () => ops.bceWithLogits(input.node, target.node, posWeight?.node))
}
