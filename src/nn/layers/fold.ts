import type { Tensor } from '../../tensor/tensor.ts'
import { describe } from '../describe.ts'
import { type Size, sizes } from '../functional/arguments.ts'
import { fold, type FoldOptions, unfold } from '../functional/fold.ts'
import { Module } from '../module.ts'

/** What {@link Unfold} and {@link Fold} have in common. */
abstract class Patches extends Module {
  readonly kernelSize: readonly number[]
  readonly dilation: readonly number[]
  readonly padding: readonly number[]
  readonly stride: readonly number[]

  constructor(kernelSize: Size, { dilation = 1, padding = 0, stride = 1 }: FoldOptions) {
    super()
    const name = new.target.name
    this.kernelSize = sizes(name, 'kernelSize', kernelSize, 2, 1)
    this.dilation = sizes(name, 'dilation', dilation, 2, 1)
    this.padding = sizes(name, 'padding', padding, 2, 0)
    this.stride = sizes(name, 'stride', stride, 2, 1)
  }

  override extraRepr(): string {
    const { kernelSize, dilation, padding, stride } = this
    return describe({ kernelSize, dilation, padding, stride })
  }
}

/** Patches as columns: x [N, C, H, W] → [N, C · KH · KW, number of windows]. */
export class Unfold extends Patches {
  constructor(kernelSize: Size, options: FoldOptions = {}) {
    super(kernelSize, options)
  }

  forward(x: Tensor): Tensor {
    return unfold(x, this.kernelSize, this)
  }
}

/** Sums overlapping patches: x [N, C · KH · KW, number of windows] → [N, C, ...outputSize]. The adjoint of {@link Unfold}. */
export class Fold extends Patches {
  readonly outputSize: readonly number[]

  constructor(outputSize: Size, kernelSize: Size, options: FoldOptions = {}) {
    super(kernelSize, options)
    this.outputSize = sizes('Fold', 'outputSize', outputSize, 2, 1)
  }

  forward(x: Tensor): Tensor {
    return fold(x, this.outputSize, this.kernelSize, this)
  }

  override extraRepr(): string {
    const { outputSize } = this
    return `${describe({ outputSize })}, ${super.extraRepr()}`
  }
}
