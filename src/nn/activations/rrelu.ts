import { ValueError } from '../../core/errors.ts'
import type { Tensor } from '../../tensor/tensor.ts'
import { describe } from '../describe.ts'
import { rrelu } from '../functional/activations.ts'
import { Module } from '../module.ts'

/**
 * x where positive, slope · x elsewhere: in training each element's slope is uniform in [`lower`, `upper`) (1/8 and 1/3 by
 * default), in evaluation it is their mean (Xu et al. 2015).
 */
export class RReLU extends Module {
  readonly lower: number
  readonly upper: number

  constructor({ lower = 1 / 8, upper = 1 / 3 }: { lower?: number; upper?: number } = {}) {
    super()
    if (!(lower <= upper)) throw new ValueError('RReLU', `lower ${lower} is larger than upper ${upper}`)
    this.lower = lower
    this.upper = upper
  }

  forward(x: Tensor): Tensor {
    return rrelu(x, this)
  }

  override extraRepr(): string {
    const { lower, upper } = this
    return describe({ lower, upper })
  }
}
