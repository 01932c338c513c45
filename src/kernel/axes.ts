import type { Affine, Condition } from '../schedule/affine.ts'
import type { Expression } from '../schedule/expression.ts'
import type { Nest } from '../schedule/kernels.ts'

/** Every affine function that an expression contains. */
export function affinesOf(root: Expression): Set<Affine> {
  const found = new Set<Affine>()
  const seen = new Set<Expression>()
  const conditions = (list: readonly Condition[]): void => list.forEach(({ value }) => void found.add(value))
  const visit = (e: Expression): void => {
    if (seen.has(e)) return
    seen.add(e)
    if ('at' in e) found.add(e.at)
    if ('valid' in e) conditions(e.valid)
    if (e.kind === 'gather') {
      found.add(e.base)
      visit(e.index)
    } else if (e.kind === 'apply') e.args.forEach(visit)
    else if (e.kind === 'guard') {
      conditions(e.conditions)
      visit(e.value)
      visit(e.otherwise)
    }
  }
  visit(root)
  return found
}

/** Replaces every affine function of an expression; shared parts stay shared. */
export function mapAffines(root: Expression, f: (a: Affine) => Affine): Expression {
  const done = new Map<Expression, Expression>()
  const conditions = (list: readonly Condition[]): Condition[] => list.map((c) => ({ ...c, value: f(c.value) }))
  const map = (e: Expression): Expression => {
    const known = done.get(e)
    if (known) return known
    const made = replace(e)
    done.set(e, made)
    return made
  }
  const replace = (e: Expression): Expression => {
    switch (e.kind) {
      case 'load':
        return { ...e, at: f(e.at), valid: conditions(e.valid) }
      case 'position':
      case 'random':
        return { ...e, at: f(e.at) }
      case 'gather':
        return { ...e, base: f(e.base), index: map(e.index), valid: conditions(e.valid) }
      case 'apply':
        return { ...e, args: e.args.map(map) }
      case 'guard':
        return { ...e, conditions: conditions(e.conditions), value: map(e.value), otherwise: map(e.otherwise) }
      default:
        return e
    }
  }
  return map(root)
}

/**
 * Joins neighbouring axes that every access walks through as one, and drops axes of one position, so that a contiguous
 * array is one long loop whatever its shape.
 */
export function joinAxes(nest: Nest): Nest {
  const affines = [...affinesOf(nest.body)]
  const groups: number[][] = []
  let results = 0
  for (let axis = 0; axis < nest.extents.length; axis++) {
    if (nest.extents[axis] === 1) continue
    const previous = groups.at(-1)
    const last = previous?.at(-1)
    const isResult = axis < nest.resultAxes
    const joins =
      last !== undefined &&
      last < nest.resultAxes === isResult &&
      affines.every((a) => a.terms[last] === a.terms[axis]! * nest.extents[axis]!)
    if (joins) previous!.push(axis)
    else {
      groups.push([axis])
      if (isResult) results++
    }
  }
  const body = mapAffines(nest.body, ({ terms, offset }) => ({
    terms: groups.map((group) => terms[group.at(-1)!]!),
    offset,
  }))
  const extents = groups.map((group) => group.reduce((product, axis) => product * nest.extents[axis]!, 1))
  return { ...nest, extents, resultAxes: results, body }
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
