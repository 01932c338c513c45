import type { DType } from '../../core/dtype.ts'
import type { Shape } from '../../core/shape.ts'
import type { Node } from '../node.ts'
import { add, mul, neg, remainder, sqrt } from './arithmetic.ts'
import { constant, randomBits } from './leaves.ts'
import { cast, shiftRightLogical } from './logic.ts'
import { computingType } from './precision.ts'
import { cos, log } from './transcendental.ts'

/* Random numbers as formulas over random bits. A key names one random call; the same key gives the same numbers. */

/** Digits of a significand: as many random bits fill the interval evenly. */
const significand: Partial<Record<DType, number>> = { float16: 11, bfloat16: 8, float32: 24, float64: 53 }

/** 2⁻ᵖ, the distance of neighbouring uniform numbers. */
const spacing = (dtype: DType): Node => constant(2 ** -(significand[dtype] ?? 24), dtype)

/** The upper `count` of 32 random bits as a whole number. */
function upperBits(key: Node, shape: Shape, stream: number, count: number): Node {
  return shiftRightLogical(randomBits(key, shape, stream), constant(32 - count, 'int32'))
}

/** Uniform on [0, 1): multiples of 2⁻ᵖ with p the digits of the dtype. Of each `stream` come independent numbers. */
export function uniform(key: Node, shape: Shape, dtype: DType, stream = 0): Node {
  if (dtype !== 'float64') {
    return mul(cast(upperBits(key, shape, 2 * stream, significand[dtype] ?? 24), dtype), spacing(dtype))
  }
  const high = cast(upperBits(key, shape, 2 * stream, 27), dtype)
  const low = cast(upperBits(key, shape, 2 * stream + 1, 26), dtype)
  return mul(add(mul(high, constant(2 ** 26, dtype)), low), spacing(dtype))
}

/** Uniform on (0, 1]. */
export function positiveUniform(key: Node, shape: Shape, dtype: DType, stream = 0): Node {
  return add(uniform(key, shape, dtype, stream), spacing(dtype))
}

/** Standard normal (Box & Muller, "A note on the generation of random normal deviates", 1958). */
export function normal(key: Node, shape: Shape, dtype: DType): Node {
  const wide = computingType(dtype)
  const radius = sqrt(mul(constant(-2, wide), log(positiveUniform(key, shape, wide, 0))))
  const angle = mul(constant(2 * Math.PI, wide), uniform(key, shape, wide, 1))
  return cast(mul(radius, cos(angle)), dtype)
}

/** Exponential with rate 1. */
export function exponential(key: Node, shape: Shape, dtype: DType): Node {
  return neg(log(positiveUniform(key, shape, dtype)))
}

/** Whole numbers 0 ≤ i < bound from 31 random bits: no number is likelier than another by more than bound / 2³¹. */
export function integersBelow(key: Node, shape: Shape, bound: Node): Node {
  return remainder(upperBits(key, shape, 0, 31), bound)
}
