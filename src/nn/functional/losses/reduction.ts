import { isFloating } from '../../../core/dtype.ts'
import { DTypeError, ShapeError, ValueError } from '../../../core/errors.ts'
import { formatShape, sameShape } from '../../../core/shape.ts'
import type { Node } from '../../../graph/node.ts'
import { mul } from '../../../graph/ops/arithmetic.ts'
import { cast } from '../../../graph/ops/logic.ts'
import { reduceLoss, type Reduction } from '../../../graph/ops/loss.ts'
import { widened } from '../../../graph/ops/precision.ts'
import { wrap } from '../../../tensor/base.ts'
import type { Tensor } from '../../../tensor/tensor.ts'

export type { Reduction } from '../../../graph/ops/loss.ts'

export interface LossOptions {
  /** `'mean'` and `'sum'` give a scalar, `'none'` the loss of each element or sample. Default `'mean'`. */
  readonly reduction?: Reduction
}

export interface WeightedLossOptions extends LossOptions {
  /** Factor of each element's loss; broadcasts. */
  readonly weight?: Tensor | null | undefined
}

const reductions: readonly string[] = ['mean', 'sum', 'none']

export function checkReduction(op: string, reduction: string): void {
  if (!reductions.includes(reduction)) {
    throw new ValueError(op, `reduction must be 'mean', 'sum' or 'none', received '${reduction}'`)
  }
}

/** The losses of all elements (in the dtype of computing), joined and converted to `dtype`. */
export function reduced(op: string, losses: Node, reduction: Reduction, like: Tensor): Tensor {
  checkReduction(op, reduction)
  return wrap(cast(reduceLoss(widened(losses), reduction), like.dtype))
}

/** Input and target of a loss that compares element with element: one shape, one floating dtype. */
export function checkPair(op: string, input: Tensor, target: Tensor): void {
  checkFloating(op, input)
  if (!sameShape(input.shape, target.shape)) {
    throw new ShapeError(
      op,
      `input ${formatShape(input.shape)} and target ${formatShape(target.shape)} differ; reshape or expand one of them`,
    )
  }
  checkDType(op, input, target)
}

export function checkFloating(op: string, input: Tensor): void {
  if (!isFloating(input.dtype)) {
    throw new DTypeError(op, `expects a floating input, received ${input.dtype}; convert with .to('float32')`)
  }
}

export function checkDType(op: string, input: Tensor, target: Tensor, name = 'target'): void {
  if (target.dtype !== input.dtype) {
    throw new DTypeError(
      op,
      `input is ${input.dtype}, ${name} is ${target.dtype}; convert the ${name} with .to('${input.dtype}')`,
    )
  }
}

/** Losses times a weight that broadcasts to them. */
export function weighted(losses: Node, weight: Tensor | null | undefined): Node {
  return weight ? mul(losses, cast(weight.node, losses.dtype)) : losses
}
