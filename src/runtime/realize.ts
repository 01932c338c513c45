import { StaleError } from '../core/errors.ts'
import { evaluationOrder } from '../graph/interpret.ts'
import { type GradSlot, hold, type Node } from '../graph/node.ts'
import { assignment } from '../graph/ops/leaves.ts'
import { device } from './device.ts'

/**
 * When recorded work is carried out. A realisation takes what was asked for and, with it: all pending assignments, losses
 * passed to `backward()` with their gradients, and recorded results that nothing else uses but that read an assignable leaf.
 * So a training loop that never reads anything still runs step by step, and reading the loss costs no second forward pass.
 *
 * Values that no tensor holds are given up when nothing but very old recordings could ask for them: the version of a leaf
 * before its last one as soon as the next is computed, and a gradient when another takes its place. So two buffers serve all
 * versions of a leaf. What was recorded from a version and is asked for too late is refused with a {@link StaleError}, never
 * computed from a later one.
 */

/** Holder of a leaf's current version. */
export interface Cell {
  node: Node
}

/** What happened to a leaf since the last realisation. */
interface Assignment {
  /** Its last realised version. */
  readonly before: Node
  /** Its newest one. */
  readonly after: Node
  /** All of them that were recorded, in order. */
  readonly versions: readonly Node[]
}

/** When so many versions of one leaf wait they are computed, so that a loop that never reads anything keeps no history. */
const waitingVersions = 16

/** From so many on they are computed step by step, by the plan of one step, instead of all together by a plan of their own. */
const separateVersions = 3

/** Unread results are remembered up to this number; older ones are computed when they are asked for. */
const rememberedResults = 4096

let assignments = new Map<Cell, Assignment>()
let losses: Node[] = []
let slots = new Set<GradSlot>()
let results: Node[] = []
/** Number of the newest version of any leaf. */
let lastVersion = 0

/** Remembers a user-held result, so that it is computed before the leaves it reads move on. */
export function rememberResult(node: Node): void {
  if (!node.readsVariable || node.value) return
  if (results.length >= rememberedResults) results = results.slice(rememberedResults / 2)
  results.push(node)
}

/** Remembers a differentiated loss and the gradients it left, to be computed together with the next realisation. */
export function rememberLoss(loss: Node, touched: Iterable<GradSlot>): void {
  // Between two steps: what belongs to the new one waits.
  for (const { versions } of assignments.values())
    if (versions.length >= waitingVersions) {
      realizeNodes([], lastVersion)
      break
    }
  losses.push(loss)
  for (const slot of touched) slots.add(slot)
}

/** Gives `cell` a new version with the value of `value`. Pending until the next realisation; cuts the graph. */
export function assign(cell: Cell, value: Node): void {
  if ((assignments.get(cell)?.versions.length ?? 0) >= waitingVersions) realizeNodes()
  const before = cell.node
  const after = assignment(value, before.requiresGrad)
  after.slot = before.slot
  cell.node = after
  lastVersion = after.id
  const waiting = assignments.get(cell)
  const versions = [...(waiting?.versions ?? []), after]
  assignments.set(cell, { before: waiting?.before ?? before, after, versions })
}

/** Remembers a new leaf whose first value is recorded but not computed: it is with the next realisation. */
export function rememberLeaf(cell: Cell): void {
  assignments.set(cell, { before: cell.node, after: cell.node, versions: [cell.node] })
}

/**
 * Runs `fn` for what can be learned from recording alone (shapes, costs), then forgets what it recorded: nothing of it will
 * be computed, and leaves it assigned have their versions back.
 */
export function withoutTrace<T>(fn: () => T): T {
  const before = { assignments, losses, slots, results }
  assignments = new Map()
  losses = []
  slots = new Set()
  results = []
  try {
    return fn()
  } finally {
    for (const [cell, { before: version }] of assignments) cell.node = version
    ;({ assignments, losses, slots, results } = before)
  }
}

function pendingRoots(): Node[] {
  const roots: Node[] = []
  for (const [cell, { after, versions }] of assignments) {
    if (cell.node === after) roots.push(after)
    if (isSeparated(versions)) roots.push(...versions)
  }
  roots.push(...losses)
  for (const { grad } of slots) if (grad) roots.push(grad)
  for (const node of results) if (node.uses === 0) roots.push(node)
  return roots
}

/**
 * Computes `asked` and everything pending that was recorded up to the node of number `upTo`, which no assignment is newer than.
 * When it fails no leaf has changed: every pending assignment is taken back, and the error is thrown.
 */
export function realizeNodes(asked: readonly Node[] = [], upTo: number = Number.POSITIVE_INFINITY): void {
  const isLater = ({ id }: Node): boolean => id > upTo
  // In the order of recording: what a derivative needs (or a checkpoint records again) is dropped before the next is made.
  const roots = [...new Set([...asked, ...pendingRoots()])].filter((node) => !node.value && !isLater(node))
  roots.sort((a, b) => a.id - b.id)
  const later = new Set<GradSlot>()
  for (const slot of slots) if (slot.grad && isLater(slot.grad)) later.add(slot)
  for (const slot of later) slots.delete(slot)
  const pending = { assignments, losses, slots, results }
  assignments = new Map()
  losses = losses.filter(isLater)
  slots = later
  results = results.filter(isLater)
  if (roots.length === 0) return
  try {
    const steps = stepsOf(roots, pending.assignments)
    for (const step of steps) {
      const values = device().run(step, step === steps.at(-1) ? spareValues(pending) : [])
      for (let i = 0; i < step.length; i++) settle(step[i]!, values[i]!)
    }
  } catch (error) {
    // Where only what was asked for is too old, what is pending can still be computed.
    if (error instanceof StaleError && isStale(asked)) ({ assignments, losses, slots, results } = pending)
    else for (const [cell, { before }] of pending.assignments) cell.node = before
    throw error
  }
  supersede(pending)
}

/** Roots of a loop that nobody looked at, cut where a leaf that has its new version gets another. */
function stepsOf(roots: readonly Node[], pending: ReadonlyMap<Cell, Assignment>): (readonly Node[])[] {
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

const isSeparated = (versions: readonly Node[]): boolean => versions.length >= separateVersions

type Pending = { readonly assignments: ReadonlyMap<Cell, Assignment>; readonly slots: ReadonlySet<GradSlot> }

/** What nobody needs any more once the next versions are computed, unless their computation reads it. */
function spareValues({ assignments, slots }: Pending): Node[] {
  const spare: Node[] = []
  for (const { before } of assignments.values()) {
    const { previous } = before
    if (previous?.value && !previous.held) spare.push(previous)
  }
  for (const { grad, computed } of slots)
    if (computed?.value && computed !== grad && !computed.held && !computed.requiresGrad) spare.push(computed)
  return spare
}

/** Remembers what was replaced, to be given up with the next replacement. */
function supersede({ assignments, slots }: Pending): void {
  for (const { before, after } of assignments.values()) {
    before.previous = undefined
    if (before !== after && !before.held) after.previous = before
  }
  const seen = new Set<Node>()
  for (const slot of slots) {
    const { grad } = slot
    // One node may be the gradient of several leaves, or a leaf itself.
    if (grad && seen.has(grad)) hold(grad)
    if (grad) seen.add(grad)
    slot.computed = grad?.op.kind === 'leaf' ? undefined : grad
  }
}

function isStale(roots: readonly Node[]): boolean {
  try {
    evaluationOrder(roots)
  } catch {
    return true
  }
  return false
}

/** Keeps a result and forgets how it came about, unless a derivative may still be asked for. */
function settle(node: Node, value: Node['value']): void {
  node.value = value
  if (node.requiresGrad && !node.released && node.op.name !== 'assign') return
  node.inputs = []
  node.expansion = undefined
}
