import type { LaneBuilder, ValueLike } from '../builder.ts'
import type { Register } from '../program.ts'
import { logOf, SQRT_HALF } from './log.ts'

/**
 * log(1 + x), within 2 ULP, also near 0; −∞ at −1, NaN below.
 *
 * u = 1 + x is split as in log; what the addition rounded off is added to the fraction (FreeBSD msun s_log1pf.c, Sun Microsystems 1993).
 */
export function log1p(b: LaneBuilder, x: ValueLike): Register {
  const u = b.add(x, 1)
  const shifted = b.isub(b.bitsOf(u), b.int(SQRT_HALF))
  const whole = b.sar(shifted, 23)
  const k = b.toF32(whole)
  const m = b.fromBits(b.iadd(b.iand(shifted, b.int(0x7fffff)), b.int(SQRT_HALF)))
  const lost = b.select(b.gt(x, 1), b.sub(1, b.sub(u, x)), b.sub(x, b.sub(u, 1)))
  // Beyond 2²⁵ what is lost is less than a rounding.
  const unit = b.fromBits(b.shl(b.isub(b.int(127), b.imin(whole, b.int(126))), 23))
  const f = b.select(b.eq(k, 0), x, b.fma(lost, unit, b.sub(m, 1)))
  const inside = b.select(b.gt(x, -1), logOf(b, k, f), b.select(b.eq(x, -1), Number.NEGATIVE_INFINITY, Number.NaN))
  // Infinity and NaN stay, and so does the sign of zero.
  const finite = b.select(b.lt(x, Number.POSITIVE_INFINITY), inside, b.add(x, x))
  return b.select(b.eq(x, 0), x, finite)
}
