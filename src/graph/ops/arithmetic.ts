import {
  floorDivide as floorDivideOf,
  fmod,
  greatestCommonDivisor,
  integerPower,
  power,
  remainder as remainderOf,
} from '../../core/arithmetic.ts'
import type { Category } from '../../core/dtype.ts'
import { roundHalfEven } from '../../core/half.ts'
import { nextAfter as nextAfterOf } from '../../core/special.ts'
import type { Node } from '../node.ts'
import { type Binary, binary, type Unary, unary } from './define.ts'
import { constant } from './leaves.ts'
import { equal, less, lessEqual, logicalAnd, where } from './logic.ts'
import { log } from './transcendental.ts'
import { broadcastTo } from './views.ts'

/* Elementwise arithmetic. Each entry: its value, and beside it its derivative, written with the same ops. */

const numeric: readonly Category[] = ['integer', 'floating']

export const add: Binary = binary('add', {
  evaluate: (a, b, y, sa, sb) => {
    for (let i = 0; i < y.length; i++) y[i] = a[i * sa]! + b[i * sb]!
  },
  accepts: numeric,
  derivative: [(_a, _b, dy) => dy, (_a, _b, dy) => dy],
})

export const sub: Binary = binary('sub', {
  evaluate: (a, b, y, sa, sb) => {
    for (let i = 0; i < y.length; i++) y[i] = a[i * sa]! - b[i * sb]!
  },
  accepts: numeric,
  derivative: [(_a, _b, dy) => dy, (_a, _b, dy) => neg(dy)],
})

export const mul: Binary = binary('mul', {
  evaluate: (a, b, y, sa, sb) => {
    if (y instanceof Int32Array) for (let i = 0; i < y.length; i++) y[i] = Math.imul(a[i * sa]!, b[i * sb]!)
    else for (let i = 0; i < y.length; i++) y[i] = a[i * sa]! * b[i * sb]!
  },
  accepts: numeric,
  derivative: [(_a, b, dy) => mul(dy, b), (a, _b, dy) => mul(dy, a)],
})

/** Floating division; integer operands are converted by the caller. */
export const div: Binary = binary('div', {
  evaluate: (a, b, y, sa, sb) => {
    for (let i = 0; i < y.length; i++) y[i] = a[i * sa]! / b[i * sb]!
  },
  accepts: ['floating'],
  derivative: [(_a, b, dy) => div(dy, b), (_a, b, dy, y) => neg(div(mul(dy, y), b))],
})

/** aᵇ. The derivative by the exponent is taken as 0 where a = 0 and b ≥ 0, as in PyTorch. */
export const pow: Binary = binary('pow', {
  evaluate: (a, b, y, sa, sb) => {
    const f = y instanceof Int32Array || y instanceof Uint8Array ? integerPower : power
    for (let i = 0; i < y.length; i++) y[i] = f(a[i * sa]!, b[i * sb]!)
  },
  accepts: numeric,
  derivative: [
    (a, b, dy) => {
      const zero = constant(0, b.dtype)
      return where(equal(b, zero), zero, mul(dy, mul(b, pow(a, sub(b, constant(1, b.dtype))))))
    },
    (a, b, dy, y) => {
      const zero = constant(0, a.dtype)
      const vanishes = logicalAnd(equal(a, zero), lessEqual(zero, b))
      return where(vanishes, zero, mul(dy, mul(y, log(where(vanishes, constant(1, a.dtype), a)))))
    },
  ],
})

/** a − b·⌊a / b⌋, with the sign of b. */
export const remainder: Binary = binary('remainder', {
  evaluate: (a, b, y, sa, sb) => {
    for (let i = 0; i < y.length; i++) y[i] = remainderOf(a[i * sa]!, b[i * sb]!)
  },
  accepts: numeric,
  derivative: [(_a, _b, dy) => dy, (a, b, dy) => neg(mul(dy, floor(div(a, b))))],
})

/** a − b·trunc(a / b), with the sign of a. */
export const truncatedRemainder: Binary = binary('fmod', {
  evaluate: (a, b, y, sa, sb) => {
    for (let i = 0; i < y.length; i++) y[i] = fmod(a[i * sa]!, b[i * sb]!)
  },
  accepts: numeric,
  derivative: [(_a, _b, dy) => dy, (a, b, dy) => neg(mul(dy, trunc(div(a, b))))],
})

/** ⌊a / b⌋, consistent with {@link remainder}; 0 for integers divided by 0. */
export const floorDivide: Binary = binary('floorDivide', {
  evaluate: (a, b, y, sa, sb) => {
    for (let i = 0; i < y.length; i++) y[i] = floorDivideOf(a[i * sa]!, b[i * sb]!)
  },
  accepts: numeric,
  derivative: [flat, flat],
})

/** Greatest common divisor of integers. */
export const gcd: Binary = binary('gcd', {
  evaluate: (a, b, y, sa, sb) => {
    for (let i = 0; i < y.length; i++) y[i] = greatestCommonDivisor(a[i * sa]!, b[i * sb]!)
  },
  accepts: ['integer'],
})

/** The floating number next to a on the way to b. float32 and float64; no derivative, as in PyTorch. */
export const nextAfter: Binary = binary('nextAfter', {
  evaluate: (a, b, y, sa, sb) => {
    const bits = y instanceof Float64Array ? 64 : 32
    for (let i = 0; i < y.length; i++) y[i] = nextAfterOf(a[i * sa]!, b[i * sb]!, bits)
  },
  accepts: ['floating'],
})

/** Where both are equal each receives half of the gradient, as in PyTorch. NaN wins. */
export const maximum: Binary = binary('maximum', {
  evaluate: (a, b, y, sa, sb) => {
    for (let i = 0; i < y.length; i++) y[i] = Math.max(a[i * sa]!, b[i * sb]!)
  },
  derivative: [(a, b, dy) => winnerShare(less(a, b), a, b, dy), (a, b, dy) => winnerShare(less(b, a), a, b, dy)],
})

/** Where both are equal each receives half of the gradient, as in PyTorch. NaN wins. */
export const minimum: Binary = binary('minimum', {
  evaluate: (a, b, y, sa, sb) => {
    for (let i = 0; i < y.length; i++) y[i] = Math.min(a[i * sa]!, b[i * sb]!)
  },
  derivative: [(a, b, dy) => winnerShare(less(b, a), a, b, dy), (a, b, dy) => winnerShare(less(a, b), a, b, dy)],
})

function winnerShare(loses: Node, a: Node, b: Node, dy: Node): Node {
  const share = where(equal(a, b), mul(dy, constant(0.5, a.dtype)), dy)
  return where(loses, constant(0, a.dtype), share)
}

/** Angle of the point (b, a), in (−π, π]. */
export const atan2: Binary = binary('atan2', {
  evaluate: (a, b, y, sa, sb) => {
    for (let i = 0; i < y.length; i++) y[i] = Math.atan2(a[i * sa]!, b[i * sb]!)
  },
  accepts: ['floating'],
  derivative: [
    (a, b, dy) => mul(dy, div(b, add(mul(a, a), mul(b, b)))),
    (a, b, dy) => neg(mul(dy, div(a, add(mul(a, a), mul(b, b))))),
  ],
})

export const neg: Unary = unary('neg', {
  evaluate: (x, y) => {
    for (let i = 0; i < y.length; i++) y[i] = -x[i]!
  },
  accepts: numeric,
  derivative: (_x, _y, dy) => neg(dy),
})

export const abs: Unary = unary('abs', {
  evaluate: (x, y) => {
    for (let i = 0; i < y.length; i++) y[i] = Math.abs(x[i]!)
  },
  accepts: numeric,
  derivative: (x, _y, dy) => mul(dy, sign(x)),
})

/** −1, 0 or 1; NaN gives 0, as in PyTorch. */
export const sign: Unary = unary('sign', {
  evaluate: (x, y) => {
    for (let i = 0; i < y.length; i++) y[i] = x[i]! > 0 ? 1 : x[i]! < 0 ? -1 : 0
  },
  accepts: numeric,
  derivative: flat,
})

export const reciprocal: Unary = unary('reciprocal', {
  evaluate: (x, y) => {
    for (let i = 0; i < y.length; i++) y[i] = 1 / x[i]!
  },
  derivative: (_x, y, dy) => neg(mul(dy, mul(y, y))),
})

export const sqrt: Unary = unary('sqrt', {
  evaluate: (x, y) => {
    for (let i = 0; i < y.length; i++) y[i] = Math.sqrt(x[i]!)
  },
  derivative: (_x, y, dy) => div(dy, add(y, y)),
})

/** 1 / √x. */
export const rsqrt: Unary = unary('rsqrt', {
  evaluate: (x, y) => {
    for (let i = 0; i < y.length; i++) y[i] = 1 / Math.sqrt(x[i]!)
  },
  derivative: (_x, y, dy) => mul(dy, mul(constant(-0.5, y.dtype), mul(y, mul(y, y)))),
})

export const floor: Unary = unary('floor', {
  evaluate: (x, y) => {
    for (let i = 0; i < y.length; i++) y[i] = Math.floor(x[i]!)
  },
  accepts: numeric,
  derivative: flat,
})

export const ceil: Unary = unary('ceil', {
  evaluate: (x, y) => {
    for (let i = 0; i < y.length; i++) y[i] = Math.ceil(x[i]!)
  },
  accepts: numeric,
  derivative: flat,
})

/** Halves go to the even neighbour. */
export const round: Unary = unary('round', {
  evaluate: (x, y) => {
    for (let i = 0; i < y.length; i++) y[i] = roundHalfEven(x[i]!)
  },
  accepts: numeric,
  derivative: flat,
})

export const trunc: Unary = unary('trunc', {
  evaluate: (x, y) => {
    for (let i = 0; i < y.length; i++) y[i] = Math.trunc(x[i]!)
  },
  accepts: numeric,
  derivative: flat,
})

/** Derivative of functions that are constant almost everywhere. */
function flat(x: Node): Node {
  return broadcastTo(constant(0, x.dtype), x.shape)
}
