import { ValueError } from '../../core/errors.ts'
import type { Tensor } from '../../tensor/tensor.ts'
import { describe } from '../describe.ts'
import { alphaDropout, dropout, dropout1d, dropout2d, dropout3d, featureAlphaDropout } from '../functional/dropout.ts'
import { Module } from '../module.ts'

/** What all dropouts have in common: they act in training only. */
abstract class RandomDrop extends Module {
  readonly p: number

  constructor(p = 0.5) {
    super()
    if (!(p >= 0 && p <= 1)) throw new ValueError(new.target.name, `p is a probability from 0 to 1, received ${p}`)
    this.p = p
  }

  override extraRepr(): string {
    const { p } = this
    return describe({ p })
  }
}

/**
 * In training each element becomes 0 with probability `p` (default 0.5), the others are divided by 1 − p (Hinton et al.
 * 2012). In evaluation nothing happens.
 */
export class Dropout extends RandomDrop {
  forward(x: Tensor): Tensor {
    return dropout(x, this)
  }
}

/** In training drops whole channels of x [N, C, L] with probability `p`. See {@link Dropout2d}. */
export class Dropout1d extends RandomDrop {
  forward(x: Tensor): Tensor {
    return dropout1d(x, this)
  }
}

/**
 * In training drops whole channels of x [N, C, H, W] with probability `p` (default 0.5) and divides the others by 1 − p
 * (Tompson et al. 2015).
 */
export class Dropout2d extends RandomDrop {
  forward(x: Tensor): Tensor {
    return dropout2d(x, this)
  }
}

/** In training drops whole channels of x [N, C, D, H, W] with probability `p`. See {@link Dropout2d}. */
export class Dropout3d extends RandomDrop {
  forward(x: Tensor): Tensor {
    return dropout3d(x, this)
  }
}

/** Dropout that keeps mean and variance of what SELU gives (Klambauer et al. 2017). */
export class AlphaDropout extends RandomDrop {
  forward(x: Tensor): Tensor {
    return alphaDropout(x, this)
  }
}

/** {@link AlphaDropout} of whole channels of x [N, C, ...]. */
export class FeatureAlphaDropout extends RandomDrop {
  forward(x: Tensor): Tensor {
    return featureAlphaDropout(x, this)
  }
}
