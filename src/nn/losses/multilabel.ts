import type { Tensor } from '../../tensor/tensor.ts'
import {
  type MultiMarginOptions,
  multiMarginLoss,
  multilabelMarginLoss,
  multilabelSoftMarginLoss,
} from '../functional/losses/multilabel.ts'
import type { WeightedLossOptions } from '../functional/losses/reduction.ts'
import type { Buffer } from '../parameter.ts'
import { Loss, weightBuffer } from './loss.ts'

/** Multi-class hinge loss of scores [N, C] and labels [N]: p 1 (or 2), margin 1 by default, `weight` [C] (Crammer & Singer 2001). */
export class MultiMarginLoss extends Loss {
  readonly p: 1 | 2
  readonly margin: number
  weight: Buffer | undefined

  constructor({ p = 1, margin = 1, weight, ...options }: MultiMarginOptions = {}) {
    super(options)
    this.p = p
    this.margin = margin
    this.weight = weightBuffer(weight)
  }

  forward(input: Tensor, target: Tensor): Tensor {
    return multiMarginLoss(input, target, this)
  }
}

/** Hinge loss between the scores of all listed labels and all others: target [N, C] lists labels and ends with −1. */
export class MultiLabelMarginLoss extends Loss {
  forward(input: Tensor, target: Tensor): Tensor {
    return multilabelMarginLoss(input, target, this)
  }
}

/** Binary cross-entropy of σ(input) against target [.., C], averaged over classes; `weight` broadcasts. */
export class MultiLabelSoftMarginLoss extends Loss {
  weight: Buffer | undefined

  constructor({ weight, ...options }: WeightedLossOptions = {}) {
    super(options)
    this.weight = weightBuffer(weight)
  }

  forward(input: Tensor, target: Tensor): Tensor {
    return multilabelSoftMarginLoss(input, target, this)
  }
}
