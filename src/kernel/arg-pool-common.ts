import type { LaneBuilder } from '../lane/builder.ts'
import type { BufferParameter, Register } from '../lane/program.ts'

/* What both ways to find the maxima of windows share. */

/** About so many elements are compared in one chunk. */
const chunkElements = 16384

/** How many of `count` parts, of so many comparisons each, make a chunk. */
export function poolShare(count: number, comparisons: number): number {
  return Math.min(count, Math.max(1, Math.ceil(chunkElements / comparisons)))
}

/** A variable that no value is less than. */
export function leastOf(b: LaneBuilder, { type }: BufferParameter): Register {
  return b.variable(type === 'i32' || type === 'u8' ? b.int(-(2 ** 31)) : b.float(Number.NEGATIVE_INFINITY))
}

/** Whether a value is larger than the best one so far, or the first NaN. */
export function largerThan(b: LaneBuilder, value: Register, best: Register): Register {
  if (value.type === 'i32') return b.ilt(best, value)
  return b.mand(b.mnot(b.le(value, best)), b.eq(best, best))
}
