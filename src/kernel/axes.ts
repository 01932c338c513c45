import type { Affine } from '../schedule/affine.ts'
import type { Expression } from '../schedule/expression.ts'
import type { Nest } from '../schedule/kernels.ts'
import { affinesOf, mapAffines } from '../schedule/walk.ts'

/**
 * Joins neighbouring axes that every access of all nests walks through as one, and drops axes of one position, so that a
 * contiguous array is one long loop whatever its shape. The nests share their axes; the first `kept` stay as they are. A
 * result of one element keeps an axis to walk.
 */
export function joinAxes(nests: readonly Nest[], kept = 0): Nest[] {
  const affines = nests.flatMap(({ body }) => [...affinesOf(body)])
  const { extents, resultAxes } = nests[0]!
  const groups: number[][] = []
  let results = 0
  for (let axis = 0; axis < extents.length; axis++) {
    if (extents[axis] === 1 && axis >= kept) continue
    const previous = groups.at(-1)
    const last = previous?.at(-1)
    const isResult = axis < resultAxes
    const joins =
      last !== undefined &&
      last >= kept &&
      last < resultAxes === isResult &&
      affines.every((a) => a.terms[last] === a.terms[axis]! * extents[axis]!)
    if (joins) previous!.push(axis)
    else {
      groups.push([axis])
      if (isResult) results++
    }
  }
  if (results === 0) groups.unshift([])
  const joined = groups.map((group) => group.reduce((product, axis) => product * extents[axis]!, 1))
  const done = new Map<Expression, Expression>()
  const regroup = ({ terms, offset }: Affine): Affine => ({
    terms: groups.map((group) => terms[group.at(-1) ?? -1] ?? 0),
    offset,
  })
  return nests.map((nest) => ({
    ...nest,
    extents: joined,
    resultAxes: Math.max(1, results),
    body: mapAffines(nest.body, regroup, done),
  }))
}

/** The axes that an expression's value depends on, as bits. */
export class Dependencies {
  private readonly known = new Map<Expression, number>()

  of(e: Expression): number {
    let bits = this.known.get(e)
    if (bits === undefined) {
      bits = this.compute(e)
      this.known.set(e, bits)
    }
    return bits
  }

  private compute(e: Expression): number {
    switch (e.kind) {
      case 'load':
      case 'position':
      case 'random':
        return bitsOf(e.at)
      case 'gather':
        return bitsOf(e.base) | this.of(e.index)
      case 'apply':
        return e.args.reduce((bits, arg) => bits | this.of(arg), 0)
      case 'guard':
        return e.conditions.reduce((bits, c) => bits | bitsOf(c.value), this.of(e.value) | this.of(e.otherwise))
      default:
        return 0
    }
  }
}

function bitsOf(a: Affine): number {
  return a.terms.reduce((bits, term, axis) => (term === 0 ? bits : bits | (1 << axis)), 0)
}
