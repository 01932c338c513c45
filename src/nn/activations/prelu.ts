import { full } from '../../tensor/creation.ts'
import type { Tensor } from '../../tensor/tensor.ts'
import { describe } from '../describe.ts'
import { prelu } from '../functional/activations.ts'
import { constant } from '../init.ts'
import { checkWhole, type ParameterizedOptions } from '../layers/arguments.ts'
import { Module } from '../module.ts'
import { Parameter } from '../parameter.ts'

export interface PReLUOptions extends ParameterizedOptions {
  /** 1, or the number of channels of x [N, C, ...]. Default 1. */
  readonly numParameters?: number
  /** Where the slopes start. Default 0.25. */
  readonly init?: number
}

/** x where positive, weight · x elsewhere, the weight being learned (He et al. 2015). Leave it out of weight decay. */
export class PReLU extends Module {
  readonly numParameters: number
  readonly init: number
  weight: Parameter

  constructor({ numParameters = 1, init = 0.25, dtype = 'float32' }: PReLUOptions = {}) {
    super()
    this.numParameters = checkWhole('PReLU', 'numParameters', numParameters)
    this.init = init
    this.weight = new Parameter(full([numParameters], init, { dtype }))
  }

  resetParameters(): void {
    constant(this.weight, this.init)
  }

  forward(x: Tensor): Tensor {
    return prelu(x, this.weight)
  }

  override extraRepr(): string {
    const { numParameters } = this
    return describe({ numParameters })
  }
}
