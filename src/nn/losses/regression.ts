import type { Tensor } from '../../tensor/tensor.ts'
import type { LossOptions, Reduction } from '../functional/losses/reduction.ts'
import {
  type GaussianNllOptions,
  gaussianNllLoss,
  huberLoss,
  type KlDivOptions,
  klDiv,
  l1Loss,
  mseLoss,
  type PoissonNllOptions,
  poissonNllLoss,
  type SmoothL1Options,
  smoothL1Loss,
} from '../functional/losses/regression.ts'
import { describe } from '../describe.ts'
import { Module } from '../module.ts'
import { Loss } from './loss.ts'

/** Squared error (input − target)². */
export class MSELoss extends Loss {
  forward(input: Tensor, target: Tensor): Tensor {
    return mseLoss(input, target, this)
  }
}

/** Absolute error |input − target|. */
export class L1Loss extends Loss {
  forward(input: Tensor, target: Tensor): Tensor {
    return l1Loss(input, target, this)
  }
}

/** Squared error / (2 · `beta`) below beta (default 1), absolute error − beta / 2 above (Girshick 2015). */
export class SmoothL1Loss extends Loss {
  readonly beta: number

  constructor({ beta = 1, ...options }: SmoothL1Options = {}) {
    super(options)
    this.beta = beta
  }

  forward(input: Tensor, target: Tensor): Tensor {
    return smoothL1Loss(input, target, this)
  }
}

/** Half the squared error up to `delta` (default 1), delta · (absolute error − delta / 2) above (Huber 1964). */
export class HuberLoss extends Loss {
  readonly delta: number

  constructor({ delta = 1, ...options }: LossOptions & { delta?: number } = {}) {
    super(options)
    this.delta = delta
  }

  forward(input: Tensor, target: Tensor): Tensor {
    return huberLoss(input, target, this)
  }
}

/** Negative log-likelihood of counts under Poisson rates; the input is the rate's logarithm unless `logInput` is false. */
export class PoissonNLLLoss extends Loss {
  readonly logInput: boolean
  readonly full: boolean
  readonly eps: number

  constructor({ logInput = true, full = false, eps = 1e-8, ...options }: PoissonNllOptions = {}) {
    super(options)
    this.logInput = logInput
    this.full = full
    this.eps = eps
  }

  forward(input: Tensor, target: Tensor): Tensor {
    return poissonNllLoss(input, target, this)
  }
}

/** Negative log-likelihood of the target under normal distributions with mean `input` and the given variance. */
export class GaussianNLLLoss extends Loss {
  readonly full: boolean
  readonly eps: number

  constructor({ full = false, eps = 1e-6, ...options }: GaussianNllOptions = {}) {
    super(options)
    this.full = full
    this.eps = eps
  }

  forward(input: Tensor, target: Tensor, variance: Tensor | number): Tensor {
    return gaussianNllLoss(input, target, variance, this)
  }
}

/** Kullback-Leibler divergence of log-probabilities `input` from probabilities `target` (logarithms with `logTarget`). */
export class KLDivLoss extends Module {
  readonly reduction: Reduction | 'batchmean'
  readonly logTarget: boolean

  constructor({ reduction = 'mean', logTarget = false }: KlDivOptions = {}) {
    super()
    this.reduction = reduction
    this.logTarget = logTarget
  }

  forward(input: Tensor, target: Tensor): Tensor {
    return klDiv(input, target, this)
  }

  override extraRepr(): string {
    const { reduction, logTarget } = this
    return describe({ reduction, logTarget })
  }
}
