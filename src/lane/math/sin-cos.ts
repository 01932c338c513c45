import type { LaneBuilder, ValueLike } from '../builder.ts'
import type { Register } from '../program.ts'

/**
 * Sine and cosine, within 2 ULP for |x| ≤ 30,000; the error grows with |x| beyond (NaN at infinity).
 *
 * x = n·π/2 + r, with π/2 in three parts and each difference rounded once (Cody and Waite, 1980); polynomials on |r| ≤ π/4 (Cephes sinf,
 * 1987); n mod 4 tells which of the two it is, and its sign.
 */
export function sin(b: LaneBuilder, x: ValueLike): Register {
  // Keeps the sign of zero.
  return b.select(b.eq(x, 0), x, quadrant(b, x, 0))
}

/** See `sin`. */
export function cos(b: LaneBuilder, x: ValueLike): Register {
  return quadrant(b, x, 1)
}

/** Tangent, within 4 ULP for |x| ≤ 30,000. See `sin`. */
export function tan(b: LaneBuilder, x: ValueLike): Register {
  const { n, sine, cosine } = reduced(b, x)
  const odd = b.ieq(b.iand(b.toI32(n), b.int(1)), b.int(1))
  const ratio = b.div(b.select(odd, cosine, sine), b.select(odd, b.neg(sine), cosine))
  return b.select(b.eq(x, 0), x, ratio)
}

function quadrant(b: LaneBuilder, x: ValueLike, offset: number): Register {
  const { n, sine, cosine } = reduced(b, x)
  const turn = b.iadd(b.toI32(n), b.int(offset))
  const odd = b.ieq(b.iand(turn, b.int(1)), b.int(1))
  const value = b.select(odd, cosine, sine)
  // Quadrants 2 and 3 are negative: bit 1 of the turn becomes the sign.
  return b.fromBits(b.ixor(b.bitsOf(value), b.shl(b.iand(turn, b.int(2)), 30)))
}

/** x = n·π/2 + r; sine and cosine of r. */
function reduced(b: LaneBuilder, x: ValueLike): { n: Register; sine: Register; cosine: Register } {
  const n = b.round(b.mul(x, 2 / Math.PI))
  let r: Register = b.fnma(n, HALF_PI[0], x)
  r = b.fnma(n, HALF_PI[1], r)
  r = b.fnma(n, HALF_PI[2], r)
  const z = b.mul(r, r)

  let sine: Register = b.fma(z, -1.9515295891e-4, 8.3321608736e-3)
  sine = b.fma(sine, z, -1.6666654611e-1)
  sine = b.fma(b.mul(sine, z), r, r)

  let cosine: Register = b.fma(z, 2.443315711809948e-5, -1.388731625493765e-3)
  cosine = b.fma(cosine, z, 4.166664568298827e-2)
  cosine = b.fma(b.mul(cosine, z), z, b.fnma(z, 0.5, 1))
  return { n, sine, cosine }
}

/** π/2 = sum of the three, each a float32. */
const HALF_PI = [1.5707962512969971, 7.549789415861596e-8, 5.390302529957765e-15] as const
