import type { LaneBuilder, ValueLike } from '../builder.ts'
import type { Register } from '../program.ts'
import { exp } from './exp.ts'
import { copySign } from './tanh.ts'

/**
 * Error function, within 2 ULP.
 *
 * Below 0.9277 an odd polynomial, else 1 − e^(−|x|·q(|x|)) with a minimax polynomial q (N. Juffa, "my_erff", 2018).
 */
export function erf(b: LaneBuilder, x: ValueLike): Register {
  const t = b.abs(x)
  const s = b.mul(x, x)

  let near: ValueLike = b.fma(s, -5.96761703e-4, 4.99119423e-3)
  for (const coefficient of [-2.67681349e-2, 1.12819925e-1, -3.76125336e-1, 1.28379166e-1]) {
    near = b.fma(near, s, coefficient)
  }
  near = b.fma(near, x, x)

  let far: ValueLike = b.fma(t, -1.7285347e-5, 3.83197126e-4)
  far = b.fma(far, s, b.fma(t, -3.88396438e-3, 2.42546219e-2))
  for (const coefficient of [-1.06777877e-1, -6.34846687e-1, -1.28717512e-1]) far = b.fma(far, t, coefficient)
  far = b.sub(1, exp(b, b.fma(far, t, b.neg(t))))
  // Beyond 4 the result is 1, while t² may overflow to infinity minus infinity.
  far = b.select(b.gt(t, 4), 1, far)
  return b.select(b.gt(t, 0.927734375), copySign(b, far, x), near)
}
