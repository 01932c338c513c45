import type { LaneBuilder } from '../builder.ts'
import type { Register } from '../program.ts'

/* Division of int32 lanes: a divisor of 0 gives 0, −2³¹ / −1 wraps to −2³¹. */

interface Division {
  readonly quotient: Register
  /** With the sign of the dividend. */
  readonly remainder: Register
}

/** Rounded towards zero, digit by digit: there is no instruction for it. */
function divide(b: LaneBuilder, a: Register, d: Register): Division {
  const zero = b.int(0)
  const lowest = b.int(-(2 ** 31))
  const magnitude = (x: Register): Register => b.select(b.ilt(x, zero), b.isub(zero, x), x)
  const divisor = magnitude(d)
  // Magnitudes are numbers without sign, up to 2³¹; compared with the highest bit turned round.
  const limit = b.ixor(divisor, lowest)
  const rest = b.variable(zero)
  const digits = b.variable(magnitude(a))
  b.loop({ count: 32 }, () => {
    const next = b.ior(b.shl(rest, 1), b.shr(digits, 31))
    const smaller = b.ilt(b.ixor(next, lowest), limit)
    b.set(rest, b.select(smaller, next, b.isub(next, divisor)))
    const shifted = b.shl(digits, 1)
    b.set(digits, b.select(smaller, shifted, b.ior(shifted, b.int(1))))
  })
  const isZero = b.ieq(d, zero)
  const negative = b.ilt(b.ixor(a, d), zero)
  const quotient = b.select(negative, b.isub(zero, digits), digits)
  const remainder = b.select(b.ilt(a, zero), b.isub(zero, rest), rest)
  return { quotient: b.select(isZero, zero, quotient), remainder: b.select(isZero, zero, remainder) }
}

/** a − d·trunc(a / d) */
export function integerFmod(b: LaneBuilder, a: Register, d: Register): Register {
  return divide(b, a, d).remainder
}

/** a − d·⌊a / d⌋ */
export function integerRemainder(b: LaneBuilder, a: Register, d: Register): Register {
  const { remainder } = divide(b, a, d)
  return b.select(between(b, remainder, d), b.iadd(remainder, d), remainder)
}

/** ⌊a / d⌋ */
export function integerFloorDivide(b: LaneBuilder, a: Register, d: Register): Register {
  const { quotient, remainder } = divide(b, a, d)
  return b.select(between(b, remainder, d), b.isub(quotient, b.int(1)), quotient)
}

/** Whether the remainder is not zero and of the other sign than the divisor: rounding down goes one further than to zero. */
function between(b: LaneBuilder, remainder: Register, d: Register): Register {
  const zero = b.int(0)
  return b.mand(b.mnot(b.ieq(remainder, zero)), b.ilt(b.ixor(remainder, d), zero))
}
