import { zeros } from '../../tensor/creation.ts'
import type { Tensor } from '../../tensor/tensor.ts'
import { describe } from '../describe.ts'
import { bilinear, linear } from '../functional/linear.ts'
import { calculateFans, kaimingUniform, uniform } from '../init.ts'
import { Module } from '../module.ts'
import { Parameter } from '../parameter.ts'
import { checkWhole, type ParameterizedOptions } from './arguments.ts'

/** Gives back its input; takes the place of a layer that is left out. */
export class Identity extends Module {
  forward(x: Tensor): Tensor {
    return x
  }
}

export interface LinearOptions extends ParameterizedOptions {
  /** Whether to add a learned bias. Default true. */
  readonly bias?: boolean
}

/**
 * y = x · Wᵀ + b: x [.., inFeatures] → [.., outFeatures]. W [outFeatures, inFeatures] and b [outFeatures] start uniform on
 * ±1 / √inFeatures.
 */
export class Linear extends Module {
  readonly inFeatures: number
  readonly outFeatures: number
  weight: Parameter
  bias: Parameter | undefined

  constructor(inFeatures: number, outFeatures: number, { bias = true, dtype = 'float32' }: LinearOptions = {}) {
    super()
    this.inFeatures = checkWhole('Linear', 'inFeatures', inFeatures, 0)
    this.outFeatures = checkWhole('Linear', 'outFeatures', outFeatures, 0)
    this.weight = new Parameter(zeros([outFeatures, inFeatures], { dtype }))
    this.bias = bias ? new Parameter(zeros([outFeatures], { dtype })) : undefined
    this.resetParameters()
  }

  resetParameters(): void {
    resetLikeLinear(this.weight, this.bias)
  }

  forward(x: Tensor): Tensor {
    return linear(x, this.weight, this.bias)
  }

  override extraRepr(): string {
    const { inFeatures, outFeatures, bias } = this
    return describe({ inFeatures, outFeatures, bias: bias !== undefined })
  }
}

/** The start of linear and convolution layers: weight and bias uniform on ±1 / √fanIn (LeCun et al. 1998). */
export function resetLikeLinear(weight: Parameter, bias: Parameter | undefined): void {
  if (weight.size > 0) kaimingUniform(weight, { a: Math.sqrt(5) })
  if (!bias) return
  const { fanIn } = calculateFans(weight)
  const bound = fanIn > 0 ? 1 / Math.sqrt(fanIn) : 0
  uniform(bias, { a: -bound, b: bound })
}

/**
 * y_o = x1ᵀ · W_o · x2 + b_o: x1 [.., in1Features], x2 [.., in2Features] → [.., outFeatures].
 * W [outFeatures, in1Features, in2Features] and b start uniform on ±1 / √in1Features.
 */
export class Bilinear extends Module {
  readonly in1Features: number
  readonly in2Features: number
  readonly outFeatures: number
  weight: Parameter
  bias: Parameter | undefined

  constructor(
    in1Features: number,
    in2Features: number,
    outFeatures: number,
    { bias = true, dtype = 'float32' }: LinearOptions = {},
  ) {
    super()
    this.in1Features = checkWhole('Bilinear', 'in1Features', in1Features)
    this.in2Features = checkWhole('Bilinear', 'in2Features', in2Features)
    this.outFeatures = checkWhole('Bilinear', 'outFeatures', outFeatures)
    this.weight = new Parameter(zeros([outFeatures, in1Features, in2Features], { dtype }))
    this.bias = bias ? new Parameter(zeros([outFeatures], { dtype })) : undefined
    this.resetParameters()
  }

  resetParameters(): void {
    const bound = 1 / Math.sqrt(this.in1Features)
    uniform(this.weight, { a: -bound, b: bound })
    if (this.bias) uniform(this.bias, { a: -bound, b: bound })
  }

  forward(x1: Tensor, x2: Tensor): Tensor {
    return bilinear(x1, x2, this.weight, this.bias)
  }

  override extraRepr(): string {
    const { in1Features, in2Features, outFeatures, bias } = this
    return describe({ in1Features, in2Features, outFeatures, bias: bias !== undefined })
  }
}
