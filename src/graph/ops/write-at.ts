import { allocateValues } from '../../core/dtype.ts'
import { DTypeError, ShapeError } from '../../core/errors.ts'
import { formatShape, sameShape, sizeOf } from '../../core/shape.ts'
import { type Node, type Op, record } from '../node.ts'
import { maximum, minimum, sub } from './arithmetic.ts'
import { gather } from './indexing.ts'
import { constant, iota } from './leaves.ts'
import { less, lessEqual, logicalAnd, where } from './logic.ts'
import { broadcastTo, reshape, sliceDim } from './views.ts'

/**
 * `base` with `part` in it, from position `start` of dimension `dim` on: base [.., S, ..], part [.., L, ..], start int32 [1 or more],
 * whose first element counts. Where the part does not fit, which is no error, the result is the base.
 *
 * Assigned to the leaf that is its base, it changes that leaf where it lies, unless somebody may still ask for the leaf as it was.
 */
export const writeAtOp: Op<{ readonly dim: number }> = {
  name: 'writeAt',
  kind: 'composite',
  infer([base, part, start], { dim }) {
    if (start!.dtype !== 'int32' || start!.shape.length !== 1 || start!.shape[0] === 0) {
      throw new DTypeError(
        'writeAt',
        `start must be int32 [1 or more], received ${start!.dtype} ${formatShape(start!.shape)}`,
      )
    }
    if (base!.dtype !== part!.dtype) {
      throw new DTypeError('writeAt', `base and part must share one dtype, received ${base!.dtype} and ${part!.dtype}`)
    }
    const count = part!.shape[dim]
    const fits = count !== undefined && count >= 1 && count <= base!.shape[dim]!
    if (!fits || !sameShape(part!.shape, base!.shape.with(dim, count))) {
      throw new ShapeError(
        'writeAt',
        `part ${formatShape(part!.shape)} does not fit into base ${formatShape(base!.shape)} along dim ${dim}`,
      )
    }
    return { shape: base!.shape, dtype: base!.dtype }
  },
  evaluate(node, [base, part, start]) {
    const { dim } = node.attrs
    const out = allocateValues(node.dtype, base!.length)
    out.set(base!)
    const [size, count] = [node.shape[dim]!, node.inputs[1]!.shape[dim]!]
    const first = start![0]!
    if (first < 0 || first + count > size) return out
    const inner = sizeOf(node.shape.slice(dim + 1))
    const run = count * inner
    for (let from = 0, to = first * inner; from < part!.length; from += run, to += size * inner) {
      out.set(part!.subarray(from, from + run) as Float64Array, to)
    }
    return out
  },
  decompose([base, part, start], { dim }) {
    const [size, count] = [base!.shape[dim]!, part!.shape[dim]!]
    const along = (x: Node): Node =>
      reshape(
        x,
        base!.shape.map((_, d) => (d === dim ? size : 1)),
      )
    const [zero, last] = [constant(0, 'int32'), constant(count - 1, 'int32')]
    const first = sliceDim(start!, 0, 0, 1)
    const place = sub(iota(size), first)
    const fits = logicalAnd(lessEqual(zero, first), lessEqual(first, constant(size - count, 'int32')))
    const isNew = logicalAnd(fits, logicalAnd(lessEqual(zero, place), less(place, constant(count, 'int32'))))
    const source =
      count === 1
        ? broadcastTo(part!, base!.shape)
        : gather(part!, along(minimum(maximum(place, zero), last)), dim, 'writeAt')
    return where(along(isNew), source, base!)
  },
}

/** See {@link writeAtOp}. */
export function writeAt(base: Node, part: Node, start: Node, dim: number): Node {
  return record(writeAtOp, [base, part, start], { dim })
}
