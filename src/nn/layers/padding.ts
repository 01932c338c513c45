import { ValueError } from '../../core/errors.ts'
import { formatShape } from '../../core/shape.ts'
import type { Tensor } from '../../tensor/tensor.ts'
import { describe } from '../describe.ts'
import { pad } from '../functional/padding.ts'
import { Module } from '../module.ts'
import { checkRank } from './batch-norm.ts'

/**
 * How many elements to add: one number for every side, or [before, after] of the last dimension, then of the one before it,
 * and so on; negative amounts crop.
 */
export type PaddingSize = number | readonly number[]

type Mode = 'constant' | 'reflect' | 'replicate' | 'circular'

const layouts = ['', '[N, C, L]', '[N, C, H, W]', '[N, C, D, H, W]']

/** What all padding modules have in common. */
abstract class Pad extends Module {
  readonly padding: readonly number[]
  readonly #rank: number
  readonly #mode: Mode

  constructor(rank: number, padding: PaddingSize, mode: Mode) {
    super()
    const name = new.target.name
    this.padding = typeof padding === 'number' ? new Array<number>(2 * rank).fill(padding) : padding
    if (this.padding.length !== 2 * rank || !this.padding.every(Number.isInteger)) {
      throw new ValueError(name, `padding takes one whole number or ${2 * rank}, received ${formatShape(this.padding)}`)
    }
    this.#rank = rank
    this.#mode = mode
  }

  protected padded(x: Tensor, value = 0): Tensor {
    const rank = this.#rank
    checkRank(this.constructor.name, x, [rank + 1, rank + 2], `${layouts[rank]} (or one without N)`)
    if (this.#mode === 'constant') return pad(x, this.padding, { value })
    return pad(x, this.padding, { mode: this.#mode })
  }

  forward(x: Tensor): Tensor {
    return this.padded(x)
  }

  override extraRepr(): string {
    const { padding } = this
    return describe({ padding })
  }
}

/** What the three constant paddings have in common. */
abstract class ConstantPad extends Pad {
  readonly value: number

  constructor(rank: number, padding: PaddingSize, value: number) {
    super(rank, padding, 'constant')
    this.value = value
  }

  override forward(x: Tensor): Tensor {
    return this.padded(x, this.value)
  }

  override extraRepr(): string {
    const { padding, value } = this
    return describe({ padding, value })
  }
}

/** Surrounds x [N, C, L] with `value`. */
export class ConstantPad1d extends ConstantPad {
  constructor(padding: PaddingSize, value: number) {
    super(1, padding, value)
  }
}

/** Surrounds x [N, C, H, W] with `value`; padding is one number or [left, right, top, bottom]. */
export class ConstantPad2d extends ConstantPad {
  constructor(padding: PaddingSize, value: number) {
    super(2, padding, value)
  }
}

/** Surrounds x [N, C, D, H, W] with `value`; padding is one number or [left, right, top, bottom, front, back]. */
export class ConstantPad3d extends ConstantPad {
  constructor(padding: PaddingSize, value: number) {
    super(3, padding, value)
  }
}

/** Surrounds x [N, C, L] with zeros. */
export class ZeroPad1d extends Pad {
  constructor(padding: PaddingSize) {
    super(1, padding, 'constant')
  }
}

/** Surrounds x [N, C, H, W] with zeros; padding is one number or [left, right, top, bottom]. */
export class ZeroPad2d extends Pad {
  constructor(padding: PaddingSize) {
    super(2, padding, 'constant')
  }
}

/** Surrounds x [N, C, D, H, W] with zeros; padding is one number or [left, right, top, bottom, front, back]. */
export class ZeroPad3d extends Pad {
  constructor(padding: PaddingSize) {
    super(3, padding, 'constant')
  }
}

/** Surrounds x [N, C, L] with its mirror image, the edge itself not repeated. */
export class ReflectionPad1d extends Pad {
  constructor(padding: PaddingSize) {
    super(1, padding, 'reflect')
  }
}

/** Surrounds x [N, C, H, W] with its mirror image; padding is one number or [left, right, top, bottom]. */
export class ReflectionPad2d extends Pad {
  constructor(padding: PaddingSize) {
    super(2, padding, 'reflect')
  }
}

/** Surrounds x [N, C, D, H, W] with its mirror image; padding is one number or [left, right, top, bottom, front, back]. */
export class ReflectionPad3d extends Pad {
  constructor(padding: PaddingSize) {
    super(3, padding, 'reflect')
  }
}

/** Continues x [N, C, L] by its first and last element. */
export class ReplicationPad1d extends Pad {
  constructor(padding: PaddingSize) {
    super(1, padding, 'replicate')
  }
}

/** Continues x [N, C, H, W] by its border; padding is one number or [left, right, top, bottom]. */
export class ReplicationPad2d extends Pad {
  constructor(padding: PaddingSize) {
    super(2, padding, 'replicate')
  }
}

/** Continues x [N, C, D, H, W] by its border; padding is one number or [left, right, top, bottom, front, back]. */
export class ReplicationPad3d extends Pad {
  constructor(padding: PaddingSize) {
    super(3, padding, 'replicate')
  }
}

/** Continues x [N, C, L] by its other end. */
export class CircularPad1d extends Pad {
  constructor(padding: PaddingSize) {
    super(1, padding, 'circular')
  }
}

/** Continues x [N, C, H, W] by its other end; padding is one number or [left, right, top, bottom]. */
export class CircularPad2d extends Pad {
  constructor(padding: PaddingSize) {
    super(2, padding, 'circular')
  }
}

/** Continues x [N, C, D, H, W] by its other end; padding is one number or [left, right, top, bottom, front, back]. */
export class CircularPad3d extends Pad {
  constructor(padding: PaddingSize) {
    super(3, padding, 'circular')
  }
}
