import type { Tensor } from '../../tensor/tensor.ts'
import { describe } from '../describe.ts'
import { type Size, sizes } from '../functional/arguments.ts'
import { fractionalMaxPool2d, fractionalMaxPool3d, type FractionalMaxPoolOptions } from '../functional/fractional.ts'
import { Module } from '../module.ts'
import type { Pooled } from './max-pool.ts'

export interface FractionalMaxPoolLayerOptions<Indices extends boolean>
  extends Omit<FractionalMaxPoolOptions, 'returnIndices'> {
  /** Return `[values, indices]`, the indices int32 and flat over space. Default false. */
  readonly returnIndices?: Indices
}

/** What both fractional poolings have in common. */
abstract class FractionalMaxPool<Indices extends boolean> extends Module {
  readonly kernelSize: readonly number[]
  protected readonly options: FractionalMaxPoolLayerOptions<Indices>

  constructor(rank: number, kernelSize: Size, options: FractionalMaxPoolLayerOptions<Indices>) {
    super()
    this.kernelSize = sizes(new.target.name, 'kernelSize', kernelSize, rank, 1)
    this.options = options
  }

  override extraRepr(): string {
    const { outputSize, outputRatio } = this.options
    return describe({ kernelSize: this.kernelSize, outputSize, outputRatio })
  }
}

/**
 * Maximum over windows of x [N, C, H, W] at pseudo-random places, drawn anew at every call, that shrink the sizes to
 * `outputSize` or by `outputRatio` (Graham 2014).
 */
export class FractionalMaxPool2d<Indices extends boolean = false> extends FractionalMaxPool<Indices> {
  constructor(kernelSize: Size, options: FractionalMaxPoolLayerOptions<Indices>) {
    super(2, kernelSize, options)
  }

  forward(x: Tensor): Pooled<Indices> {
    return fractionalMaxPool2d(x, this.kernelSize, this.options) as Pooled<Indices>
  }
}

/** {@link FractionalMaxPool2d} of x [N, C, D, H, W]. */
export class FractionalMaxPool3d<Indices extends boolean = false> extends FractionalMaxPool<Indices> {
  constructor(kernelSize: Size, options: FractionalMaxPoolLayerOptions<Indices>) {
    super(3, kernelSize, options)
  }

  forward(x: Tensor): Pooled<Indices> {
    return fractionalMaxPool3d(x, this.kernelSize, this.options) as Pooled<Indices>
  }
}
