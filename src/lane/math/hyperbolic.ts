import type { LaneBuilder, ValueLike } from '../builder.ts'
import type { Register } from '../program.ts'
import { halfExp } from './exp.ts'
import { log } from './log.ts'
import { log1p } from './log1p.ts'
import { copySign } from './tanh.ts'

/** Hyperbolic sine, within 2 ULP: below 1 an odd polynomial (Cephes sinhf, 1987), else e^|x|/2 − e^−|x|/2. */
export function sinh(b: LaneBuilder, x: ValueLike): Register {
  const a = b.abs(x)
  const z = b.mul(a, a)
  const p = b.fma(b.fma(z, 2.03721912945e-4, 8.33028376239e-3), z, 1.66667160211e-1)
  const near = b.fma(b.mul(p, z), a, a)
  const half = halfExp(b, a)
  const far = b.sub(half, b.div(0.25, half))
  return copySign(b, b.select(b.lt(a, 1), near, far), x)
}

/** Hyperbolic cosine, within 2 ULP. */
export function cosh(b: LaneBuilder, x: ValueLike): Register {
  const half = halfExp(b, b.abs(x))
  return b.add(half, b.div(0.25, half))
}

/** From here on √(x² ± 1) is |x|. */
const LARGE = 2 ** 13

/** Inverse hyperbolic sine, within 4 ULP: ln(|x| + √(x² + 1)) as log1p(|x| + x² / (1 + √(x² + 1))). */
export function asinh(b: LaneBuilder, x: ValueLike): Register {
  const a = b.abs(x)
  const small = b.min(LARGE, a)
  const z = b.mul(small, small)
  const near = log1p(b, b.add(small, b.div(z, b.add(1, b.sqrt(b.add(z, 1))))))
  const far = b.add(log(b, a), Math.LN2)
  return copySign(b, b.select(b.lt(a, LARGE), near, far), x)
}

/** Inverse hyperbolic cosine, within 4 ULP: with t = x − 1, log1p(t + √(2t + t²)); NaN below 1. */
export function acosh(b: LaneBuilder, x: ValueLike): Register {
  const t = b.sub(b.min(LARGE, x), 1)
  const near = log1p(b, b.add(t, b.sqrt(b.fma(t, t, b.add(t, t)))))
  const far = b.add(log(b, x), Math.LN2)
  const inside = b.select(b.lt(x, LARGE), near, far)
  return b.select(b.lt(x, 1), Number.NaN, inside)
}

/** Inverse hyperbolic tangent, within 4 ULP: log1p(2|x| / (1 − |x|)) / 2; NaN beyond 1. */
export function atanh(b: LaneBuilder, x: ValueLike): Register {
  const a = b.abs(x)
  const value = b.mul(0.5, log1p(b, b.div(b.add(a, a), b.sub(1, a))))
  return copySign(b, b.select(b.gt(a, 1), Number.NaN, value), x)
}
