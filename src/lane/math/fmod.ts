import type { LaneBuilder, ValueLike } from '../builder.ts'
import type { Register } from '../program.ts'
import { copySign } from './tanh.ts'

/** Quotients shrink by at least 23 bits a round, and have at most 277. */
const rounds = 13

/** a − n·d with n whole and the result nearer to 0 than d and of the sign of a: exact, as C's fmod. */
export function fmod(b: LaneBuilder, a: ValueLike, d: ValueLike): Register {
  const m = b.abs(d)
  const rest = b.variable(b.abs(a))
  // Multiples of a large multiple of d first: the quotient by d itself may overflow.
  const multiple = b.mul(m, 2 ** 64)
  const reduce = (by: Register): void => {
    b.loop({ count: rounds }, () => {
      const n = b.round(b.div(rest, by))
      const next = b.fnma(n, by, rest)
      b.set(rest, b.select(b.eq(n, 0), rest, next))
    })
  }
  reduce(b.select(b.lt(multiple, Number.POSITIVE_INFINITY), multiple, b.variable(Number.POSITIVE_INFINITY)))
  reduce(m)
  const positive = b.select(b.lt(rest, 0), b.add(rest, m), rest)
  const finite = b.mand(b.lt(b.abs(a), Number.POSITIVE_INFINITY), b.lt(0, m))
  return b.select(finite, copySign(b, positive, a), Number.NaN)
}

/** Remainder with the sign of the divisor: fmod, moved by d where the signs differ. */
export function floorRemainder(b: LaneBuilder, a: ValueLike, d: ValueLike): Register {
  const r = fmod(b, a, d)
  return b.select(otherSide(b, r, d), b.add(r, d), r)
}

/** ⌊a / d⌋ as `(a − remainder) / d`, so that ⌊1 / 0.1⌋ is 9; ±∞ or NaN for d = 0. */
export function floorDivide(b: LaneBuilder, a: ValueLike, d: ValueLike): Register {
  const r = fmod(b, a, d)
  const quotient = b.div(b.sub(a, r), d)
  const floored = b.select(otherSide(b, r, d), b.sub(quotient, 1), quotient)
  const whole = b.floor(floored)
  const rounded = b.select(b.gt(b.sub(floored, whole), 0.5), b.add(whole, 1), whole)
  return b.select(b.eq(d, 0), b.div(a, d), rounded)
}

/** Whether r is not zero and has the sign that d has not. */
function otherSide(b: LaneBuilder, r: Register, d: ValueLike): Register {
  return b.mor(b.mand(b.lt(r, 0), b.lt(0, d)), b.mand(b.lt(0, r), b.lt(d, 0)))
}
