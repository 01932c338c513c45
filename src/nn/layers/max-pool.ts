import type { Tensor } from '../../tensor/tensor.ts'
import { describe } from '../describe.ts'
import { type Size, sizes } from '../functional/arguments.ts'
import { type MaxPoolOptions, maxPool1d, maxPool2d, maxPool3d } from '../functional/pooling.ts'
import { Module } from '../module.ts'

export interface MaxPoolLayerOptions<Indices extends boolean> extends Omit<MaxPoolOptions, 'returnIndices'> {
  /** Return `[values, indices]`, as unpooling needs them: the indices int32 and flat over space. Default false. */
  readonly returnIndices?: Indices
}

/** The maxima alone, or with their positions. */
export type Pooled<Indices extends boolean> = Indices extends true ? [values: Tensor, indices: Tensor] : Tensor

/** What the three maximum poolings have in common. */
abstract class MaxPool<Indices extends boolean> extends Module {
  readonly kernelSize: readonly number[]
  readonly stride: readonly number[]
  readonly padding: readonly number[]
  readonly dilation: readonly number[]
  readonly ceilMode: boolean
  readonly returnIndices: boolean

  constructor(
    rank: number,
    kernelSize: Size,
    { stride = kernelSize, padding = 0, dilation = 1, ceilMode = false, returnIndices }: MaxPoolLayerOptions<Indices>,
  ) {
    super()
    const name = new.target.name
    this.kernelSize = sizes(name, 'kernelSize', kernelSize, rank, 1)
    this.stride = sizes(name, 'stride', stride, rank, 1)
    this.padding = sizes(name, 'padding', padding, rank, 0)
    this.dilation = sizes(name, 'dilation', dilation, rank, 1)
    this.ceilMode = ceilMode
    this.returnIndices = returnIndices ?? false
  }

  override extraRepr(): string {
    const { kernelSize, stride, padding, dilation, ceilMode } = this
    return describe({ kernelSize, stride, padding, dilation, ceilMode })
  }
}

/** Maximum over windows of x [N, C, L] → [N, C, L′]. See {@link MaxPool2d}. */
export class MaxPool1d<Indices extends boolean = false> extends MaxPool<Indices> {
  constructor(kernelSize: Size, options: MaxPoolLayerOptions<Indices> = {}) {
    super(1, kernelSize, options)
  }

  forward(x: Tensor): Pooled<Indices> {
    return maxPool1d(x, this.kernelSize, this) as Pooled<Indices>
  }
}

/**
 * Maximum over windows of x [N, C, H, W] → [N, C, H′, W′] with
 * H′ = ⌊(H + 2 · padding − dilation · (kernel − 1) − 1) / stride⌋ + 1 (⌈⌉ with `ceilMode`); the stride is the kernel's size
 * unless given. Padding never wins. The batch dimension may be left out.
 */
export class MaxPool2d<Indices extends boolean = false> extends MaxPool<Indices> {
  constructor(kernelSize: Size, options: MaxPoolLayerOptions<Indices> = {}) {
    super(2, kernelSize, options)
  }

  forward(x: Tensor): Pooled<Indices> {
    return maxPool2d(x, this.kernelSize, this) as Pooled<Indices>
  }
}

/** Maximum over windows of x [N, C, D, H, W] → [N, C, D′, H′, W′]. See {@link MaxPool2d}. */
export class MaxPool3d<Indices extends boolean = false> extends MaxPool<Indices> {
  constructor(kernelSize: Size, options: MaxPoolLayerOptions<Indices> = {}) {
    super(3, kernelSize, options)
  }

  forward(x: Tensor): Pooled<Indices> {
    return maxPool3d(x, this.kernelSize, this) as Pooled<Indices>
  }
}
