import { ShapeError } from '../../core/errors.ts'
import { formatShape } from '../../core/shape.ts'
import type { Tensor } from '../../tensor/tensor.ts'
import { instanceNorm } from '../functional/normalization.ts'
import { checkRank, RunningNorm, type RunningNormOptions } from './batch-norm.ts'

/** What InstanceNorm1d, InstanceNorm2d and InstanceNorm3d have in common. */
abstract class InstanceNorm extends RunningNorm {
  constructor(numFeatures: number, { affine = false, trackRunningStats = false, ...options }: RunningNormOptions = {}) {
    super(numFeatures, { affine, trackRunningStats, ...options })
  }

  /** `rank` counts the batch dimension, which may be left out. */
  protected normalized(x: Tensor, rank: number, layout: string): Tensor {
    checkRank(this.constructor.name, x, [rank - 1, rank], layout)
    const { weight, bias, eps, momentum, runningMean, runningVar, training, numFeatures } = this
    if (x.shape.at(1 - rank) !== numFeatures) {
      throw new ShapeError(
        this.constructor.name,
        `expects ${numFeatures} channels in ${layout}, received ${formatShape(x.shape)}`,
      )
    }
    const single = x.rank < rank
    const options = { weight, bias, eps, momentum: momentum ?? 0, runningMean, runningVar }
    const y = instanceNorm(single ? x.reshape([1, ...x.shape]) : x, {
      ...options,
      useInputStats: training || !runningMean,
    })
    return single ? y.reshape(x.shape) : y
  }
}

/** Instance normalisation of x [N, C, L] or [C, L]. See {@link InstanceNorm2d}. */
export class InstanceNorm1d extends InstanceNorm {
  forward(x: Tensor): Tensor {
    return this.normalized(x, 3, '[N, C, L] (or one without N)')
  }
}

/**
 * Instance normalisation (Ulyanov et al. 2016): each channel of each sample of x [N, C, H, W] by its own mean and variance.
 * Factor and summand (`affine`) and running statistics for evaluation (`trackRunningStats`) are off unless asked for.
 */
export class InstanceNorm2d extends InstanceNorm {
  forward(x: Tensor): Tensor {
    return this.normalized(x, 4, '[N, C, H, W] (or one without N)')
  }
}

/** Instance normalisation of x [N, C, D, H, W] or [C, D, H, W]. See {@link InstanceNorm2d}. */
export class InstanceNorm3d extends InstanceNorm {
  forward(x: Tensor): Tensor {
    return this.normalized(x, 5, '[N, C, D, H, W] (or one without N)')
  }
}
