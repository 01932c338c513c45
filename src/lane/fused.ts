/** Float32 arithmetic as the processor does it inside plans: rounded once, denormals flushed to zero. */

const SMALLEST_NORMAL = 2 ** -126
const double = new Float64Array(1)
const words = new BigInt64Array(double.buffer)

/** Denormal numbers become zero of the same sign. */
export function flush(x: number): number {
  return x < SMALLEST_NORMAL && x > -SMALLEST_NORMAL ? x * 0 : x
}

/**
 * a·b + c rounded once to float32. The product is exact in float64; the sum is rounded to odd there (Boldo and Melquiond, 2008), after which
 * rounding to float32 is right.
 */
export function fusedMultiplyAdd(a: number, b: number, c: number): number {
  const product = a * b
  const sum = product + c
  if (!Number.isFinite(sum)) return sum
  // TwoSum (Knuth): what the addition rounded off.
  const part = sum - product
  const error = product - (sum - part) + (c - part)
  if (error === 0) return Math.fround(sum)
  double[0] = sum
  const bits = words[0] as bigint
  if ((bits & 1n) === 0n) words[0] = bits + (error > 0 === sum > 0 ? 1n : -1n)
  return Math.fround(double[0] as number)
}
