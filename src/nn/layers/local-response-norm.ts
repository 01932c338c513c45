import type { Tensor } from '../../tensor/tensor.ts'
import { describe } from '../describe.ts'
import { type LocalResponseNormOptions, localResponseNorm } from '../functional/normalization.ts'
import { Module } from '../module.ts'
import { checkWhole } from './arguments.ts'

/**
 * x / (k + alpha · mean of x² over `size` neighbouring channels)^beta for x [N, C, ...] (Krizhevsky et al. 2012). Defaults:
 * alpha 1e-4, beta 0.75, k 1.
 */
export class LocalResponseNorm extends Module {
  readonly size: number
  readonly alpha: number
  readonly beta: number
  readonly k: number

  constructor(size: number, { alpha = 1e-4, beta = 0.75, k = 1 }: LocalResponseNormOptions = {}) {
    super()
    this.size = checkWhole('LocalResponseNorm', 'size', size)
    this.alpha = alpha
    this.beta = beta
    this.k = k
  }

  forward(x: Tensor): Tensor {
    return localResponseNorm(x, this.size, this)
  }

  override extraRepr(): string {
    const { size, alpha, beta, k } = this
    return `${size}, ${describe({ alpha, beta, k })}`
  }
}
