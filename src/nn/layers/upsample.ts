import type { Tensor } from '../../tensor/tensor.ts'
import { describe } from '../describe.ts'
import { interpolate, type InterpolateOptions } from '../functional/interpolate.ts'
import { Module } from '../module.ts'

export type UpsampleOptions = Omit<InterpolateOptions, 'antialias'>

/**
 * Resizes the spatial dimensions of x [N, C, ...] to `size` or by `scaleFactor`. Modes: `nearest` (default), `linear`,
 * `bilinear`, `bicubic`, `trilinear`; with `alignCorners` the corner pixels' centres coincide.
 */
export class Upsample extends Module {
  readonly options: UpsampleOptions

  constructor(options: UpsampleOptions) {
    super()
    this.options = options
  }

  forward(x: Tensor): Tensor {
    return interpolate(x, this.options)
  }

  override extraRepr(): string {
    const { size, scaleFactor, mode = 'nearest', alignCorners } = this.options
    return describe({ size, scaleFactor, mode, alignCorners })
  }
}

/** Repeats the pixels of x [N, C, H, W]. */
export class UpsamplingNearest2d extends Upsample {
  constructor(options: Pick<UpsampleOptions, 'size' | 'scaleFactor'>) {
    super({ ...options, mode: 'nearest' })
  }
}

/** Interpolates between the pixels of x [N, C, H, W], corner pixels' centres on each other. */
export class UpsamplingBilinear2d extends Upsample {
  constructor(options: Pick<UpsampleOptions, 'size' | 'scaleFactor'>) {
    super({ ...options, mode: 'bilinear', alignCorners: true })
  }
}
