import type { LaneBuilder } from '../builder.ts'
import type { Register } from '../program.ts'

/* Shifts of each lane by a count of its own: one step for each bit of the count. */

/** Shifted by 32 or more, or by less than 0, every bit has left. */
export function shiftLeft(b: LaneBuilder, x: Register, count: Register): Register {
  const shifted = bySteps(b, x, count, (value, by) => b.shl(value, by))
  return b.select(inRange(b, count), shifted, b.int(0))
}

/** Copies the sign. */
export function shiftRight(b: LaneBuilder, x: Register, count: Register): Register {
  const bounded = b.select(inRange(b, count), count, b.int(31))
  return bySteps(b, x, bounded, (value, by) => b.sar(value, by))
}

/** Fills with zeros. */
export function shiftRightLogical(b: LaneBuilder, x: Register, count: Register): Register {
  const shifted = bySteps(b, x, count, (value, by) => b.shr(value, by))
  return b.select(inRange(b, count), shifted, b.int(0))
}

function inRange(b: LaneBuilder, count: Register): Register {
  return b.mand(b.ilt(b.int(-1), count), b.ilt(count, b.int(32)))
}

function bySteps(
  b: LaneBuilder,
  x: Register,
  count: Register,
  shift: (value: Register, by: number) => Register,
): Register {
  let value = x
  for (const by of [1, 2, 4, 8, 16]) {
    value = b.select(b.ieq(b.iand(count, b.int(by)), b.int(by)), shift(value, by), value)
  }
  return value
}
