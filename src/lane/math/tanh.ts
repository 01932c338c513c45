import type { LaneBuilder, ValueLike } from '../builder.ts'
import type { Register } from '../program.ts'
import { exp } from './exp.ts'

/**
 * Hyperbolic tangent, within 2 ULP.
 *
 * Below 0.625 an odd polynomial (Cephes tanhf, 1987), else 1 − 2 / (e^(2|x|) + 1), which loses nothing because the result is near 1.
 */
export function tanh(b: LaneBuilder, x: ValueLike): Register {
  const magnitude = b.abs(x)
  const square = b.mul(x, x)
  let p: ValueLike = b.fma(square, -5.70498872745e-3, 2.06390887954e-2)
  for (const coefficient of [-5.37397155531e-2, 1.33314422036e-1, -3.33332819422e-1]) p = b.fma(p, square, coefficient)
  const near = b.fma(b.mul(p, square), magnitude, magnitude)
  const far = b.sub(1, b.div(2, b.add(exp(b, b.add(magnitude, magnitude)), 1)))
  return copySign(b, b.select(b.lt(magnitude, 0.625), near, far), x)
}

/** |a| with the sign of b, for a ≥ 0. */
export function copySign(b: LaneBuilder, magnitude: ValueLike, sign: ValueLike): Register {
  return b.fromBits(b.ior(b.bitsOf(magnitude), b.iand(b.bitsOf(sign), b.int(-(2 ** 31)))))
}

/** Logistic function 1 / (1 + e⁻ˣ), within 3 ULP. */
export function sigmoid(b: LaneBuilder, x: ValueLike): Register {
  return b.div(1, b.add(1, exp(b, b.neg(x))))
}
