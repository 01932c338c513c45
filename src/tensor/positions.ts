import { IndexError, ValueError } from '../core/errors.ts'
import { formatShape, type Shape, sizeOf } from '../core/shape.ts'
import type { Node } from '../graph/node.ts'
import { add, mul } from '../graph/ops/arithmetic.ts'
import { gather } from '../graph/ops/indexing.ts'
import { buffer, constant, iota } from '../graph/ops/leaves.ts'
import { less, lessEqual, logicalAnd, where } from '../graph/ops/logic.ts'
import { broadcastTo, reshape } from '../graph/ops/views.ts'

/* Positions are int32 tensors that say where elements lie; whatever selects or writes by data is built from them. */

/** A position along `dim` of `shape`, counted from the end when negative. Throws an {@link IndexError} outside [−size, size). */
export function checkPosition(op: string, index: number, dim: number, shape: Shape): number {
  const size = shape[dim] ?? 0
  if (!Number.isInteger(index) || index < -size || index >= size) {
    throw new IndexError(
      op,
      `index ${index} is out of range for dim ${dim} of ${formatShape(shape)}: expected ${-size} to ${size - 1}`,
    )
  }
  return index < 0 ? index + size : index
}

/** Positions known while recording, as a leaf [n]. */
export function positionsBuffer(positions: ArrayLike<number>): Node {
  return buffer(Int32Array.from(positions), [positions.length], 'int32')
}

/** The row-major position of each element of `shape`. */
export function rowMajor(shape: Shape): Node {
  return reshape(iota(sizeOf(shape)), shape)
}

/** Counts negative positions from the end. What is out of range stays so, and is found when it is used. */
export function fromEnd(positions: Node, size: number): Node {
  const negative = less(positions, constant(0, 'int32'))
  const reachable = lessEqual(constant(-size, 'int32'), positions)
  return where(logicalAnd(negative, reachable), add(positions, constant(size, 'int32')), positions)
}

/** The same positions, each looked at: one outside [0, size) is an {@link IndexError} of `op` when it is computed. */
export function checked(op: string, positions: Node, size: number): Node {
  const flat = reshape(positions, [sizeOf(positions.shape)])
  return reshape(gather(iota(size), flat, 0, op), positions.shape)
}

/** [sizeOf(shape)] positions offset + Σ iᵈ · strides[d] in row-major order of i. Throws where they leave `size` elements. */
export function stridedPositions(
  op: string,
  size: number,
  shape: Shape,
  strides: readonly number[],
  offset: number,
): Node {
  const count = sizeOf(shape)
  const reach = shape.reduce((sum, extent, d) => sum + Math.max(0, extent - 1) * (strides[d] ?? 0), offset)
  const valid = strides.length === shape.length && strides.every((s) => Number.isInteger(s) && s >= 0) && offset >= 0
  if (!valid || (count > 0 && reach >= size)) {
    throw new ValueError(
      op,
      `shape ${formatShape(shape)} with strides ${formatShape(strides)} and offset ${offset} does not fit ${size} elements`,
    )
  }
  let positions = broadcastTo(constant(offset, 'int32'), shape)
  shape.forEach((extent, d) => {
    const steps = mul(iota(extent), constant(strides[d]!, 'int32'))
    positions = add(positions, reshape(steps, [extent, ...shape.slice(d + 1).map(() => 1)]))
  })
  return reshape(positions, [count])
}
