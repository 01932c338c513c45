import { stridesOf } from '../core/shape.ts'
import type { Affine } from '../schedule/affine.ts'
import type { Expression } from '../schedule/expression.ts'
import type { Nest } from '../schedule/kernels.ts'
import { affinesOf, mapAffines } from '../schedule/walk.ts'

/** Elements of a line of the cache, of four bytes each. */
const line = 16
/** So many short rows are read one after the other. */
const run = 4

/** Nests over the same positions in the order in which loops walk through them. */
export interface Walk {
  readonly nests: readonly Nest[]
  /** Elements between neighbours of the results along each axis: row-major in the order that the results have. */
  readonly strides: readonly number[]
}

/**
 * Maps that read an array across its lines, as a transposition does, walk through it in tiles: an axis along which elements of a
 * line lie side by side moves, whole or in pieces of a line, to just before the vectors, so that a line is used up while it is
 * near. So does, in pieces, an axis along which short rows of vectors go on, as in packing, so that lines follow each other.
 * The last axis stays where it is, and so does all of a reduction, whose order is the order of its sums.
 */
export function orderLoops(nests: readonly Nest[]): Walk {
  const { extents, reduce } = nests[0]!
  const strides = resultStrides(nests[0]!)
  const last = extents.length - 1
  if (reduce || last < 1) return { nests, strides }
  const affines = nests.flatMap(({ body }) => [...affinesOf(body)])
  const near = (a: Affine): number => {
    // Vectors, and the loop around them, go to other lines each time, or sooner than this axis would.
    const most = Math.min(line, reach(a, last - 1), reach(a, last))
    for (let axis = 0; axis < last - 1; axis++) if (a.terms[axis] !== 0 && reach(a, axis) < most) return axis
    return -1
  }
  const goesOn = (a: Affine): number => {
    const row = extents[last]!
    if (row > 2 * line || reach(a, last) !== 1 || reach(a, last - 1) <= row) return -1
    return extents.findIndex((_, axis) => axis < last - 1 && a.terms[axis] === row)
  }
  const nearest = Math.max(-1, ...affines.map(near))
  const axis = nearest < 0 ? Math.max(-1, ...affines.map(goesOn)) : nearest
  if (axis < 0) return { nests, strides }
  const most = nearest < 0 ? run : line
  const piece = extents[axis]! <= 2 * most ? extents[axis]! : most
  if (extents[axis]! % piece !== 0) return { nests, strides }
  // What each axis becomes: the one that moves leaves whole pieces behind.
  const whole = piece === extents[axis]!
  const rearrange = <T>(values: readonly T[], outer: T, inner: T): T[] => {
    const rest = whole ? values.toSpliced(axis, 1) : values.with(axis, outer)
    return rest.toSpliced(rest.length - 1, 0, inner)
  }
  const regroup = ({ terms, offset }: Affine): Affine => ({
    terms: rearrange(terms, terms[axis]! * piece, terms[axis]!),
    offset,
  })
  const ordered = rearrange(extents, extents[axis]! / piece, piece)
  const done = new Map<Expression, Expression>()
  return {
    nests: nests.map((nest) => ({
      ...nest,
      extents: ordered,
      resultAxes: ordered.length,
      body: mapAffines(nest.body, regroup, done),
    })),
    strides: rearrange(strides, strides[axis]! * piece, strides[axis]!),
  }
}

/** Elements between neighbours of a nest's result along each of its axes, row-major. */
export function resultStrides({ extents, resultAxes }: Nest): number[] {
  return stridesOf(extents.slice(0, resultAxes))
}

const reach = ({ terms }: Affine, axis: number): number => Math.abs(terms[axis]!)
