import type { LaneBuilder, ValueLike } from '../builder.ts'
import type { Register } from '../program.ts'
import { expOfSum } from './exp.ts'
import { parts } from './log.ts'

/**
 * xʸ, within 2 ULP; signs, zeros, infinities and NaN as C's pow.
 *
 * ln |x| in two parts of about 31 bits together, times y, then the exponential of both parts.
 */
export function pow(b: LaneBuilder, x: ValueLike, y: ValueLike): Register {
  const a = b.abs(x)
  const { high, low } = preciseLog(b, a)
  const product = b.mul(y, high)
  const rest = b.fma(y, low, b.fma(y, high, b.neg(product)))
  const bounded = b.lt(b.abs(product), 200)
  const size = expOfSum(b, product, b.select(bounded, rest, 0))
  return signed(b, x, y, edges(b, a, y, size))
}

/** ln a for normal a > 0, as a sum. */
function preciseLog(b: LaneBuilder, a: Register): { high: Register; low: Register } {
  const { k, f } = parts(b, a)
  // s = f / (2 + f) with the remainder of the division.
  const d = b.add(f, 2)
  const s = b.div(f, d)
  const lost = b.sub(f, b.sub(d, 2))
  const sLow = b.div(b.fnma(s, lost, b.fnma(s, d, f)), d)
  // ln(1 + f) = 2s + ⅔s³ + ⅖s⁵ ...
  const z = b.mul(s, s)
  let p: ValueLike = SERIES[0] as number
  for (const coefficient of SERIES.slice(1)) p = b.fma(p, z, coefficient)
  const cubic = b.mul(b.mul(z, s), p)
  const twice = b.add(s, s)
  const whole = b.mul(k, LN2_HIGH)
  const sum = b.add(whole, twice)
  const rounded = b.sub(twice, b.sub(sum, whole))
  const rest = b.add(rounded, b.add(b.fma(k, LN2_LOW, cubic), b.add(sLow, sLow)))
  const high = b.add(sum, rest)
  return { high, low: b.sub(rest, b.sub(high, sum)) }
}

/** |x|ʸ where |x| is 0, 1 or infinite or y is infinite. */
function edges(b: LaneBuilder, a: Register, y: ValueLike, inside: Register): Register {
  const { POSITIVE_INFINITY: infinity } = Number
  const rises = b.gt(y, 0)
  const atZero = b.select(rises, 0, infinity)
  const atInfinity = b.select(rises, infinity, 0)
  const low = b.select(b.eq(a, 0), atZero, inside)
  const high = b.select(b.eq(a, infinity), atInfinity, low)
  return b.select(b.eq(a, 1), 1, high)
}

/** The sign of an odd power, and where there is no power. */
function signed(b: LaneBuilder, x: ValueLike, y: ValueLike, size: Register): Register {
  const isWhole = b.eq(b.trunc(y), y)
  const odd = b.mand(b.ieq(b.iand(b.truncI32(y), b.int(1)), b.int(1)), isWhole)
  const sign = b.select(odd, b.iand(b.bitsOf(x), b.int(-(2 ** 31))), b.int(0))
  const value = b.fromBits(b.ior(b.bitsOf(size), sign))
  const negative = b.mand(b.lt(x, 0), b.lt(Number.NEGATIVE_INFINITY, x))
  const real = b.select(b.mand(negative, b.mnot(isWhole)), Number.NaN, value)
  const unknown = b.mor(b.ne(x, x), b.ne(y, y))
  const one = b.mor(b.eq(y, 0), b.eq(x, 1))
  return b.select(one, 1, b.select(unknown, Number.NaN, real))
}

/** ln 2 = high + low; k · high is exact. */
const LN2_HIGH = 0.693145751953125
const LN2_LOW = 1.428606765330187e-6

/** 2/9, 2/7, 2/5, 2/3, the first of them fitted to what follows. */
const SERIES: readonly number[] = [0.24, 0.2857142857, 0.4, 0.66666666667]

/** xʸ modulo 2³² of whole numbers by repeated squaring; for y < 0 the truncated reciprocal: 0 unless x is 1 or −1. */
export function integerPow(b: LaneBuilder, x: Register, y: Register): Register {
  const [zero, one] = [b.int(0), b.int(1)]
  const result = b.variable(one)
  const base = b.variable(x)
  const left = b.variable(y)
  b.loop({ count: 31 }, () => {
    const odd = b.ieq(b.iand(left, one), one)
    b.set(result, b.select(odd, b.imul(result, base), result))
    b.set(base, b.imul(base, base))
    b.set(left, b.shr(left, 1))
  })
  const isUnit = b.mor(b.ieq(x, one), b.ieq(x, b.int(-1)))
  // The powers of 1 and −1 only ask whether y is odd, whatever its sign.
  const parity = b.select(b.ieq(b.iand(y, one), one), x, one)
  const units = b.select(isUnit, parity, zero)
  return b.select(b.ilt(y, zero), units, result)
}
