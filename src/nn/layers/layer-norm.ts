import { ValueError } from '../../core/errors.ts'
import type { Shape } from '../../core/shape.ts'
import { ones, zeros } from '../../tensor/creation.ts'
import type { Tensor } from '../../tensor/tensor.ts'
import { describe } from '../describe.ts'
import { groupNorm, layerNorm, rmsNorm } from '../functional/normalization.ts'
import { ones as setOnes, zeros as setZeros } from '../init.ts'
import { Module } from '../module.ts'
import { Parameter } from '../parameter.ts'
import { checkWhole, type ParameterizedOptions } from './arguments.ts'

export interface LayerNormOptions extends ParameterizedOptions {
  /** Added to the variance. Default 1e-5. */
  readonly eps?: number
  /** Whether to learn a factor (and a summand) for each element of `normalizedShape`. Default true. */
  readonly elementwiseAffine?: boolean
  /** Whether the summand is there too. Default true. */
  readonly bias?: boolean
}

function asShape(owner: string, normalizedShape: number | Shape): Shape {
  const shape = typeof normalizedShape === 'number' ? [normalizedShape] : normalizedShape
  for (const size of shape) checkWhole(owner, 'normalizedShape', size)
  return shape
}

/**
 * Layer normalisation (Ba et al. 2016): (x − mean) / √(variance + eps) · weight + bias over the last dimensions of x, whose
 * sizes are `normalizedShape`.
 */
export class LayerNorm extends Module {
  readonly normalizedShape: Shape
  readonly eps: number
  weight: Parameter | undefined
  bias: Parameter | undefined

  constructor(
    normalizedShape: number | Shape,
    { eps = 1e-5, elementwiseAffine = true, bias = true, dtype = 'float32' }: LayerNormOptions = {},
  ) {
    super()
    this.normalizedShape = asShape('LayerNorm', normalizedShape)
    this.eps = eps
    this.weight = elementwiseAffine ? new Parameter(ones(this.normalizedShape, { dtype })) : undefined
    this.bias = elementwiseAffine && bias ? new Parameter(zeros(this.normalizedShape, { dtype })) : undefined
  }

  resetParameters(): void {
    if (this.weight) setOnes(this.weight)
    if (this.bias) setZeros(this.bias)
  }

  forward(x: Tensor): Tensor {
    return layerNorm(x, this.normalizedShape, this)
  }

  override extraRepr(): string {
    const { normalizedShape, eps, weight } = this
    return describe({ normalizedShape, eps, elementwiseAffine: weight !== undefined })
  }
}

export interface RMSNormOptions extends ParameterizedOptions {
  /** Added to the mean square. Default: the machine epsilon of the dtype. */
  readonly eps?: number
  /** Whether to learn a factor for each element of `normalizedShape`. Default true. */
  readonly elementwiseAffine?: boolean
}

/** x / √(mean of x² + eps) · weight over the last dimensions `normalizedShape` of x (Zhang & Sennrich 2019). */
export class RMSNorm extends Module {
  readonly normalizedShape: Shape
  readonly eps: number | undefined
  weight: Parameter | undefined

  constructor(
    normalizedShape: number | Shape,
    { eps, elementwiseAffine = true, dtype = 'float32' }: RMSNormOptions = {},
  ) {
    super()
    this.normalizedShape = asShape('RMSNorm', normalizedShape)
    this.eps = eps
    this.weight = elementwiseAffine ? new Parameter(ones(this.normalizedShape, { dtype })) : undefined
  }

  resetParameters(): void {
    if (this.weight) setOnes(this.weight)
  }

  forward(x: Tensor): Tensor {
    const { weight, eps } = this
    return rmsNorm(x, this.normalizedShape, { weight, ...(eps !== undefined && { eps }) })
  }

  override extraRepr(): string {
    const { normalizedShape, eps, weight } = this
    return describe({ normalizedShape, eps, elementwiseAffine: weight !== undefined })
  }
}

export interface GroupNormOptions extends ParameterizedOptions {
  /** Added to the variance. Default 1e-5. */
  readonly eps?: number
  /** Whether to learn a factor and a summand for each channel. Default true. */
  readonly affine?: boolean
}

/**
 * Group normalisation (Wu & He 2018) of x [N, numChannels, ...]: the channels of each sample in `numGroups` groups, each by
 * its own mean and variance.
 */
export class GroupNorm extends Module {
  readonly numGroups: number
  readonly numChannels: number
  readonly eps: number
  weight: Parameter | undefined
  bias: Parameter | undefined

  constructor(
    numGroups: number,
    numChannels: number,
    { eps = 1e-5, affine = true, dtype = 'float32' }: GroupNormOptions = {},
  ) {
    super()
    this.numGroups = checkWhole('GroupNorm', 'numGroups', numGroups)
    this.numChannels = checkWhole('GroupNorm', 'numChannels', numChannels)
    if (numChannels % numGroups !== 0) {
      throw new ValueError('GroupNorm', `numGroups = ${numGroups} must divide numChannels = ${numChannels}`)
    }
    this.eps = eps
    this.weight = affine ? new Parameter(ones([numChannels], { dtype })) : undefined
    this.bias = affine ? new Parameter(zeros([numChannels], { dtype })) : undefined
  }

  resetParameters(): void {
    if (this.weight) setOnes(this.weight)
    if (this.bias) setZeros(this.bias)
  }

  forward(x: Tensor): Tensor {
    return groupNorm(x, this.numGroups, this)
  }

  override extraRepr(): string {
    const { numGroups, numChannels, eps, weight } = this
    return `${numGroups}, ${numChannels}, ${describe({ eps, affine: weight !== undefined })}`
  }
}
