import type { LaneBuilder, ValueLike } from '../builder.ts'
import type { Register } from '../program.ts'
import { reduced, remainder } from './exp.ts'

/**
 * eˣ − 1, within 2 ULP, also near 0.
 *
 * With x = n·ln 2 + r it is 2ⁿ·(eʳ − 1) + (2ⁿ − 1), where eʳ − 1 is a polynomial without constant term. 2ⁿ is taken by halves, so
 * that it stays finite where the result does.
 */
export function expm1(b: LaneBuilder, x: ValueLike): Register {
  const { n, r } = reduced(b, x)
  const p = b.fma(b.mul(r, r), remainder(b, r), r)
  const half = b.fromBits(b.shl(b.iadd(b.toI32(n), b.int(126)), 23))
  const scaled = b.fma(half, p, b.sub(half, 0.5))
  const sum = b.select(b.eq(n, 0), p, b.add(scaled, scaled))
  const large = b.select(b.gt(x, 88.72283172607422), Number.POSITIVE_INFINITY, sum)
  const low = b.select(b.lt(x, -40), -1, large)
  // Keeps the sign of zero.
  return b.select(b.eq(x, 0), x, low)
}
