import type { Tensor } from '../../tensor/tensor.ts'
import { pairwiseDistance } from '../functional/distance.ts'
import {
  cosineEmbeddingLoss,
  hingeEmbeddingLoss,
  hingeLoss,
  type MarginOptions,
  marginRankingLoss,
  softMarginLoss,
  squaredHingeLoss,
  type TripletDistanceOptions,
  type TripletMarginOptions,
  tripletMarginLoss,
  tripletMarginWithDistanceLoss,
} from '../functional/losses/margin.ts'
import { Loss } from './loss.ts'

abstract class MarginLoss extends Loss {
  readonly margin: number

  constructor({ margin = 1, ...options }: MarginOptions = {}) {
    super(options)
    this.margin = margin
  }
}

/** max(0, margin − target · input) for targets of −1 and 1; margin 1 by default (Cortes & Vapnik 1995). */
export class HingeLoss extends MarginLoss {
  forward(input: Tensor, target: Tensor): Tensor {
    return hingeLoss(input, target, this)
  }
}

/** The square of {@link HingeLoss}. */
export class SquaredHingeLoss extends MarginLoss {
  forward(input: Tensor, target: Tensor): Tensor {
    return squaredHingeLoss(input, target, this)
  }
}

/** ln(1 + e^{−target · input}) for targets of −1 and 1. */
export class SoftMarginLoss extends Loss {
  forward(input: Tensor, target: Tensor): Tensor {
    return softMarginLoss(input, target, this)
  }
}

/** The input where the target is 1, max(0, margin − input) where it is −1; margin 1 by default. */
export class HingeEmbeddingLoss extends MarginLoss {
  forward(input: Tensor, target: Tensor): Tensor {
    return hingeEmbeddingLoss(input, target, this)
  }
}

/** max(0, −target · (input1 − input2) + margin) for targets of −1 and 1; margin 0 by default. */
export class MarginRankingLoss extends MarginLoss {
  constructor({ margin = 0, ...options }: MarginOptions = {}) {
    super({ margin, ...options })
  }

  forward(input1: Tensor, input2: Tensor, target: Tensor): Tensor {
    return marginRankingLoss(input1, input2, target, this)
  }
}

/** 1 − cos(input1, input2) where the target is 1, max(0, cos − margin) where it is −1; margin 0 by default. */
export class CosineEmbeddingLoss extends MarginLoss {
  constructor({ margin = 0, ...options }: MarginOptions = {}) {
    super({ margin, ...options })
  }

  forward(input1: Tensor, input2: Tensor, target: Tensor): Tensor {
    return cosineEmbeddingLoss(input1, input2, target, this)
  }
}

/** max(0, d(anchor, positive) − d(anchor, negative) + margin) with d the p-norm; margin 1 and p 2 by default. */
export class TripletMarginLoss extends MarginLoss {
  readonly p: number
  readonly eps: number
  readonly swap: boolean

  constructor({ p = 2, eps = 1e-6, swap = false, ...options }: TripletMarginOptions = {}) {
    super(options)
    this.p = p
    this.eps = eps
    this.swap = swap
  }

  forward(anchor: Tensor, positive: Tensor, negative: Tensor): Tensor {
    return tripletMarginLoss(anchor, positive, negative, this)
  }
}

/** {@link TripletMarginLoss} with a distance of one's own (default {@link pairwiseDistance}). */
export class TripletMarginWithDistanceLoss extends MarginLoss {
  readonly distanceFunction: (a: Tensor, b: Tensor) => Tensor
  readonly swap: boolean

  constructor({ distanceFunction = pairwiseDistance, swap = false, ...options }: TripletDistanceOptions = {}) {
    super(options)
    this.distanceFunction = distanceFunction
    this.swap = swap
  }

  forward(anchor: Tensor, positive: Tensor, negative: Tensor): Tensor {
    return tripletMarginWithDistanceLoss(anchor, positive, negative, this)
  }
}
