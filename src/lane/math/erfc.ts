import type { LaneBuilder, ValueLike } from '../builder.ts'
import type { Register } from '../program.ts'
import { exp } from './exp.ts'

/**
 * 1 − erf(x), within 4 ULP, without cancellation; zero above 10.05.
 *
 * (1 + 2a)·e^(a²)·erfc(a) as a polynomial in q = (a − 2) / (a + 2) (Shepherd and Laframboise, 1981; coefficients of N. Juffa, 2016).
 */
export function erfc(b: LaneBuilder, x: ValueLike): Register {
  const a = b.min(LARGEST, b.abs(x))
  const r = b.div(1, b.add(a, 2))
  const quotient = b.mul(b.sub(a, 2), r)
  const rest = b.fnma(quotient, a, b.fma(b.add(quotient, 1), -2, a))
  const q = b.fma(r, rest, quotient)
  let p: ValueLike = ERFC[0] as number
  for (const coefficient of ERFC.slice(1)) p = b.fma(p, q, coefficient)
  // (1 + p) / (1 + 2a), and what that division left.
  const d = b.div(1, b.fma(a, 2, 1))
  const y = b.fma(p, d, d)
  const error = b.fma(b.fnma(y, a, 0.5), 2, b.sub(p, y))
  const scaled = b.fma(error, d, y)
  // e^(−a²), with what a² was rounded by.
  const square = b.mul(a, a)
  const power = exp(b, b.neg(square))
  const product = b.mul(scaled, power)
  const value = b.fma(product, b.fnma(a, a, square), product)
  const positive = b.select(b.ge(b.abs(x), LARGEST), 0, value)
  const both = b.select(b.lt(x, 0), b.sub(2, positive), positive)
  return b.select(b.eq(x, x), both, x)
}

const LARGEST = 10.0546875

const ERFC: readonly number[] = [
  -4.01139259e-4, -1.2307521e-3, 1.31355342e-3, 8.63227434e-3, -8.05991981e-3, -5.42046614e-2, 1.64055392e-1,
  -1.66031361e-1, -9.27639827e-2, 2.76978403e-1,
]
