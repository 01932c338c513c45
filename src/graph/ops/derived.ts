import { isFloating } from '../../core/dtype.ts'
import type { Node } from '../node.ts'
import {
  abs,
  add,
  div,
  floorDivide,
  gcd,
  maximum,
  mul,
  neg,
  reciprocal,
  sqrt,
  sub,
  truncatedRemainder,
} from './arithmetic.ts'
import { constant } from './leaves.ts'
import { cast, detach, equal, less, lessEqual, logicalAnd, logicalNot, logicalOr, notEqual, where } from './logic.ts'
import { widened } from './precision.ts'
import { log, log1p, logAddExp, sin } from './transcendental.ts'

/* Elementwise functions that are short formulas over the op table. Where a choice is masked, so is its derivative. */

const same = (value: number, x: Node): Node => constant(value, x.dtype)

type Function<N extends Node[]> = (...inputs: N) => Node

/** A formula of several steps in the dtype of computing: half precision is rounded at its end only. */
function widely<N extends Node[]>(formula: Function<N>): Function<N> {
  return (...inputs) => cast(formula(...(inputs.map(widened) as N)), inputs[0]!.dtype)
}

/** NaN is the only value that differs from itself. */
export function isNan(x: Node): Node {
  return notEqual(x, x)
}

export function isInfinite(x: Node): Node {
  return isFloating(x.dtype) ? equal(abs(x), same(Number.POSITIVE_INFINITY, x)) : notEqual(x, x)
}

export function isFiniteNumber(x: Node): Node {
  return isFloating(x.dtype) ? less(abs(x), same(Number.POSITIVE_INFINITY, x)) : equal(x, x)
}

/** Whether the sign bit is set: −0 counts as negative. */
export function signBit(x: Node): Node {
  const negative = less(x, same(0, x))
  if (!isFloating(x.dtype)) return negative
  const zero = equal(x, same(0, x))
  return logicalOr(negative, logicalAnd(zero, less(reciprocal(x), same(0, x))))
}

/** |a| with the sign of b. */
export function copySign(a: Node, b: Node): Node {
  const size = abs(a)
  return where(signBit(b), neg(size), size)
}

/** √x whose derivative at 0 is taken as 0, for norms and deviations. */
export function flatSqrt(x: Node): Node {
  const zero = equal(x, same(0, x))
  return where(zero, same(0, x), sqrt(where(zero, same(1, x), x)))
}

/** √(a² + b²) without overflow: scaled by the larger magnitude, which no derivative looks at. */
export const hypot: Function<[a: Node, b: Node]> = widely((a, b) => {
  const larger = detach(maximum(abs(a), abs(b)))
  const usable = logicalAnd(isFiniteNumber(larger), less(same(0, larger), larger))
  const scale = where(usable, larger, same(1, larger))
  const [x, y] = [div(a, scale), div(b, scale)]
  return mul(scale, flatSqrt(add(mul(x, x), mul(y, y))))
})

/** a · ln b, and 0 where a = 0 and ln b is infinite or does not exist (but b is not NaN). */
export const xlogy: Function<[a: Node, b: Node]> = widely((a, b) => {
  const usable = logicalAnd(less(same(0, b), b), isFiniteNumber(b))
  const vanishes = logicalAnd(logicalAnd(equal(a, same(0, a)), equal(b, b)), logicalNot(usable))
  return where(vanishes, same(0, a), mul(a, log(where(vanishes, same(1, b), b))))
})

/** The larger one; a number is preferred to NaN. */
export function fmax(a: Node, b: Node): Node {
  return where(logicalOr(lessEqual(b, a), isNan(b)), a, b)
}

/** The smaller one; a number is preferred to NaN. */
export function fmin(a: Node, b: Node): Node {
  return where(logicalOr(lessEqual(a, b), isNan(b)), a, b)
}

/** x limited to [low, high]; the gradient passes where x was not changed. */
export function clamp(x: Node, low: Node | undefined, high: Node | undefined): Node {
  const raised = low ? where(less(x, low), low, x) : x
  return high ? where(less(high, raised), high, raised) : raised
}

/** a + w (b − a), from whichever end is nearer, so that w = 1 gives b exactly. */
export const lerp: Function<[a: Node, b: Node, weight: Node]> = widely((a, b, weight) => {
  const distance = sub(b, a)
  const fromEnd = sub(b, mul(distance, sub(same(1, weight), weight)))
  return where(less(weight, same(0.5, weight)), add(a, mul(weight, distance)), fromEnd)
})

/** a / b rounded towards zero. */
export function truncDivide(a: Node, b: Node): Node {
  return floorDivide(sub(a, truncatedRemainder(a, b)), b)
}

/** Least common multiple of integers. */
export function lcm(a: Node, b: Node): Node {
  return abs(mul(floorDivide(a, gcd(a, b)), b))
}

/** sin(πx) / (πx), and 1 at 0. */
export const sinc: Function<[x: Node]> = widely((x) => {
  const zero = equal(x, same(0, x))
  const angle = mul(where(zero, same(1, x), x), same(Math.PI, x))
  return where(zero, same(1, x), div(sin(angle), angle))
})

/** ln(x / (1 − x)) */
export const logit: Function<[x: Node]> = widely((x) => sub(log(x), log1p(neg(x))))

/** log₂(2ᵃ + 2ᵇ) without overflow. */
export const logAddExp2: Function<[a: Node, b: Node]> = widely((a, b) => {
  const ln2 = same(Math.LN2, a)
  return div(logAddExp(mul(a, ln2), mul(b, ln2)), ln2)
})

/** x + factor · a · b */
export const addProduct: Function<[x: Node, a: Node, b: Node, factor: Node]> = widely((x, a, b, factor) =>
  add(x, mul(mul(factor, a), b)),
)

/** x + factor · a / b */
export const addQuotient: Function<[x: Node, a: Node, b: Node, factor: Node]> = widely((x, a, b, factor) =>
  add(x, mul(factor, div(a, b))),
)

/** |a − b| ≤ atol + rtol · |b|, or both equal (infinities are close to themselves only). */
export function isClose(a: Node, b: Node, rtol: Node, atol: Node, equalNan: boolean): Node {
  const near = lessEqual(abs(sub(a, b)), add(atol, mul(rtol, abs(b))))
  const close = logicalOr(equal(a, b), logicalAnd(isFiniteNumber(b), near))
  return equalNan ? logicalOr(close, logicalAnd(isNan(a), isNan(b))) : close
}

/** 0 below 0, 1 above, `middle` at 0. */
export function heaviside(x: Node, middle: Node): Node {
  const step = where(less(same(0, x), x), same(1, x), same(0, x))
  return where(equal(x, same(0, x)), middle, step)
}

/** `value` in place of NaN, `low` and `high` in place of −∞ and ∞. */
export function replaceNonFinite(x: Node, value: Node, high: Node, low: Node): Node {
  const infinite = isInfinite(x)
  const positive = less(same(0, x), x)
  const finite = where(infinite, where(positive, high, low), x)
  return where(logicalNot(isNan(x)), finite, value)
}
