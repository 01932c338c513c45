import { ShapeError } from '../../core/errors.ts'
import { formatShape } from '../../core/shape.ts'
import type { Tensor } from '../../tensor/tensor.ts'
import { describe } from '../describe.ts'
import { logSoftmax, softmax, softmin } from '../functional/activations.ts'
import { Module } from '../module.ts'

/** exp(x) / Σ exp(x) along `dim`. */
export class Softmax extends Module {
  readonly dim: number

  constructor(dim: number) {
    super()
    this.dim = dim
  }

  forward(x: Tensor): Tensor {
    return softmax(x, this.dim)
  }

  override extraRepr(): string {
    const { dim } = this
    return describe({ dim })
  }
}

/** softmax(−x) along `dim`. */
export class Softmin extends Module {
  readonly dim: number

  constructor(dim: number) {
    super()
    this.dim = dim
  }

  forward(x: Tensor): Tensor {
    return softmin(x, this.dim)
  }

  override extraRepr(): string {
    const { dim } = this
    return describe({ dim })
  }
}

/** ln softmax(x) along `dim`, without overflow. */
export class LogSoftmax extends Module {
  readonly dim: number

  constructor(dim: number) {
    super()
    this.dim = dim
  }

  forward(x: Tensor): Tensor {
    return logSoftmax(x, this.dim)
  }

  override extraRepr(): string {
    const { dim } = this
    return describe({ dim })
  }
}

/** Softmax over the channels of x [N, C, H, W] or [C, H, W]. */
export class Softmax2d extends Module {
  forward(x: Tensor): Tensor {
    if (x.rank !== 3 && x.rank !== 4) {
      throw new ShapeError('Softmax2d', `expects an input [N, C, H, W] or [C, H, W], received ${formatShape(x.shape)}`)
    }
    return softmax(x, -3)
  }
}
