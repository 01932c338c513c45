import type { LaneBuilder, ValueLike } from '../builder.ts'
import type { Register } from '../program.ts'
import { polynomial } from './exp.ts'

/** 2ˣ, within 2 ULP; from 128 on infinite, below −126 zero (the results there would be denormal). */
export function exp2(b: LaneBuilder, x: ValueLike): Register {
  const inside = b.min(127.99999237060547, b.max(-126, x))
  const n = b.round(inside)
  const p = polynomial(b, b.mul(b.sub(inside, n), Math.LN2))
  const scaled = b.fromBits(b.iadd(b.bitsOf(p), b.shl(b.toI32(n), 23)))
  const large = b.select(b.ge(x, 128), Number.POSITIVE_INFINITY, scaled)
  return b.select(b.lt(x, -126), 0, large)
}
