/** Remainders, quotients and powers of numbers with PyTorch's conventions. */

/** Remainder with the sign of the dividend, `torch.fmod`. */
export function fmod(a: number, b: number): number {
  return a % b
}

/** Remainder with the sign of the divisor, `torch.remainder`. */
export function remainder(a: number, b: number): number {
  const r = a % b
  return r !== 0 && r < 0 !== b < 0 ? r + b : r
}

/** ⌊a / b⌋ as `torch.floor_divide`: consistent with {@link remainder}, so that ⌊1 / 0.1⌋ is 9. */
export function floorDivide(a: number, b: number): number {
  if (b === 0) return a / b
  const r = a % b
  let quotient = (a - r) / b
  if (r !== 0 && r < 0 !== b < 0) quotient--
  const whole = Math.floor(quotient)
  return quotient - whole > 0.5 ? whole + 1 : whole
}

/** aᵇ as C's `pow`: 1 for a = 1 whatever b, and for a = −1 with infinite b (ECMAScript says NaN). */
export function power(a: number, b: number): number {
  if (a === 1 || (a === -1 && Math.abs(b) === Number.POSITIVE_INFINITY)) return 1
  return a ** b
}

/** aᵇ modulo 2³² by repeated squaring. A negative exponent gives the truncated reciprocal: 0 unless a is 1 or −1. */
export function integerPower(a: number, b: number): number {
  if (b < 0) return a === 1 ? 1 : a === -1 ? (b % 2 === 0 ? 1 : -1) : 0
  let result = 1
  for (let base = a, left = b; left > 0; left = Math.floor(left / 2)) {
    if (left % 2 === 1) result = Math.imul(result, base)
    base = Math.imul(base, base)
  }
  return result
}

/** Greatest common divisor, never negative; gcd(0, 0) = 0. */
export function greatestCommonDivisor(a: number, b: number): number {
  let [x, y] = [Math.abs(a), Math.abs(b)]
  while (y !== 0) [x, y] = [y, x % y]
  return x
}
