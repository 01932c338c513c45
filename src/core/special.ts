/** Special functions in double precision, by series and continued fractions (Abramowitz & Stegun, chapters 6 and 7). */

const twoOverSqrtPi = 2 / Math.sqrt(Math.PI)

/** Error function. Series 7.1.6 below 2.5, continued fraction 7.1.14 above. */
export function erf(x: number): number {
  const a = Math.abs(x)
  if (!(a < 2.5)) return Math.sign(x) * (1 - erfcTail(a))
  return erfSeries(x)
}

/** 1 − erf(x), without cancellation for large x. */
export function erfc(x: number): number {
  if (x < 1.5) return 1 - erf(x)
  return erfcTail(x)
}

function erfSeries(x: number): number {
  let term = x
  let sum = x
  for (let n = 1; Math.abs(term) > 1e-17 * Math.abs(sum); n++) {
    term *= (2 * x * x) / (2 * n + 1)
    sum += term
  }
  return twoOverSqrtPi * Math.exp(-x * x) * sum
}

/** For x ≥ 1.5, where 80 levels of the fraction are enough. */
function erfcTail(x: number): number {
  if (Number.isNaN(x)) return x
  if (x > 27) return 0
  let fraction = x
  for (let n = 80; n >= 1; n--) fraction = x + n / 2 / fraction
  return Math.exp(-x * x) / (fraction * Math.sqrt(Math.PI))
}

/** Inverse error function: Giles' approximation (2010) refined by three steps of Halley's method. */
export function erfinv(y: number): number {
  const a = Math.abs(y)
  if (!(a < 1)) return a === 1 ? y * Number.POSITIVE_INFINITY : Number.NaN
  const w = -Math.log((1 - a) * (1 + a))
  let x = a * (w < 5 ? polynomial(gilesCentral, w - 2.5) : polynomial(gilesTail, Math.sqrt(w) - 3))
  for (let step = 0; step < 3; step++) {
    const excess = a < 0.5 ? erf(x) - a : 1 - a - erfc(x)
    const newton = (excess * Math.exp(x * x)) / twoOverSqrtPi
    x -= newton / (1 + x * newton)
  }
  return Math.sign(y) * x
}

const gilesCentral = [
  2.81022636e-8, 3.43273939e-7, -3.5233877e-6, -4.39150654e-6, 2.1858087e-4, -1.25372503e-3, -4.17768164e-3,
  0.246640727, 1.50140941,
]
const gilesTail = [
  -2.00214257e-4, 1.00950558e-4, 1.34934322e-3, -3.67342844e-3, 5.73950773e-3, -7.6224613e-3, 9.43887047e-3, 1.00167406,
  2.83297682,
]

/** Horner evaluation, highest power first. */
function polynomial(coefficients: readonly number[], x: number): number {
  return coefficients.reduce((sum, c) => sum * x + c, 0)
}

/** ln |Γ(x)|: Stirling's series after shifting to x ≥ 10, reflection below ½. */
export function lgamma(x: number): number {
  if (Math.abs(x) === Number.POSITIVE_INFINITY) return Number.POSITIVE_INFINITY
  if (x <= 0 && Number.isInteger(x)) return Number.POSITIVE_INFINITY
  if (x < 0.5) return Math.log(Math.PI / Math.abs(Math.sin(Math.PI * x))) - lgamma(1 - x)
  let shift = 0
  let z = x
  for (; z < 10; z++) shift += Math.log(z)
  const i = 1 / (z * z)
  const series = (1 / 12 - i * (1 / 360 - i * (1 / 1260 - i * (1 / 1680 - i * (1 / 1188 - (i * 691) / 360360))))) / z
  return (z - 0.5) * Math.log(z) - z + 0.5 * Math.log(2 * Math.PI) + series - shift
}

/** ψ(x) = d ln Γ(x) / dx. */
export function digamma(x: number): number {
  if (x === 0) return Number.NEGATIVE_INFINITY
  if (x < 0 && Number.isInteger(x)) return Number.NaN
  if (x < 0.5) return digamma(1 - x) - Math.PI / Math.tan(Math.PI * x)
  let shift = 0
  let z = x
  for (; z < 10; z++) shift += 1 / z
  const i = 1 / (z * z)
  return (
    Math.log(z) -
    0.5 / z -
    i * (1 / 12 - i * (1 / 120 - i * (1 / 252 - i * (1 / 240 - i * (1 / 132 - i * (691 / 32760)))))) -
    shift
  )
}

/** Coefficients B₂ₖ / (2k)! of the Euler–Maclaurin formula. */
const bernoulliOverFactorial = [
  1 / 12,
  -1 / 720,
  1 / 30240,
  -1 / 1209600,
  1 / 47900160,
  -691 / 1307674368000,
  1 / 74724249600,
]

/** Hurwitz zeta function Σ (x + k)⁻ˢ for whole s ≥ 2: ten or more terms, then Euler–Maclaurin (A&S 23.1.30). */
function hurwitzZeta(s: number, x: number): number {
  let sum = 0
  let z = x
  for (let k = 0; k < 10 || z < 10; k++, z++) sum += z ** -s
  sum += z ** (1 - s) / (s - 1) + z ** -s / 2
  let factor = s
  let power = z ** (-s - 1)
  for (const [k, coefficient] of bernoulliOverFactorial.entries()) {
    sum += coefficient * factor * power
    factor *= (s + 2 * k + 1) * (s + 2 * k + 2)
    power /= z * z
  }
  return sum
}

/** n-th derivative of {@link digamma}: (−1)ⁿ⁺¹ n! ζ(n + 1, x) (A&S 6.4.10). */
export function polygamma(n: number, x: number): number {
  if (n === 0) return digamma(x)
  if (x <= 0 && Number.isInteger(x)) return n % 2 === 1 ? Number.POSITIVE_INFINITY : Number.NaN
  if (x === Number.NEGATIVE_INFINITY || Number.isNaN(x)) return Number.NaN
  if (x === Number.POSITIVE_INFINITY) return 0
  let factorial = 1
  for (let k = 2; k <= n; k++) factorial *= k
  return (n % 2 === 1 ? 1 : -1) * factorial * hurwitzZeta(n + 1, x)
}

/** Modified Bessel function of the first kind Iₙ(x) by its power series, whose terms are all positive (A&S 9.6.10). */
export function besselI(n: number, x: number): number {
  const half = x / 2
  let term = 1
  for (let k = 1; k <= n; k++) term *= half / k
  let sum = term
  for (let k = 1; Math.abs(term) > 1e-17 * Math.abs(sum); k++) {
    term *= (half / k) * (half / (k + n))
    sum += term
  }
  return sum
}

const f64 = new Float64Array(1)
const i64 = new BigInt64Array(f64.buffer)
const f32 = new Float32Array(1)
const i32 = new Int32Array(f32.buffer)

/** The number next to a on the way to b among floats of 32 or 64 bits. */
export function nextAfter(a: number, b: number, bits: 32 | 64): number {
  if (Number.isNaN(a) || Number.isNaN(b)) return Number.NaN
  if (a === b) return b
  const outwards = a === 0 || a < b === a > 0
  if (bits === 32) {
    f32[0] = a === 0 ? (b > 0 ? 0 : -0) : a
    i32[0] = i32[0]! + (outwards ? 1 : -1)
    return f32[0]!
  }
  f64[0] = a === 0 ? (b > 0 ? 0 : -0) : a
  i64[0] = i64[0]! + (outwards ? 1n : -1n)
  return f64[0]!
}
