import { isFloating } from '../../core/dtype.ts'
import { DTypeError, ValueError } from '../../core/errors.ts'
import type { Node } from '../../graph/node.ts'
import * as ops from '../../graph/ops/arithmetic.ts'
import * as derived from '../../graph/ops/derived.ts'
import { constant } from '../../graph/ops/leaves.ts'
import * as logic from '../../graph/ops/logic.ts'
import { promote, promoteTo, TensorBase, type TensorLike, wrap } from '../base.ts'
import type { Tensor } from '../tensor.ts'
import { both, real, realBoth, realNode } from './apply.ts'

export interface Alpha {
  /** Factor of the second operand. Default 1. */
  readonly alpha?: number
}

export interface RoundingMode {
  /** 'floor' rounds down, 'trunc' towards zero; integers stay integers then. Default: not rounded. */
  readonly roundingMode?: 'floor' | 'trunc'
}

const largest = {
  float32: 3.4028234663852886e38,
  float64: Number.MAX_VALUE,
  float16: 65504,
  bfloat16: 3.3895313892515355e38,
}

/** Bools are added by or and multiplied by and. */
const add = (a: Node, b: Node): Node => (a.dtype === 'bool' ? logic.or(a, b) : ops.add(a, b))
const mul = (a: Node, b: Node): Node => (a.dtype === 'bool' ? logic.and(a, b) : ops.mul(a, b))

/** Elementwise arithmetic. Operands are tensors or numbers; shapes broadcast and dtypes promote as in PyTorch. */
export abstract class Arithmetic extends TensorBase {
  /** this + alpha · other; the logical or of bools. */
  add(other: TensorLike, { alpha = 1 }: Alpha = {}): Tensor {
    const [x, y, factor] = promote(this.self, other, alpha) as [Node, Node, Node]
    return alpha === 1 ? both(add, this.self, other) : wrap(add(x, mul(y, factor)))
  }

  /** this − alpha · other */
  sub(other: TensorLike, { alpha = 1 }: Alpha = {}): Tensor {
    const [x, y, factor] = promote(this.self, other, alpha) as [Node, Node, Node]
    return alpha === 1 ? both(ops.sub, this.self, other) : wrap(ops.sub(x, mul(y, factor)))
  }

  /** this · other, element by element; the logical and of bools. */
  mul(other: TensorLike): Tensor {
    return both(mul, this.self, other)
  }

  /** this / other; integers are divided as float32 unless the result is rounded. */
  div(other: TensorLike, { roundingMode }: RoundingMode = {}): Tensor {
    if (roundingMode === undefined) return realBoth(ops.div, this.self, other)
    if (roundingMode === 'floor') return both(ops.floorDivide, this.self, other)
    return both(
      (a, b) => (isFloating(a.dtype) ? ops.trunc(ops.div(a, b)) : derived.truncDivide(a, b)),
      this.self,
      other,
    )
  }

  /** ⌊this / other⌋. Integers divided by 0 give 0. */
  floorDivide(other: TensorLike): Tensor {
    return both(ops.floorDivide, this.self, other)
  }

  /** this − other · ⌊this / other⌋, with the sign of `other`. Integers modulo 0 give 0. */
  remainder(other: TensorLike): Tensor {
    return both(ops.remainder, this.self, other)
  }

  /** this − other · trunc(this / other), with the sign of `this`. Integers modulo 0 give 0. */
  fmod(other: TensorLike): Tensor {
    return both(ops.truncatedRemainder, this.self, other)
  }

  /** this ^ exponent. Throws a {@link ValueError} for integers to a negative number. */
  pow(exponent: TensorLike): Tensor {
    if (exponent === 2) return this.square()
    if (exponent === 0.5) return this.sqrt()
    return both(
      (a, b) => {
        if (!isFloating(a.dtype) && typeof exponent === 'number' && exponent < 0) {
          throw new ValueError(
            'pow',
            `integers have no negative powers, received exponent ${exponent}; use .to('float32')`,
          )
        }
        return ops.pow(a, b)
      },
      this.self,
      exponent,
    )
  }

  neg(): Tensor {
    return wrap(ops.neg(this.node))
  }

  abs(): Tensor {
    return wrap(ops.abs(this.node))
  }

  /** −1, 0 or 1. */
  sign(): Tensor {
    return wrap(ops.sign(this.node))
  }

  square(): Tensor {
    return both(mul, this.self, this.self)
  }

  sqrt(): Tensor {
    return real(ops.sqrt, this.self)
  }

  /** 1 / √x */
  rsqrt(): Tensor {
    return real(ops.rsqrt, this.self)
  }

  /** 1 / x */
  reciprocal(): Tensor {
    return real(ops.reciprocal, this.self)
  }

  /** Largest whole number ≤ x. */
  floor(): Tensor {
    return wrap(ops.floor(this.node))
  }

  /** Smallest whole number ≥ x. */
  ceil(): Tensor {
    return wrap(ops.ceil(this.node))
  }

  /** Nearest whole number, or with `decimals` nearest multiple of 10^−decimals; halves go to the even neighbour. */
  round({ decimals = 0 }: { readonly decimals?: number } = {}): Tensor {
    const { node } = this
    if (decimals === 0) return wrap(ops.round(node))
    const scale = constant(10 ** Math.abs(decimals), node.dtype)
    const [up, down] = decimals > 0 ? [ops.mul, ops.div] : [ops.div, ops.mul]
    return wrap(down(ops.round(up(node, scale)), scale))
  }

  /** The whole part: rounds towards zero. */
  trunc(): Tensor {
    return wrap(ops.trunc(this.node))
  }

  /** The part behind the point, with the sign of x. */
  frac(): Tensor {
    const x = floating('frac', this.node)
    return wrap(ops.sub(x, ops.trunc(x)))
  }

  /** The larger of two, element by element; NaN wins. */
  maximum(other: TensorLike): Tensor {
    return both(ops.maximum, this.self, other)
  }

  /** The smaller of two, element by element; NaN wins. */
  minimum(other: TensorLike): Tensor {
    return both(ops.minimum, this.self, other)
  }

  /** The larger of two, element by element; NaN loses. */
  fmax(other: TensorLike): Tensor {
    return both(derived.fmax, this.self, other)
  }

  /** The smaller of two, element by element; NaN loses. */
  fmin(other: TensorLike): Tensor {
    return both(derived.fmin, this.self, other)
  }

  /** Limits the elements to [min, max], given as numbers or broadcast tensors; undefined where there is no limit. */
  clamp(min: TensorLike | undefined, max?: TensorLike): Tensor {
    if (min === undefined && max === undefined) throw new ValueError('clamp', 'expects min, max or both')
    const limits = [min, max].filter((limit) => limit !== undefined)
    const [x, ...bounds] = promote(this.self, ...limits) as [Node, ...Node[]]
    const low = min === undefined ? undefined : bounds[0]
    const high = max === undefined ? undefined : bounds.at(-1)
    return wrap(derived.clamp(x, low, high))
  }

  /** this + weight · (end − this) */
  lerp(end: Tensor, weight: TensorLike): Tensor {
    const [a, b, w] = promote(this.self, end, weight) as [Node, Node, Node]
    return wrap(derived.lerp(a, b, w))
  }

  /** this + value · a · b */
  addcmul(a: Tensor, b: Tensor, { value = 1 }: { readonly value?: number } = {}): Tensor {
    const [x, y, z, factor] = promote(this.self, a, b, value) as [Node, Node, Node, Node]
    return wrap(derived.addProduct(x, y, z, factor))
  }

  /** this + value · a / b, of floating tensors. */
  addcdiv(a: Tensor, b: Tensor, { value = 1 }: { readonly value?: number } = {}): Tensor {
    const [x, y, z, factor] = promote(this.self, a, b, value) as [Node, Node, Node, Node]
    return wrap(derived.addQuotient(x, y, z, factor))
  }

  /** |this| with the sign of `other`; −0 counts as negative. */
  copysign(other: TensorLike): Tensor {
    return realBoth(derived.copySign, this.self, other)
  }

  /** √(this² + other²) without overflow. */
  hypot(other: TensorLike): Tensor {
    return realBoth(derived.hypot, this.self, other)
  }

  /** this · 2^exponent */
  ldexp(exponent: TensorLike): Tensor {
    return realBoth((x, e) => ops.mul(x, ops.pow(constant(2, x.dtype), e)), this.self, exponent)
  }

  /** Greatest common divisor of integers, never negative. */
  gcd(other: TensorLike): Tensor {
    return both(ops.gcd, this.self, other)
  }

  /** Least common multiple of integers, never negative. */
  lcm(other: TensorLike): Tensor {
    return both(derived.lcm, this.self, other)
  }

  /** The next representable number in the direction of `other`. float32 and float64. */
  nextafter(other: TensorLike): Tensor {
    return both(ops.nextAfter, this.self, other)
  }

  /** 0 where this < 0, 1 where this > 0, `values` where this is 0. No derivative. */
  heaviside(values: TensorLike): Tensor {
    return both((x, middle) => logic.detach(derived.heaviside(x, middle)), this.self, values)
  }

  /** Replaces NaN by `nan`, and infinities by the largest finite numbers or by `posinf` and `neginf`. */
  nanToNum({ nan = 0, posinf, neginf }: NonFiniteReplacements = {}): Tensor {
    const { dtype } = this
    if (!isFloating(dtype)) return this.self
    const bound = largest[dtype as keyof typeof largest]
    const [x, value, high, low] = promoteTo(dtype, this.self, nan, posinf ?? bound, neginf ?? -bound) as [
      Node,
      Node,
      Node,
      Node,
    ]
    return wrap(derived.replaceNonFinite(x, value, high, low))
  }

  /** Degrees to radians. */
  deg2rad(): Tensor {
    const x = realNode(this.self)
    return wrap(ops.mul(x, constant(Math.PI / 180, x.dtype)))
  }

  /** Radians to degrees. */
  rad2deg(): Tensor {
    const x = realNode(this.self)
    return wrap(ops.mul(x, constant(180 / Math.PI, x.dtype)))
  }
}

export interface NonFiniteReplacements {
  /** Default 0. */
  readonly nan?: number
  /** Default: the largest finite number of the dtype. */
  readonly posinf?: number
  /** Default: the smallest finite number of the dtype. */
  readonly neginf?: number
}

function floating(op: string, x: Node): Node {
  if (isFloating(x.dtype)) return x
  throw new DTypeError(op, `expects a floating dtype, received ${x.dtype}; convert with .to('float32')`)
}
