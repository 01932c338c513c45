import { ShapeError } from '../../core/errors.ts'
import { formatShape } from '../../core/shape.ts'
import { withGrad } from '../../graph/node.ts'
import { ones, zeros } from '../../tensor/creation.ts'
import type { Tensor } from '../../tensor/tensor.ts'
import { describe } from '../describe.ts'
import { batchNorm } from '../functional/normalization.ts'
import { constant, ones as setOnes, zeros as setZeros } from '../init.ts'
import { Module } from '../module.ts'
import { snakeCase } from '../names.ts'
import { Buffer, Parameter } from '../parameter.ts'
import { checkWhole, type ParameterizedOptions } from './arguments.ts'

export interface RunningNormOptions extends ParameterizedOptions {
  /** Added to the variance. Default 1e-5. */
  readonly eps?: number
  /** Weight of the newest statistics in the running ones; null means their plain average. Default 0.1. */
  readonly momentum?: number | null
  /** Whether to learn a factor and a summand for each channel. */
  readonly affine?: boolean
  /** Whether to keep running statistics, which evaluation then uses. */
  readonly trackRunningStats?: boolean
}

/** What batch and instance normalisation keep: weight and bias [C], running mean and variance [C], a count of batches. */
export abstract class RunningNorm extends Module {
  readonly numFeatures: number
  readonly eps: number
  readonly momentum: number | null
  readonly affine: boolean
  readonly trackRunningStats: boolean
  weight: Parameter | undefined
  bias: Parameter | undefined
  runningMean: Buffer | undefined
  runningVar: Buffer | undefined
  numBatchesTracked: Buffer | undefined

  constructor(
    numFeatures: number,
    { eps = 1e-5, momentum = 0.1, affine = true, trackRunningStats = true, dtype = 'float32' }: RunningNormOptions,
  ) {
    super()
    this.numFeatures = checkWhole(new.target.name, 'numFeatures', numFeatures)
    this.eps = eps
    this.momentum = momentum
    this.affine = affine
    this.trackRunningStats = trackRunningStats
    this.weight = affine ? new Parameter(ones([numFeatures], { dtype })) : undefined
    this.bias = affine ? new Parameter(zeros([numFeatures], { dtype })) : undefined
    this.runningMean = trackRunningStats ? new Buffer(zeros([numFeatures], { dtype })) : undefined
    this.runningVar = trackRunningStats ? new Buffer(ones([numFeatures], { dtype })) : undefined
    this.numBatchesTracked = trackRunningStats ? new Buffer(zeros([], { dtype: 'int32' })) : undefined
  }

  protected override stateName(property: string): string {
    return snakeCase(property)
  }

  /** Forgets the running statistics: mean 0, variance 1, no batches. */
  resetRunningStats(): void {
    if (this.runningMean) setZeros(this.runningMean)
    if (this.runningVar) setOnes(this.runningVar)
    if (this.numBatchesTracked) constant(this.numBatchesTracked, 0)
  }

  resetParameters(): void {
    this.resetRunningStats()
    if (this.weight) setOnes(this.weight)
    if (this.bias) setZeros(this.bias)
  }

  override extraRepr(): string {
    const { numFeatures, eps, momentum, affine, trackRunningStats } = this
    return `${numFeatures}, ${describe({ eps, momentum, affine, trackRunningStats })}`
  }
}

/** Throws a {@link ShapeError} unless `x` has one of the given numbers of dimensions. */
export function checkRank(owner: string, x: Tensor, ranks: readonly number[], layout: string): void {
  if (ranks.includes(x.rank)) return
  throw new ShapeError(owner, `expects an input ${layout}, received ${formatShape(x.shape)}`)
}

/** What BatchNorm1d, BatchNorm2d and BatchNorm3d have in common. */
abstract class BatchNorm extends RunningNorm {
  constructor(numFeatures: number, options: RunningNormOptions = {}) {
    super(numFeatures, options)
  }

  protected normalized(x: Tensor): Tensor {
    const { weight, bias, eps, momentum, runningMean, runningVar, training } = this
    if (!training || !runningMean || !runningVar) {
      return batchNorm(x, runningMean, runningVar, { weight, bias, eps, training: training || !runningMean })
    }
    this.numBatchesTracked?.assign(this.numBatchesTracked.add(1))
    if (momentum !== null) return batchNorm(x, runningMean, runningVar, { weight, bias, eps, training, momentum })
    return this.averaging(x, runningMean, runningVar)
  }

  /** Moves the running statistics to the mean over all batches: by 1 / n of the way, n counting this one. */
  private averaging(x: Tensor, runningMean: Buffer, runningVar: Buffer): Tensor {
    const { weight, bias, eps, numFeatures, numBatchesTracked } = this
    const { dtype } = runningMean
    const [mean, variance] = [zeros([numFeatures], { dtype }), zeros([numFeatures], { dtype })]
    const y = batchNorm(x, mean, variance, { weight, bias, eps, training: true, momentum: 1 })
    withGrad(false, () => {
      const n = numBatchesTracked!.to(dtype)
      runningMean.assign(runningMean.add(mean.sub(runningMean).div(n)))
      runningVar.assign(runningVar.add(variance.sub(runningVar).div(n)))
    })
    return y
  }
}

/** Batch normalisation of x [N, C] or [N, C, L]. See {@link BatchNorm2d}. */
export class BatchNorm1d extends BatchNorm {
  forward(x: Tensor): Tensor {
    checkRank('BatchNorm1d', x, [2, 3], '[N, C] or [N, C, L]')
    return this.normalized(x)
  }
}

/**
 * Batch normalisation (Ioffe & Szegedy 2015): y = (x − mean) / √(variance + eps) · weight + bias for each channel of
 * x [N, C, H, W]. In training by the batch's own statistics, towards which the running ones move; in evaluation by the
 * running ones. With `trackRunningStats: false` always by the batch's own.
 */
export class BatchNorm2d extends BatchNorm {
  forward(x: Tensor): Tensor {
    checkRank('BatchNorm2d', x, [4], '[N, C, H, W]')
    return this.normalized(x)
  }
}

/** Batch normalisation of x [N, C, D, H, W]. See {@link BatchNorm2d}. */
export class BatchNorm3d extends BatchNorm {
  forward(x: Tensor): Tensor {
    checkRank('BatchNorm3d', x, [5], '[N, C, D, H, W]')
    return this.normalized(x)
  }
}
