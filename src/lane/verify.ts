/**
 * Proves that every memory access of a program stays inside its buffer, from the ranges of the index variables alone: interval arithmetic on
 * affine expressions. What it accepts cannot read or write out of bounds, whatever the data.
 */
import type { Affine } from './affine.ts'
import type { BufferParameter, LaneProgram, LaneRange, Statement } from './program.ts'

/** An access that was not proven to be in bounds: a mistake of the kernel that wrote the program. */
export class BoundsError extends Error {
  override readonly name = 'BoundsError'
}

/** @throws BoundsError naming the buffer, the range of elements touched and the length */
export function verifyBounds(program: LaneProgram): void {
  verifyBlock(program, program.body)
}

function verifyBlock(program: LaneProgram, block: readonly Statement[]): void {
  for (let i = 0; i < block.length; i++) verifyStatement(program, block[i]!)
}

function verifyStatement(program: LaneProgram, statement: Statement): void {
  switch (statement.kind) {
    case 'load':
    case 'store': {
      const { buffer, base, laneStride, within } = statement.access
      verifyLanes(program, statement.kind, buffer, base, laneStride, within)
      break
    }
    case 'gather': {
      const { buffer, base, indices, scale } = statement
      if (indices.bound === null)
        throw new BoundsError(`${program.name}: gather from ${buffer.name} by unchecked indices`)
      const reach = scale * (indices.bound - 1)
      const [min, max] = base.range()
      verifyRange(program, 'gather', buffer, min + Math.min(0, reach), max + Math.max(0, reach))
      break
    }
    case 'readIndex': {
      const [min, max] = statement.base.range()
      if (statement.buffer.type !== 'i32')
        throw new BoundsError(`${program.name}: indices in ${statement.buffer.name} must be i32`)
      verifyRange(program, 'readIndex', statement.buffer, min, max)
      if (statement.op !== null) verifyReports(program)
      break
    }
    case 'check':
      verifyReports(program)
      break
    case 'loop':
      verifyBlock(program, statement.body)
      break
    case 'when':
      verifyBlock(program, statement.body)
      verifyBlock(program, statement.otherwise)
      break
  }
}

/**
 * First and last element that lanes touch: those of lanes 0 and lanes − 1. Of the active lanes i of a range, `low ≤ at + i < high`, so
 * `base + stride·i` is also bounded by `base − stride·at + stride·low` and the like, where variables common to both cancel out.
 */
function verifyLanes(
  program: LaneProgram,
  what: string,
  buffer: BufferParameter,
  base: Affine,
  stride: number,
  within: LaneRange | null,
): void {
  const [baseMin, baseMax] = base.range()
  const last = stride * (program.lanes - 1)
  let min = baseMin + Math.min(0, last)
  let max = baseMax + Math.max(0, last)
  if (within) {
    const [offsetMin, offsetMax] = base.minus(within.at.times(stride)).range()
    const ends = [stride * within.low, stride * (within.high - 1)]
    min = Math.max(min, offsetMin + Math.min(...ends))
    max = Math.min(max, offsetMax + Math.max(...ends))
    // No lane can be active: nothing is touched.
    const [atMin, atMax] = within.at.range()
    if (within.high <= within.low || atMin >= within.high || atMax + program.lanes <= within.low) return
  }
  verifyRange(program, what, buffer, min, max)
}

function verifyRange(program: LaneProgram, what: string, buffer: BufferParameter, min: number, max: number): void {
  if (min >= 0 && max < buffer.length) return
  throw new BoundsError(
    `${program.name}: ${what} touches elements ${min} to ${max} of ${buffer.name}, which has ${buffer.length}`,
  )
}

function verifyReports(program: LaneProgram): void {
  if (program.parameters.some((parameter) => parameter.kind === 'error')) return
  throw new BoundsError(`${program.name}: checks indices but has no error cell`)
}
