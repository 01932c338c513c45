import type { Tensor } from '../../tensor/tensor.ts'
import {
  type BceWithLogitsOptions,
  binaryCrossEntropy,
  binaryCrossEntropyWithLogits,
} from '../functional/losses/binary.ts'
import type { WeightedLossOptions } from '../functional/losses/reduction.ts'
import type { Buffer } from '../parameter.ts'
import { Loss, weightBuffer } from './loss.ts'

/** Binary cross-entropy of probabilities; `weight` broadcasts. Prefer {@link BCEWithLogitsLoss}. */
export class BCELoss extends Loss {
  weight: Buffer | undefined

  constructor({ weight, ...options }: WeightedLossOptions = {}) {
    super(options)
    this.weight = weightBuffer(weight)
  }

  forward(input: Tensor, target: Tensor): Tensor {
    return binaryCrossEntropy(input, target, this)
  }
}

/** Binary cross-entropy of σ(input), without overflow; `weight` and `posWeight` (of positive samples) broadcast. */
export class BCEWithLogitsLoss extends Loss {
  weight: Buffer | undefined
  posWeight: Buffer | undefined

  constructor({ weight, posWeight, ...options }: BceWithLogitsOptions = {}) {
    super(options)
    this.weight = weightBuffer(weight)
    this.posWeight = weightBuffer(posWeight)
  }

  forward(input: Tensor, target: Tensor): Tensor {
    return binaryCrossEntropyWithLogits(input, target, this)
  }
}
