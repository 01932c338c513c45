import { type Cell, type GradSlot, hold, type Node } from '../graph/node.ts'

/* Versions of leaves and gradients: which follow each other, and when the memory of one may be used for the next. */

/** What happened to a leaf since the last realisation. */
export interface Assignment {
  /** Its last realised version. */
  readonly before: Node
  /** Its newest one. */
  readonly after: Node
  /** All of them that were recorded, in order. */
  readonly versions: readonly Node[]
}

/** From so many on they are computed step by step, by the plan of one step, instead of all together by a plan of their own. */
const separateVersions = 3

/** Whether the versions of a leaf that wait are computed step by step. */
export function isSeparated(versions: readonly Node[]): boolean {
  return versions.length >= separateVersions
}

/** Roots of a loop that nobody looked at, cut where a leaf that has its new version gets another. */
export function stepsOf(roots: readonly Node[], pending: ReadonlyMap<Cell, Assignment>): (readonly Node[])[] {
  if (pending.size === 0) return [roots]
  const recorded: { readonly cell: Cell; readonly id: number }[] = []
  for (const [cell, { versions }] of pending)
    if (isSeparated(versions)) for (const { id } of versions) recorded.push({ cell, id })
  const steps: (readonly Node[])[] = []
  const renewed = new Set<Cell>()
  let begin = 0
  let last = 0
  for (const { cell, id } of recorded.sort((a, b) => a.id - b.id)) {
    if (renewed.has(cell)) {
      const end = roots.findIndex((root) => root.id > last)
      steps.push(roots.slice(begin, end))
      begin = end
      renewed.clear()
    }
    renewed.add(cell)
    last = id
  }
  return [...steps, roots.slice(begin)]
}

/** Adds what nobody needs any more once the next versions are computed, unless their computation reads it. */
export function spareValues(
  assignments: ReadonlyMap<Cell, Assignment>,
  slots: Iterable<GradSlot>,
  spare: Node[],
): void {
  for (const { before } of assignments.values()) spareVersion(before, spare)
  for (const slot of slots) spareGradient(slot, spare)
}

/** Adds the version before `current` to `spare`, if nobody can ask for it any more once `current` is replaced. */
export function spareVersion({ previous }: Node, spare: Node[]): void {
  if (previous?.value && !previous.held) spare.push(previous)
}

/** Adds the gradient that was computed last to `spare`, if it has been replaced and nobody can ask for it any more. */
export function spareGradient({ computed, grad }: GradSlot, spare: Node[]): void {
  if (computed?.value && computed !== grad && !computed.held && !computed.requiresGrad) spare.push(computed)
}

/** Remembers what was replaced, to be given up with the next replacement. */
export function supersede(
  assignments: ReadonlyMap<Cell, Assignment>,
  gradients: readonly (readonly [GradSlot, Node | undefined])[],
): void {
  for (const { before, after } of assignments.values()) replaceVersion(before, after)
  const seen = new Set<Node>()
  for (const [slot, grad] of gradients) {
    // One node may be the gradient of several leaves, or a leaf itself.
    if (grad && seen.has(grad)) hold(grad)
    if (grad) seen.add(grad)
    slot.computed = grad?.op.kind === 'leaf' ? undefined : grad
  }
}

/** Tells that `after` is computed and takes the place of `before`. */
export function replaceVersion(before: Node, after: Node): void {
  before.previous = undefined
  if (before !== after && !before.held) after.previous = before
}
