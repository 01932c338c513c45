import type { Node } from '../graph/node.ts'
import type { Affine, Condition } from './affine.ts'
import type { Expression, Load } from './expression.ts'

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
      found.add(e.position)
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

/** Replaces every affine function of an expression; shared parts stay shared, across calls with one `done`. */
export function mapAffines(
  root: Expression,
  f: (a: Affine) => Affine,
  done: Map<Expression, Expression> = new Map(),
): Expression {
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
        return { ...e, base: f(e.base), position: f(e.position), index: map(e.index), valid: conditions(e.valid) }
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

/** Replaces the positions of plain loads. */
export function mapReads(root: Expression, f: (node: Node, at: Affine) => Affine): Expression {
  const done = new Map<Expression, Expression>()
  const map = (e: Expression): Expression => {
    let made = done.get(e)
    if (!made) {
      made = replace(e)
      done.set(e, made)
    }
    return made
  }
  const replace = (e: Expression): Expression => {
    if (e.kind === 'load') return { ...e, at: f(e.node, e.at) }
    if (e.kind === 'gather') return { ...e, index: map(e.index) }
    if (e.kind === 'apply') return { ...e, args: e.args.map(map) }
    if (e.kind === 'guard') return { ...e, value: map(e.value), otherwise: map(e.otherwise) }
    return e
  }
  return map(root)
}

/** What an expression reads from memory; `at` is undefined where the position depends on data. */
export interface Read {
  readonly node: Node
  readonly at: Affine | undefined
  /** The read is done only where these hold. */
  readonly valid: readonly Condition[]
}

/** Every part of an expression, once. */
export function partsOf(root: Expression): Set<Expression> {
  const seen = new Set<Expression>()
  const visit = (e: Expression): void => {
    if (seen.has(e)) return
    seen.add(e)
    if (e.kind === 'gather') visit(e.index)
    else if (e.kind === 'apply') e.args.forEach(visit)
    else if (e.kind === 'guard') {
      visit(e.value)
      visit(e.otherwise)
    }
  }
  visit(root)
  return seen
}

/** The plain loads of an expression. */
export function loadsIn(root: Expression): Load[] {
  return [...partsOf(root)].filter((e) => e.kind === 'load')
}

/** Every read of an expression. */
export function readsIn(root: Expression): Read[] {
  return [...partsOf(root)].flatMap((e): Read[] => {
    if (e.kind === 'load') return [{ node: e.node, at: e.at, valid: e.valid }]
    if (e.kind === 'random') return [{ node: e.key, at: undefined, valid: [] }]
    return e.kind === 'gather' ? [{ node: e.node, at: undefined, valid: e.valid }] : []
  })
}
