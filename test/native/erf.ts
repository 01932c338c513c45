/** Error function in float64: its Taylor series up to 3, beyond it the continued fraction of erfc (Abramowitz and Stegun 7.1.5, 7.1.14). */
export function erf64(x: number): number {
  const t = Math.abs(x)
  const sign = x < 0 ? -1 : 1
  if (t > 6.5) return sign
  if (t > 3) {
    let fraction = 0
    for (let k = 120; k >= 1; k--) fraction = k / 2 / (t + fraction)
    return sign * (1 - Math.exp(-t * t) / (Math.sqrt(Math.PI) * (t + fraction)))
  }
  let term = t
  let sum = t
  for (let n = 1; Math.abs(term) > 1e-19 * sum && n < 200; n++) {
    term *= (-t * t) / n
    sum += term / (2 * n + 1)
  }
  return (sign * 2 * sum) / Math.sqrt(Math.PI)
}
