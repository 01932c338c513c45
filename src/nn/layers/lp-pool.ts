import type { Tensor } from '../../tensor/tensor.ts'
import { describe } from '../describe.ts'
import { type Size, sizes } from '../functional/arguments.ts'
import { type LpPoolOptions, lpPool1d, lpPool2d, lpPool3d } from '../functional/pooling.ts'
import { Module } from '../module.ts'

/** What the three power-mean poolings have in common. */
abstract class LPPool extends Module {
  readonly normType: number
  readonly kernelSize: readonly number[]
  readonly stride: readonly number[]
  readonly ceilMode: boolean

  constructor(
    rank: number,
    normType: number,
    kernelSize: Size,
    { stride = kernelSize, ceilMode = false }: LpPoolOptions,
  ) {
    super()
    const name = new.target.name
    this.normType = normType
    this.kernelSize = sizes(name, 'kernelSize', kernelSize, rank, 1)
    this.stride = sizes(name, 'stride', stride, rank, 1)
    this.ceilMode = ceilMode
  }

  override extraRepr(): string {
    const { normType, kernelSize, stride, ceilMode } = this
    return describe({ normType, kernelSize, stride, ceilMode })
  }
}

/** (Σ xᵖ)^{1/p} over windows of x [N, C, L] → [N, C, L′], p = `normType`. See {@link LPPool2d}. */
export class LPPool1d extends LPPool {
  constructor(normType: number, kernelSize: Size, options: LpPoolOptions = {}) {
    super(1, normType, kernelSize, options)
  }

  forward(x: Tensor): Tensor {
    return lpPool1d(x, this.normType, this.kernelSize, this)
  }
}

/**
 * (Σ xᵖ)^{1/p} over windows of x [N, C, H, W] → [N, C, H′, W′], p = `normType`: the sum for p = 1, towards the maximum for
 * p → ∞. The gradient is 0 where the sum is 0.
 */
export class LPPool2d extends LPPool {
  constructor(normType: number, kernelSize: Size, options: LpPoolOptions = {}) {
    super(2, normType, kernelSize, options)
  }

  forward(x: Tensor): Tensor {
    return lpPool2d(x, this.normType, this.kernelSize, this)
  }
}

/** (Σ xᵖ)^{1/p} over windows of x [N, C, D, H, W] → [N, C, D′, H′, W′]. See {@link LPPool2d}. */
export class LPPool3d extends LPPool {
  constructor(normType: number, kernelSize: Size, options: LpPoolOptions = {}) {
    super(3, normType, kernelSize, options)
  }

  forward(x: Tensor): Tensor {
    return lpPool3d(x, this.normType, this.kernelSize, this)
  }
}
