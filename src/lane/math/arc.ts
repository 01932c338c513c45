import type { LaneBuilder, ValueLike } from '../builder.ts'
import type { Register } from '../program.ts'
import { copySign } from './tanh.ts'

/*
 * Inverse trigonometric functions: odd polynomials fitted on Chebyshev nodes over the reduced range, after the reductions of
 * Cephes asinf and atanf (1987).
 */

/** Arc sine, within 3 ULP; NaN beyond 1. */
export function asin(b: LaneBuilder, x: ValueLike): Register {
  const a = b.abs(x)
  const { small, angle } = halved(b, a)
  const far = b.sub(HALF_PI, b.sub(b.add(angle, angle), HALF_PI_LOW))
  return copySign(b, b.select(small, angle, far), x)
}

/** Arc cosine, within 3 ULP; NaN beyond 1. */
export function acos(b: LaneBuilder, x: ValueLike): Register {
  const { small, angle } = halved(b, b.abs(x))
  const signed = copySign(b, angle, x)
  const near = b.sub(HALF_PI, b.sub(signed, HALF_PI_LOW))
  const twice = b.add(angle, angle)
  const far = b.select(b.lt(x, 0), b.sub(Math.PI, b.sub(twice, PI_LOW)), twice)
  return b.select(small, near, far)
}

/** The arc sine of a up to ½; beyond, that of √((1 − a) / 2), which is half the arc cosine of a. */
function halved(b: LaneBuilder, a: Register): { small: Register; angle: Register } {
  const small = b.le(a, 0.5)
  const z = b.select(small, b.mul(a, a), b.mul(0.5, b.sub(1, a)))
  const root = b.select(small, a, b.sqrt(z))
  let p: ValueLike = ASIN[0] as number
  for (const coefficient of ASIN.slice(1)) p = b.fma(p, z, coefficient)
  return { small, angle: b.fma(b.mul(p, z), root, root) }
}

/** Arc tangent, within 3 ULP. */
export function atan(b: LaneBuilder, x: ValueLike): Register {
  return copySign(b, angleOf(b, b.abs(x), b.variable(1)), x)
}

/** Angle of the point (x, y), in (−π, π], within 4 ULP; signs of zeros count as in C. */
export function atan2(b: LaneBuilder, y: ValueLike, x: ValueLike): Register {
  const angle = angleOf(b, b.abs(y), b.abs(x))
  const left = b.ilt(b.bitsOf(x), b.int(0))
  const value = copySign(b, b.select(left, b.sub(Math.PI, b.sub(angle, PI_LOW)), angle), y)
  return b.select(b.ne(x, x), x, value)
}

/** Angle of (x, y) for x, y ≥ 0: the smaller by the larger; above tan(π/8) turned by π/4. */
function angleOf(b: LaneBuilder, y: Register, x: Register): Register {
  const steep = b.lt(x, y)
  const small = b.select(steep, x, y)
  const large = b.select(steep, y, x)
  const both = b.eq(small, Number.POSITIVE_INFINITY)
  const turned = b.mor(both, b.gt(small, b.mul(large, Math.SQRT2 - 1)))
  // Halved, so that the sum stays finite; two infinities are equal, two zeros lie on the axis.
  const half = b.mul(large, 0.5)
  const top = b.select(turned, b.select(both, 0, b.fma(small, 0.5, b.neg(half))), small)
  const bottom = b.select(turned, b.fma(small, 0.5, half), large)
  const t = b.select(b.eq(top, 0), top, b.div(top, bottom))
  const z = b.mul(t, t)
  let p: ValueLike = ATAN[0] as number
  for (const coefficient of ATAN.slice(1)) p = b.fma(p, z, coefficient)
  const near = b.fma(b.mul(p, z), t, t)
  const angle = b.select(turned, b.add(Math.PI / 4, b.add(near, QUARTER_PI_LOW)), near)
  return b.select(steep, b.sub(HALF_PI, b.sub(angle, HALF_PI_LOW)), angle)
}

const HALF_PI = Math.PI / 2
/** What π/2, π and π/4 lose as float32. */
const HALF_PI_LOW = Math.PI / 2 - Math.fround(Math.PI / 2)
const PI_LOW = 2 * HALF_PI_LOW
const QUARTER_PI_LOW = HALF_PI_LOW / 2

/** (asin(√z) / √z − 1) / z on [0, ¼], highest power first. */
const ASIN: readonly number[] = [
  0.03405739709, 0.01693559799, 0.03114395715, 0.04459584938, 0.07500104639, 0.1666666629,
]

/** (atan(√z) / √z − 1) / z on [0, tan²(π/8)], highest power first. */
const ATAN: readonly number[] = [
  0.05053893209, -0.08627167325, 0.1107174285, -0.1428417462, 0.1999997777, -0.3333333328,
]
