import type { Tensor } from '../../tensor/tensor.ts'
import { describe } from '../describe.ts'
import {
  adaptiveAvgPool1d,
  adaptiveAvgPool2d,
  adaptiveAvgPool3d,
  adaptiveMaxPool1d,
  adaptiveMaxPool2d,
  adaptiveMaxPool3d,
  type OutputSize,
} from '../functional/adaptive.ts'
import { Module } from '../module.ts'
import type { Pooled } from './max-pool.ts'

/** What all adaptive poolings have in common. */
abstract class AdaptivePool extends Module {
  readonly outputSize: OutputSize

  constructor(outputSize: OutputSize) {
    super()
    this.outputSize = outputSize
  }

  override extraRepr(): string {
    const { outputSize } = this
    return describe({ outputSize })
  }
}

/** Mean over windows that cover x [N, C, L] evenly → [N, C, outputSize]. See {@link AdaptiveAvgPool2d}. */
export class AdaptiveAvgPool1d extends AdaptivePool {
  forward(x: Tensor): Tensor {
    return adaptiveAvgPool1d(x, this.outputSize)
  }
}

/**
 * Mean over windows that cover x [N, C, H, W] evenly → [N, C, ...outputSize]; `null` keeps a size. `outputSize` 1 is global
 * average pooling.
 */
export class AdaptiveAvgPool2d extends AdaptivePool {
  forward(x: Tensor): Tensor {
    return adaptiveAvgPool2d(x, this.outputSize)
  }
}

/** Mean over windows that cover x [N, C, D, H, W] evenly → [N, C, ...outputSize]. See {@link AdaptiveAvgPool2d}. */
export class AdaptiveAvgPool3d extends AdaptivePool {
  forward(x: Tensor): Tensor {
    return adaptiveAvgPool3d(x, this.outputSize)
  }
}

export interface AdaptiveMaxPoolOptions<Indices extends boolean> {
  /** Return `[values, indices]`, the indices int32 and flat over space. Default false. */
  readonly returnIndices?: Indices
}

/** What the three adaptive maximum poolings have in common. */
abstract class AdaptiveMaxPool<Indices extends boolean> extends AdaptivePool {
  readonly returnIndices: boolean

  constructor(outputSize: OutputSize, { returnIndices }: AdaptiveMaxPoolOptions<Indices> = {}) {
    super(outputSize)
    this.returnIndices = returnIndices ?? false
  }
}

/** Maximum over windows that cover x [N, C, L] evenly → [N, C, outputSize]. */
export class AdaptiveMaxPool1d<Indices extends boolean = false> extends AdaptiveMaxPool<Indices> {
  forward(x: Tensor): Pooled<Indices> {
    return adaptiveMaxPool1d(x, this.outputSize, this) as Pooled<Indices>
  }
}

/** Maximum over windows that cover x [N, C, H, W] evenly → [N, C, ...outputSize]; `null` keeps a size. */
export class AdaptiveMaxPool2d<Indices extends boolean = false> extends AdaptiveMaxPool<Indices> {
  forward(x: Tensor): Pooled<Indices> {
    return adaptiveMaxPool2d(x, this.outputSize, this) as Pooled<Indices>
  }
}

/** Maximum over windows that cover x [N, C, D, H, W] evenly → [N, C, ...outputSize]. */
export class AdaptiveMaxPool3d<Indices extends boolean = false> extends AdaptiveMaxPool<Indices> {
  forward(x: Tensor): Pooled<Indices> {
    return adaptiveMaxPool3d(x, this.outputSize, this) as Pooled<Indices>
  }
}
