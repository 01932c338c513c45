import { normal } from '../../nn/init.ts'
import { Module } from '../../nn/module.ts'
import { Parameter } from '../../nn/parameter.ts'
import { zeros } from '../../tensor/creation.ts'
import type { Tensor } from '../../tensor/tensor.ts'

/** A linear layer whose weight is [inputs, outputs], as the first GPT had it. */
export class Conv1D extends Module {
  weight: Parameter
  bias: Parameter
  readonly inFeatures: number
  readonly outFeatures: number

  constructor(outputs: number, inputs: number) {
    super()
    this.inFeatures = inputs
    this.outFeatures = outputs
    this.weight = new Parameter(zeros([inputs, outputs]))
    this.bias = new Parameter(zeros([outputs]))
    normal(this.weight, { std: 0.02 })
  }

  forward(x: Tensor): Tensor {
    return x.matmul(this.weight).add(this.bias)
  }
}
