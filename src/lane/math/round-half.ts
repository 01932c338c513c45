import type { LaneBuilder } from '../builder.ts'
import type { Register } from '../program.ts'
import { copySign } from './tanh.ts'

/** The nearest float16, ties to even; from 65520 on infinite, below 2⁻¹⁴ a multiple of 2⁻²⁴. */
export function roundToFloat16(b: LaneBuilder, x: Register): Register {
  const rounded = roundedBits(b, x, 13)
  const large = b.select(b.ge(b.abs(rounded), 65536), copySign(b, Number.POSITIVE_INFINITY, x), rounded)
  // Around ¾ numbers are 2⁻²⁴ apart.
  const small = copySign(b, b.sub(b.add(b.abs(x), 0.75), 0.75), x)
  const value = b.select(b.lt(b.abs(x), 2 ** -14), small, large)
  return b.select(b.eq(x, x), value, x)
}

/** The nearest bfloat16, ties to even. */
export function roundToBfloat16(b: LaneBuilder, x: Register): Register {
  return b.select(b.eq(x, x), roundedBits(b, x, 16), x)
}

/** x without its last `count` bits, rounded to nearest even. */
function roundedBits(b: LaneBuilder, x: Register, count: number): Register {
  const bits = b.bitsOf(x)
  const odd = b.iand(b.shr(bits, count), b.int(1))
  const up = b.iadd(b.iadd(bits, odd), b.int(2 ** (count - 1) - 1))
  return b.fromBits(b.iand(up, b.int(-(2 ** count))))
}
