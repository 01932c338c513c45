import type { LaneBuilder, ValueLike } from '../builder.ts'
import type { Register } from '../program.ts'

/**
 * eˣ, within 1 ULP; above 88.72 infinite, below −87.33 zero (the results there would be denormal).
 *
 * x = n·ln 2 + r with |r| ≤ ln 2 / 2, ln 2 in two parts (Cody and Waite, 1980); eʳ by a polynomial of degree 6 fitted on that interval; 2ⁿ by
 * adding n to the exponent.
 */
export function exp(b: LaneBuilder, x: ValueLike): Register {
  const { n, r } = reduced(b, x)
  const scaled = b.fromBits(b.iadd(b.bitsOf(polynomial(b, r)), b.shl(b.toI32(n), 23)))
  return beyond(b, x, scaled)
}

/** e^(x + y) for |y| much smaller than |x|: what x was rounded by is not lost. Within 1 ULP. */
export function expOfSum(b: LaneBuilder, x: ValueLike, y: ValueLike): Register {
  const { n, r } = reduced(b, x)
  const scaled = b.fromBits(b.iadd(b.bitsOf(polynomial(b, b.add(r, y))), b.shl(b.toI32(n), 23)))
  return beyond(b, x, scaled)
}

/** eˣ / 2 for x ≥ 0, within 1 ULP: finite up to 89.41, as far as sinh and cosh are. */
export function halfExp(b: LaneBuilder, x: ValueLike): Register {
  const inside = b.min(HIGHEST + Math.LN2, x)
  const n = b.round(b.mul(inside, Math.LOG2E))
  const r = b.fnma(n, LN2_LOW, b.fnma(n, LN2_HIGH, inside))
  const scaled = b.fromBits(b.iadd(b.bitsOf(polynomial(b, r)), b.shl(b.toI32(b.sub(n, 1)), 23)))
  const large = b.select(b.gt(x, HIGHEST + Math.LN2), Number.POSITIVE_INFINITY, scaled)
  return b.select(b.eq(x, x), large, x)
}

/** x = n·ln 2 + r. */
export function reduced(b: LaneBuilder, x: ValueLike): { n: Register; r: Register } {
  // Constants first: min and max give their second operand where one is NaN.
  const inside = b.min(HIGHEST, b.max(LOWEST, x))
  const n = b.round(b.mul(inside, Math.LOG2E))
  return { n, r: b.fnma(n, LN2_LOW, b.fnma(n, LN2_HIGH, inside)) }
}

/** eʳ for |r| ≤ ln 2 / 2. */
export function polynomial(b: LaneBuilder, r: ValueLike): Register {
  let p = b.fma(r, EXP[0] as number, EXP[1] as number)
  for (const coefficient of EXP.slice(2)) p = b.fma(p, r, coefficient)
  return p
}

/** (eʳ − 1 − r) / r² for |r| ≤ ln 2 / 2. */
export function remainder(b: LaneBuilder, r: ValueLike): Register {
  let p = b.fma(r, EXP[0] as number, EXP[1] as number)
  for (const coefficient of EXP.slice(2, -2)) p = b.fma(p, r, coefficient)
  return p
}

function beyond(b: LaneBuilder, x: ValueLike, inside: Register): Register {
  const large = b.select(b.gt(x, HIGHEST), Number.POSITIVE_INFINITY, inside)
  return b.select(b.lt(x, LOWEST), 0, large)
}

/** Largest float32 whose power is finite; smallest whose power is not denormal. */
const HIGHEST = 88.72283172607422
const LOWEST = -87.33654022216797

const LN2_HIGH = 0.693145751953125
const LN2_LOW = 1.428606765330187e-6

/** Coefficients of eʳ from r⁶ down to 1 (Cephes expf, 1987, in Horner form). */
const EXP: readonly number[] = [
  1.98756915e-4, 1.3981999507e-3, 8.3334519073e-3, 4.1665795894e-2, 1.6666665459e-1, 5.0000001201e-1, 1, 1,
]
