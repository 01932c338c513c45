import { ShapeError, ValueError } from '../../core/errors.ts'
import { formatShape, type Shape, sizeOf } from '../../core/shape.ts'
import type { Tensor } from '../../tensor/tensor.ts'
import {
  type CrossEntropyOptions,
  crossEntropy,
  linearCrossEntropy,
  type NllLossOptions,
  nllLoss,
} from '../functional/losses/classification.ts'
import { checkWhole, type ParameterizedOptions } from '../layers/arguments.ts'
import { Linear } from '../layers/linear.ts'
import type { Buffer } from '../parameter.ts'
import { Loss, weightBuffer } from './loss.ts'

/**
 * Negative log-likelihood of class labels [N, ...] (int32) under log-probabilities [N, C, ...]. `weight` [C] holds one factor a
 * class, samples labelled `ignoreIndex` (default −100) do not count.
 */
export class NLLLoss extends Loss {
  weight: Buffer | undefined
  readonly ignoreIndex: number

  constructor({ weight, ignoreIndex = -100, ...options }: NllLossOptions = {}) {
    super(options)
    this.weight = weightBuffer(weight)
    this.ignoreIndex = ignoreIndex
  }

  forward(input: Tensor, target: Tensor): Tensor {
    return nllLoss(input, target, this)
  }
}

function checkSmoothing(op: string, labelSmoothing: number): number {
  if (labelSmoothing >= 0 && labelSmoothing <= 1) return labelSmoothing
  throw new ValueError(op, `labelSmoothing must be between 0 and 1, received ${labelSmoothing}`)
}

/**
 * Cross-entropy between logits [N, C, ...] and class labels [N, ...] (int32) or probabilities [N, C, ...]. `weight` [C] holds
 * one factor a class, samples labelled `ignoreIndex` (default −100) do not count, `labelSmoothing` (default 0) spreads that
 * share of the target evenly.
 */
export class CrossEntropyLoss extends Loss {
  weight: Buffer | undefined
  readonly ignoreIndex: number
  readonly labelSmoothing: number

  constructor({ weight, ignoreIndex = -100, labelSmoothing = 0, ...options }: CrossEntropyOptions = {}) {
    super(options)
    this.weight = weightBuffer(weight)
    this.ignoreIndex = ignoreIndex
    this.labelSmoothing = checkSmoothing('CrossEntropyLoss', labelSmoothing)
  }

  forward(input: Tensor, target: Tensor): Tensor {
    return crossEntropy(input, target, this)
  }
}

export interface LinearCrossEntropyLayerOptions extends CrossEntropyOptions, ParameterizedOptions {
  /** Further dimensions of the logits [N, C, ...outFeatures]. Default none. */
  readonly outFeatures?: Shape
  /** Whether the linear layer adds a learned bias. Default false. */
  readonly bias?: boolean
}

/** {@link CrossEntropyLoss} of a linear layer from `inFeatures` to `numClasses` that it owns. */
export class LinearCrossEntropyLoss extends Loss {
  readonly numClasses: number
  readonly outFeatures: Shape
  readonly ignoreIndex: number
  readonly labelSmoothing: number
  weight: Buffer | undefined
  linear: Linear

  constructor(
    inFeatures: number,
    numClasses: number,
    {
      outFeatures = [],
      bias = false,
      weight,
      ignoreIndex = -100,
      labelSmoothing = 0,
      dtype = 'float32',
      ...options
    }: LinearCrossEntropyLayerOptions = {},
  ) {
    super(options)
    this.numClasses = checkWhole('LinearCrossEntropyLoss', 'numClasses', numClasses)
    if (weight && (weight.rank !== 1 || weight.shape[0] !== numClasses)) {
      throw new ShapeError(
        'LinearCrossEntropyLoss',
        `weight holds one number a class: expected [${numClasses}], received ${formatShape(weight.shape)}`,
      )
    }
    this.outFeatures = outFeatures
    this.ignoreIndex = ignoreIndex
    this.labelSmoothing = checkSmoothing('LinearCrossEntropyLoss', labelSmoothing)
    this.weight = weightBuffer(weight)
    this.linear = new Linear(inFeatures, numClasses * sizeOf(outFeatures), { bias, dtype })
  }

  forward(input: Tensor, target: Tensor): Tensor {
    const { linear, numClasses, outFeatures, weight, reduction, ignoreIndex, labelSmoothing } = this
    const linearWeight = linear.weight.reshape([numClasses, ...outFeatures, linear.inFeatures])
    const linearBias = linear.bias?.reshape([numClasses, ...outFeatures])
    return linearCrossEntropy(input, linearWeight, target, {
      linearBias,
      weight,
      reduction,
      ignoreIndex,
      labelSmoothing,
    })
  }
}
