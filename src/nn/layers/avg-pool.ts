import type { Tensor } from '../../tensor/tensor.ts'
import { describe } from '../describe.ts'
import { type Size, sizes } from '../functional/arguments.ts'
import { type AvgPoolOptions, avgPool1d, avgPool2d, avgPool3d } from '../functional/pooling.ts'
import { Module } from '../module.ts'

/** What the three average poolings have in common. */
abstract class AvgPool extends Module {
  readonly kernelSize: readonly number[]
  readonly stride: readonly number[]
  readonly padding: readonly number[]
  readonly ceilMode: boolean
  readonly countIncludePad: boolean

  constructor(
    rank: number,
    kernelSize: Size,
    { stride = kernelSize, padding = 0, ceilMode = false, countIncludePad = true }: AvgPoolOptions,
  ) {
    super()
    const name = new.target.name
    this.kernelSize = sizes(name, 'kernelSize', kernelSize, rank, 1)
    this.stride = sizes(name, 'stride', stride, rank, 1)
    this.padding = sizes(name, 'padding', padding, rank, 0)
    this.ceilMode = ceilMode
    this.countIncludePad = countIncludePad
  }

  protected get options(): AvgPoolOptions {
    const { stride, padding, ceilMode, countIncludePad } = this
    return { stride, padding, ceilMode, countIncludePad }
  }

  override extraRepr(): string {
    const { kernelSize, stride, padding } = this
    return describe({ kernelSize, stride, padding })
  }
}

/** Mean over windows of x [N, C, L] → [N, C, L′]. See {@link AvgPool2d}. */
export class AvgPool1d extends AvgPool {
  constructor(kernelSize: Size, options: Omit<AvgPoolOptions, 'divisorOverride'> = {}) {
    super(1, kernelSize, options)
  }

  forward(x: Tensor): Tensor {
    return avgPool1d(x, this.kernelSize, this.options)
  }
}

/**
 * Mean over windows of x [N, C, H, W] → [N, C, H′, W′] with H′ = ⌊(H + 2 · padding − kernel) / stride⌋ + 1 (⌈⌉ with
 * `ceilMode`); the stride is the kernel's size unless given. Padding counts as zeros unless `countIncludePad` is false.
 */
export class AvgPool2d extends AvgPool {
  readonly divisorOverride: number | undefined

  constructor(kernelSize: Size, options: AvgPoolOptions = {}) {
    super(2, kernelSize, options)
    this.divisorOverride = options.divisorOverride
  }

  forward(x: Tensor): Tensor {
    const { divisorOverride } = this
    return avgPool2d(x, this.kernelSize, { ...this.options, ...(divisorOverride !== undefined && { divisorOverride }) })
  }
}

/** Mean over windows of x [N, C, D, H, W] → [N, C, D′, H′, W′]. See {@link AvgPool2d}. */
export class AvgPool3d extends AvgPool {
  readonly divisorOverride: number | undefined

  constructor(kernelSize: Size, options: AvgPoolOptions = {}) {
    super(3, kernelSize, options)
    this.divisorOverride = options.divisorOverride
  }

  forward(x: Tensor): Tensor {
    const { divisorOverride } = this
    return avgPool3d(x, this.kernelSize, { ...this.options, ...(divisorOverride !== undefined && { divisorOverride }) })
  }
}
