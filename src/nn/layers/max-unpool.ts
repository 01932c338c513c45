import type { Tensor } from '../../tensor/tensor.ts'
import { describe } from '../describe.ts'
import { type Size, sizes } from '../functional/arguments.ts'
import { maxUnpool1d, maxUnpool2d, maxUnpool3d, type MaxUnpoolOptions } from '../functional/unpooling.ts'
import { Module } from '../module.ts'

export interface MaxUnpoolLayerOptions {
  /** Step between the windows of the pooling. Default: the kernel's size. */
  readonly stride?: Size
  /** Padding that the pooling had. Default 0. */
  readonly padding?: Size
}

/** What the three unpoolings have in common. */
abstract class MaxUnpool extends Module {
  readonly kernelSize: readonly number[]
  readonly stride: readonly number[]
  readonly padding: readonly number[]

  constructor(rank: number, kernelSize: Size, { stride = kernelSize, padding = 0 }: MaxUnpoolLayerOptions) {
    super()
    const name = new.target.name
    this.kernelSize = sizes(name, 'kernelSize', kernelSize, rank, 1)
    this.stride = sizes(name, 'stride', stride, rank, 1)
    this.padding = sizes(name, 'padding', padding, rank, 0)
  }

  protected options(outputSize: readonly number[] | undefined): MaxUnpoolOptions {
    const { stride, padding } = this
    return { stride, padding, ...(outputSize && { outputSize }) }
  }

  override extraRepr(): string {
    const { kernelSize, stride, padding } = this
    return describe({ kernelSize, stride, padding })
  }
}

/** Puts maxima back where a {@link MaxPool1d} with `returnIndices` found them, zeros elsewhere. See {@link MaxUnpool2d}. */
export class MaxUnpool1d extends MaxUnpool {
  constructor(kernelSize: Size, options: MaxUnpoolLayerOptions = {}) {
    super(1, kernelSize, options)
  }

  forward(x: Tensor, indices: Tensor, outputSize?: readonly number[]): Tensor {
    return maxUnpool1d(x, indices, this.kernelSize, this.options(outputSize))
  }
}

/**
 * Puts maxima x [N, C, H, W] back where a {@link MaxPool2d} with `returnIndices` found them, zeros elsewhere →
 * [N, C, H′, W′] with H′ = (H − 1) · stride − 2 · padding + kernel; `outputSize` chooses another size that pools to x's.
 */
export class MaxUnpool2d extends MaxUnpool {
  constructor(kernelSize: Size, options: MaxUnpoolLayerOptions = {}) {
    super(2, kernelSize, options)
  }

  forward(x: Tensor, indices: Tensor, outputSize?: readonly number[]): Tensor {
    return maxUnpool2d(x, indices, this.kernelSize, this.options(outputSize))
  }
}

/** Puts maxima back where a {@link MaxPool3d} with `returnIndices` found them, zeros elsewhere. See {@link MaxUnpool2d}. */
export class MaxUnpool3d extends MaxUnpool {
  constructor(kernelSize: Size, options: MaxUnpoolLayerOptions = {}) {
    super(3, kernelSize, options)
  }

  forward(x: Tensor, indices: Tensor, outputSize?: readonly number[]): Tensor {
    return maxUnpool3d(x, indices, this.kernelSize, this.options(outputSize))
  }
}
