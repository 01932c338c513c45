import type { LaneBuilder, ValueLike } from '../builder.ts'
import type { Register } from '../program.ts'

/**
 * Natural logarithm, within 1 ULP; −∞ at zero (denormals count as zero), NaN below.
 *
 * x = 2ᵏ·m with m in [√½, √2); with f = m − 1 and s = f / (2 + f), log(1 + f) = f − f²/2 + s·(f²/2 + R(s²)), R a minimax polynomial
 * (FreeBSD msun e_logf.c, Sun Microsystems 1993).
 */
export function log(b: LaneBuilder, x: ValueLike): Register {
  const { k, f } = parts(b, x)
  return edges(b, x, logOf(b, k, f))
}

/** x = 2ᵏ·(1 + f) with 1 + f in [√½, √2), for normal x. */
export function parts(b: LaneBuilder, x: ValueLike): { k: Register; f: Register } {
  const shifted = b.isub(b.bitsOf(x), b.int(SQRT_HALF))
  const k = b.toF32(b.sar(shifted, 23))
  const f = b.sub(b.fromBits(b.iadd(b.iand(shifted, b.int(0x7fffff)), b.int(SQRT_HALF))), 1)
  return { k, f }
}

/** k·ln 2 + log(1 + f). */
export function logOf(b: LaneBuilder, k: ValueLike, f: ValueLike): Register {
  const { tail, half } = tailOf(b, f)
  const low = b.fma(k, LN2_LOW, tail)
  return b.fma(k, LN2_HIGH, b.add(b.sub(low, half), f))
}

/** log(1 + f) for 1 + f in [√½, √2), within 1 ULP. */
export function logNearOne(b: LaneBuilder, f: ValueLike): Register {
  const { tail, half } = tailOf(b, f)
  return b.add(b.sub(tail, half), f)
}

/** log(1 + f) = f − half + tail. */
function tailOf(b: LaneBuilder, f: ValueLike): { tail: Register; half: Register } {
  const s = b.div(f, b.add(f, 2))
  const z = b.mul(s, s)
  let r: ValueLike = b.fma(z, 0.24279078841, 0.28498786688)
  r = b.mul(b.fma(b.fma(r, z, 0.40000972152), z, 0.66666662693), z)
  const half = b.mul(b.mul(f, 0.5), f)
  return { tail: b.mul(s, b.add(half, r)), half }
}

/** A logarithm whose argument is zero, negative, infinite or NaN. */
export function edges(b: LaneBuilder, x: ValueLike, inside: Register): Register {
  const small = b.select(b.lt(x, 2 ** -126), Number.NEGATIVE_INFINITY, inside)
  const negative = b.select(b.le(x, -(2 ** -126)), Number.NaN, small)
  // Infinity stays, and NaN stays.
  return b.select(b.lt(x, Number.POSITIVE_INFINITY), negative, b.add(x, x))
}

/** Bits of √½. */
export const SQRT_HALF = 0x3f3504f3
export const LN2_HIGH = 0.69313812256
export const LN2_LOW = 9.0580006145e-6
