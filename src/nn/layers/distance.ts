import type { Tensor } from '../../tensor/tensor.ts'
import { describe } from '../describe.ts'
import {
  type CosineOptions,
  cosineSimilarity,
  pairwiseDistance,
  type PairwiseDistanceOptions,
} from '../functional/distance.ts'
import { Module } from '../module.ts'

/** x1 · x2 / (‖x1‖ · ‖x2‖) along `dim` (default 1), norms not below `eps` (default 1e-8). */
export class CosineSimilarity extends Module {
  readonly dim: number
  readonly eps: number

  constructor({ dim = 1, eps = 1e-8 }: CosineOptions = {}) {
    super()
    this.dim = dim
    this.eps = eps
  }

  forward(x1: Tensor, x2: Tensor): Tensor {
    return cosineSimilarity(x1, x2, this)
  }

  override extraRepr(): string {
    const { dim, eps } = this
    return describe({ dim, eps })
  }
}

/** ‖x1 − x2 + eps‖ₚ along the last dimension; p is 2 and eps 1e-6 unless given. */
export class PairwiseDistance extends Module {
  readonly p: number
  readonly eps: number
  readonly keepdim: boolean

  constructor({ p = 2, eps = 1e-6, keepdim = false }: PairwiseDistanceOptions = {}) {
    super()
    this.p = p
    this.eps = eps
    this.keepdim = keepdim
  }

  forward(x1: Tensor, x2: Tensor): Tensor {
    return pairwiseDistance(x1, x2, this)
  }

  override extraRepr(): string {
    const { p, eps, keepdim } = this
    return describe({ p, eps, keepdim })
  }
}
