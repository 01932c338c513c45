import type { LaneBuilder, ValueLike } from '../builder.ts'
import type { Register } from '../program.ts'
import { edges, logNearOne, parts } from './log.ts'

/** Logarithm to base 2, within 3 ULP; exact for powers of two. */
export function log2(b: LaneBuilder, x: ValueLike): Register {
  const { k, f } = parts(b, x)
  return edges(b, x, b.fma(logNearOne(b, f), Math.LOG2E, k))
}

/** Logarithm to base 10, within 3 ULP. */
export function log10(b: LaneBuilder, x: ValueLike): Register {
  const { k, f } = parts(b, x)
  const near = b.fma(logNearOne(b, f), Math.LOG10E, b.mul(k, LOG10_2_LOW))
  return edges(b, x, b.fma(k, LOG10_2_HIGH, near))
}

/** log₁₀ 2 = high + low; k · high is exact. */
const LOG10_2_HIGH = 0.30102539062
const LOG10_2_LOW = 4.605038981195214e-6
