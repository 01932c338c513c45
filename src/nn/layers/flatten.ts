import type { Shape } from '../../core/shape.ts'
import type { Tensor } from '../../tensor/tensor.ts'
import { describe } from '../describe.ts'
import { Module } from '../module.ts'

/** Joins dimensions `startDim` to `endDim`; all but the batch unless given: x [N, C, H, W] → [N, C · H · W]. */
export class Flatten extends Module {
  readonly startDim: number
  readonly endDim: number

  constructor(startDim = 1, endDim = -1) {
    super()
    this.startDim = startDim
    this.endDim = endDim
  }

  forward(x: Tensor): Tensor {
    return x.flatten(this.startDim, this.endDim)
  }

  override extraRepr(): string {
    const { startDim, endDim } = this
    return describe({ startDim, endDim })
  }
}

/** Splits dimension `dim` into `sizes`, one of which may be −1: `new Unflatten(1, [2, 5])` makes [N, 10] to [N, 2, 5]. */
export class Unflatten extends Module {
  readonly dim: number
  readonly sizes: Shape

  constructor(dim: number, sizes: Shape) {
    super()
    this.dim = dim
    this.sizes = sizes
  }

  forward(x: Tensor): Tensor {
    return x.unflatten(this.dim, this.sizes)
  }

  override extraRepr(): string {
    const { dim, sizes } = this
    return describe({ dim, sizes })
  }
}
