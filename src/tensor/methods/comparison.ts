import { DTypeError } from '../../core/errors.ts'
import { sameShape } from '../../core/shape.ts'
import type { Node } from '../../graph/node.ts'
import * as derived from '../../graph/ops/derived.ts'
import { constant, scalar } from '../../graph/ops/leaves.ts'
import * as logic from '../../graph/ops/logic.ts'
import { broadcastTo } from '../../graph/ops/views.ts'
import { reduce } from '../../graph/ops/reduce.ts'
import { type TensorLike, wrap } from '../base.ts'
import type { Tensor } from '../tensor.ts'
import { both } from './apply.ts'
import { Arithmetic } from './arithmetic.ts'

export interface Tolerance {
  /** Relative tolerance. Default 1e-5. */
  readonly rtol?: number
  /** Absolute tolerance. Default 1e-8. */
  readonly atol?: number
  /** Whether NaN is close to NaN. Default false. */
  readonly equalNan?: boolean
}

/** Comparisons and logic, which give bool, and bitwise operations on integers and bools. */
export abstract class Comparison extends Arithmetic {
  /** this = other */
  eq(other: TensorLike): Tensor {
    return both(logic.equal, this.self, other)
  }

  /** this ≠ other */
  ne(other: TensorLike): Tensor {
    return both(logic.notEqual, this.self, other)
  }

  /** this < other */
  lt(other: TensorLike): Tensor {
    return both(logic.less, this.self, other)
  }

  /** this ≤ other */
  le(other: TensorLike): Tensor {
    return both(logic.lessEqual, this.self, other)
  }

  /** this > other */
  gt(other: TensorLike): Tensor {
    return both(logic.greater, this.self, other)
  }

  /** this ≥ other */
  ge(other: TensorLike): Tensor {
    return both(logic.greaterEqual, this.self, other)
  }

  /** |this − other| ≤ atol + rtol · |other|, element by element. Both must have the same dtype. */
  isClose(other: Tensor, { rtol = 1e-5, atol = 1e-8, equalNan = false }: Tolerance = {}): Tensor {
    if (this.dtype !== other.dtype) {
      throw new DTypeError('isClose', `expects two tensors of one dtype, received ${this.dtype} and ${other.dtype}`)
    }
    const wide = this.dtype === 'float64' ? 'float64' : 'float32'
    const [a, b] = [this.self, other].map((x) => logic.cast(x.node, wide)) as [Node, Node]
    return wrap(derived.isClose(a, b, scalar(rtol, wide), scalar(atol, wide), equalNan))
  }

  /** Whether all elements are close, as {@link isClose} says. */
  async allClose(other: Tensor, tolerance: Tolerance = {}): Promise<boolean> {
    const close = this.isClose(other, tolerance).node
    return (await wrap(allOf(close)).item()) === 1
  }

  /** Whether both have the same shape and the same elements. */
  async equal(other: Tensor): Promise<boolean> {
    if (!sameShape(this.shape, other.shape)) return false
    return (await wrap(allOf(this.eq(other).node)).item()) === 1
  }

  isNan(): Tensor {
    return wrap(derived.isNan(this.node))
  }

  /** Neither infinite nor NaN. */
  isFinite(): Tensor {
    return wrap(derived.isFiniteNumber(this.node))
  }

  /** ∞ or −∞. */
  isInf(): Tensor {
    return wrap(derived.isInfinite(this.node))
  }

  isPosInf(): Tensor {
    return wrap(logic.logicalAnd(derived.isInfinite(this.node), this.gt(0).node))
  }

  isNegInf(): Tensor {
    return wrap(logic.logicalAnd(derived.isInfinite(this.node), this.lt(0).node))
  }

  /** Whether the sign bit is set; true for −0. */
  signbit(): Tensor {
    return wrap(this.dtype === 'bool' ? broadcastTo(constant(0, 'bool'), this.shape) : derived.signBit(this.node))
  }

  /** Both are not 0. */
  logicalAnd(other: Tensor): Tensor {
    return wrap(logic.logicalAnd(this.node, other.node))
  }

  /** One or both are not 0. */
  logicalOr(other: Tensor): Tensor {
    return wrap(logic.logicalOr(this.node, other.node))
  }

  /** Just one is not 0. */
  logicalXor(other: Tensor): Tensor {
    return wrap(logic.logicalXor(this.node, other.node))
  }

  /** Is 0. */
  logicalNot(): Tensor {
    return wrap(logic.logicalNot(this.node))
  }

  bitwiseAnd(other: TensorLike): Tensor {
    return both(logic.and, this.self, other)
  }

  bitwiseOr(other: TensorLike): Tensor {
    return both(logic.or, this.self, other)
  }

  bitwiseXor(other: TensorLike): Tensor {
    return both(logic.xor, this.self, other)
  }

  /** Every bit inverted; the opposite of bools. */
  bitwiseNot(): Tensor {
    return wrap(logic.bitwiseNot(this.node))
  }

  /** this · 2^bits, dropping what leaves the integer. */
  bitwiseLeftShift(bits: TensorLike): Tensor {
    return both(logic.shiftLeft, this.self, bits)
  }

  /** ⌊this / 2^bits⌋: the sign is kept. */
  bitwiseRightShift(bits: TensorLike): Tensor {
    return both(logic.shiftRight, this.self, bits)
  }
}

/** Whether all elements of a bool node are true; yes for none at all. */
function allOf(x: Node): Node {
  return reduce(x, 'prod', [...x.shape.keys()])
}
