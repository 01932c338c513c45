import type { TypedArray } from '../core/dtype.ts'
import { StaleError } from '../core/errors.ts'
import { evaluationOrder } from '../graph/interpret.ts'
import type { Cell, GradSlot, Node } from '../graph/node.ts'
import { assignment } from '../graph/ops/leaves.ts'
import { capturing, changeStructure, refuseToRead } from './capture.ts'
import { device, type Landing, type Prepared } from './device.ts'
import { type Assignment, isSeparated, spareValues, stepsOf, supersede } from './versions.ts'

/**
 * When recorded work is carried out. A realisation takes what was asked for and, with it: all pending assignments, losses
 * passed to `backward()` with their gradients, and recorded results that nothing else uses but that read an assignable leaf.
 * So a training loop that never reads anything still runs step by step, and reading the loss costs no second forward pass.
 *
 * A run that takes long goes on beside the program: the nodes that it computes get their values when somebody looks at one, or
 * when the next run is to begin, which waits for it.
 *
 * Values that no tensor holds are given up when nothing but very old recordings could ask for them: the version of a leaf
 * before its last one as soon as the next is computed, and a gradient when another takes its place. So two buffers serve all
 * versions of a leaf. What was recorded from a version and is asked for too late is refused with a {@link StaleError}, never
 * computed from a later one. The same goes for what the last tensor that held it let go of: see {@link letGo}.
 */

/** When so many versions of one leaf wait they are computed, so that a loop that never reads anything keeps no history. */
const waitingVersions = 16

/** Unread results are remembered up to this number; older ones are computed when they are asked for. */
const rememberedResults = 4096

/** What waits for the next realisation. */
class Pending {
  readonly assignments = new Map<Cell, Assignment>()
  readonly losses: Node[] = []
  readonly slots = new Set<GradSlot>()
  results: Node[] = []
  /** What else has to be taken back when it fails. */
  readonly undo: (() => void)[] = []

  get isEmpty(): boolean {
    const { assignments, losses, slots, results, undo } = this
    return assignments.size + losses.length + slots.size + results.length + undo.length === 0
  }

  /**
   * What has to be computed together with what is asked for, in the order of recording: what a derivative needs (or a checkpoint
   * records again) is dropped before the next is made.
   */
  rootsBeside(asked: readonly Node[], separated: boolean, upTo: number): Node[] {
    const roots = [...new Set([...asked, ...this.roots(separated)])].filter(({ value, id }) => !value && id <= upTo)
    return roots.sort((a, b) => a.id - b.id)
  }

  /** @param separated whether versions that are computed step by step are among them */
  private roots(separated: boolean): Node[] {
    const roots: Node[] = []
    for (const [cell, { after, versions }] of this.assignments) {
      if (cell.node === after) roots.push(after)
      if (separated && isSeparated(versions)) roots.push(...versions)
    }
    roots.push(...this.losses)
    for (const { grad } of this.slots) if (grad) roots.push(grad)
    for (const node of this.results) if (node.uses === 0 && node.held > 0) roots.push(node)
    return roots
  }

  /** Takes out what is later than the next realisation: no assignment is. */
  leave(upTo: number): Pending {
    const isLater = ({ id }: Node): boolean => id > upTo
    const left = new Pending()
    for (const slot of this.slots) {
      if (!slot.grad || !isLater(slot.grad)) continue
      this.slots.delete(slot)
      left.slots.add(slot)
    }
    left.losses.push(...this.losses.filter(isLater))
    left.results = this.results.filter(isLater)
    return left
  }

  takeBack(): void {
    for (const [cell, { before }] of this.assignments) cell.node = before
    for (const undo of this.undo) undo()
  }
}

let pending = new Pending()

/** What is taken by a realisation of something that nothing pending goes with. */
const nothing = new Pending()

/** What no tensor holds any more, for the next run to give up. */
let relinquished: Node[] = []

/** Number of the newest version of any leaf. */
let lastVersion = 0

/** Remembers a user-held result, so that it is computed before the leaves it reads move on. */
export function rememberResult(node: Node): void {
  if (!node.readsVariable || node.value) return
  if (pending.results.length >= rememberedResults) pending.results = pending.results.slice(rememberedResults / 2)
  pending.results.push(node)
}

/** Forgets the results recorded after the node of number `start`, but for `kept`: those of a function that did not return them. */
export function forgetResults(start: number, kept: ReadonlySet<Node>): void {
  pending.results = pending.results.filter((node) => node.id <= start || kept.has(node))
}

/**
 * Tells that a tensor which held `node` does not ask for its value any more. When none is left the next run gives it up, unless it
 * reads it: memory of its own serves a result of that size then.
 */
export function letGo(node: Node): void {
  if (--node.held === 0 && node.value) relinquished.push(node)
}

/** What tensors let go of since the last run, for whoever begins another. */
export function takeRelinquished(): Node[] {
  const taken = relinquished
  relinquished = []
  return taken
}

/** Remembers a differentiated loss and the gradients it left, to be computed together with the next realisation. */
export function rememberLoss(loss: Node, touched: Iterable<GradSlot>): void {
  // Between two steps: what belongs to the new one waits.
  for (const { versions } of pending.assignments.values()) {
    if (versions.length < waitingVersions) continue
    realizeNodes([], lastVersion)
    break
  }
  pending.losses.push(loss)
  for (const slot of touched) pending.slots.add(slot)
}

/** Gives `cell` a new version with the value of `value`. Pending until the next realisation; cuts the graph. */
export function assign(cell: Cell, value: Node): void {
  if ((pending.assignments.get(cell)?.versions.length ?? 0) >= waitingVersions) realizeNodes()
  const before = cell.node
  // What was captured took a computed value for one that does not change.
  if (!before.cell) changeStructure()
  const after = assignment(value, before.requiresGrad)
  after.slot = before.slot
  after.cell = cell
  cell.node = after
  lastVersion = after.id
  const waiting = pending.assignments.get(cell)
  const versions = waiting ? [...waiting.versions, after] : [after]
  pending.assignments.set(cell, { before: waiting?.before ?? before, after, versions })
}

/** Remembers a new leaf whose first value is recorded but not computed: it is with the next realisation. */
export function rememberLeaf(cell: Cell): void {
  pending.assignments.set(cell, { before: cell.node, after: cell.node, versions: [cell.node] })
}

/** Remembers what has to be taken back, beside assignments, when the next realisation fails. */
export function whenItFails(undo: () => void): void {
  pending.undo.push(undo)
}

/**
 * Runs `fn` for what can be learned from recording alone (shapes, costs), then forgets what it recorded: nothing of it will
 * be computed, and leaves it assigned have their versions back.
 */
export function withoutTrace<T>(fn: () => T): T {
  const before = pending
  pending = new Pending()
  try {
    return fn()
  } finally {
    pending.takeBack()
    pending = before
  }
}

/** Whether anything recorded waits to be computed, or is being computed. */
export function isAnythingPending(): boolean {
  return flight !== undefined || !pending.isEmpty
}

/** A run beside the program. */
interface Flight {
  readonly landing: Landing
  readonly roots: readonly Node[]
  readonly taken: Pending
  readonly gradients: Gradients
}

/** The gradients that a run computes; their slots may hold others when it is over. */
type Gradients = readonly (readonly [GradSlot, Node | undefined])[]

let flight: Flight | undefined

/** Waits until no run is under way, and keeps what it computed. When it has failed everything recorded since is taken back, too. */
export function land(): void {
  if (!flight) return
  const { landing, roots, taken, gradients } = flight
  flight = undefined
  try {
    settleAll(roots, landing.values())
  } catch (error) {
    pending.takeBack()
    pending = new Pending()
    taken.takeBack()
    throw error
  }
  supersede(taken.assignments, gradients)
}

/** {@link land}, without keeping the program waiting. */
async function landed(): Promise<void> {
  while (flight) {
    const awaited = flight
    await awaited.landing.done
    if (flight === awaited) land()
  }
}

/**
 * Computes `asked` and everything pending that was recorded up to the node of number `upTo`, which no assignment is newer than.
 * When it fails no leaf has changed: every pending assignment is taken back, and the error is thrown. While a function is
 * captured nothing can be asked for, and nothing is computed.
 */
export function realizeNodes(asked: readonly Node[] = [], upTo: number = Number.POSITIVE_INFINITY): void {
  if (capturing()) refuse(asked)
  else carryOut(asked, 'now', upTo)
}

/** {@link realizeNodes} of everything pending, beside the program where it takes long. Errors of such a run come with the next. */
export function submit(): void {
  if (!capturing()) carryOut([], 'beside')
}

/** {@link realizeNodes}, beside the program where it takes long. */
export async function realizeAside(asked: readonly Node[]): Promise<void> {
  if (capturing()) return refuse(asked)
  // Nothing is waited for that is not under way: an error then knows the line that asked.
  if (flight) await landed()
  carryOut(asked, 'beside')
  if (flight) await landed()
}

/** {@link realizeAside} of one node, unless the run under way computes it. */
export async function awaitValue(node: Node): Promise<void> {
  if (flight) await landed()
  if (!node.value) await realizeAside([node])
}

function refuse(asked: readonly Node[]): void {
  if (asked.length > 0) refuseToRead()
}

/** What one realisation computed and changed. */
export interface Realisation {
  readonly roots: readonly Node[]
  /** How to compute the same from other leaves; undefined where the device cannot, or nothing had to be computed. */
  readonly prepared: Prepared | undefined
  readonly assignments: ReadonlyMap<Cell, Assignment>
}

/** {@link realizeNodes}, for whoever wants to repeat it. */
export function realizeRepeatably(asked: readonly Node[]): Realisation {
  return carryOut(asked, 'repeatably')
}

function carryOut(
  asked: readonly Node[],
  how: 'now' | 'beside' | 'repeatably',
  upTo: number = Number.POSITIVE_INFINITY,
): Realisation {
  land()
  const repeatably = how === 'repeatably'
  if (!repeatably && asked.length === 1 && pending.isEmpty && !asked[0]!.value) return carryOutAlone(asked, how)
  const taken = pending
  const { assignments } = taken
  const roots = taken.rootsBeside(asked, !repeatably, upTo)
  pending = taken.leave(upTo)
  if (roots.length === 0) return { roots, prepared: undefined, assignments }
  const target = device()
  const gradients = Array.from(taken.slots, (slot) => [slot, slot.grad] as const)
  let prepared: Prepared | undefined
  try {
    if (repeatably) prepared = target.prepare?.(roots)
    const steps = repeatably ? [roots] : stepsOf(roots, assignments)
    const last = steps.pop()!
    for (const step of steps) settleAll(step, target.run(step))
    const spare = takeRelinquished()
    spareValues(assignments, taken.slots, spare)
    const values = how === 'beside' && target.launch ? target.launch(last, spare) : target.run(last, spare)
    if (!Array.isArray(values)) {
      flight = { landing: values, roots: last, taken, gradients }
      return { roots, prepared, assignments }
    }
    settleAll(last, values)
  } catch (error) {
    // Where only what was asked for is too old, what is pending can still be computed.
    if (!(error instanceof StaleError && isStale(asked))) taken.takeBack()
    else pending = taken
    throw error
  }
  supersede(assignments, gradients)
  return { roots, prepared, assignments }
}

/** {@link carryOut} of one node where nothing is pending: the short way, which a small tensor is mostly made of. */
function carryOutAlone(roots: readonly Node[], how: 'now' | 'beside'): Realisation {
  const target = device()
  const spare = takeRelinquished()
  const values = how === 'beside' && target.launch ? target.launch(roots, spare) : target.run(roots, spare)
  if (Array.isArray(values)) settleAll(roots, values)
  else flight = { landing: values, roots, taken: nothing, gradients: [] }
  return { roots, prepared: undefined, assignments: nothing.assignments }
}

/** Computes nodes and nothing else. */
export function realizeAlone(nodes: readonly Node[]): void {
  land()
  if (nodes.length > 0) settleAll(nodes, device().run(nodes))
}

function isStale(roots: readonly Node[]): boolean {
  try {
    evaluationOrder(roots)
  } catch {
    return true
  }
  return false
}

function settleAll(nodes: readonly Node[], values: readonly TypedArray[]): void {
  for (let i = 0; i < nodes.length; i++) settle(nodes[i]!, values[i]!)
}

/** Keeps a result and forgets how it came about, unless a derivative may still be asked for. */
function settle(node: Node, value: TypedArray): void {
  node.value = value
  node.ownsValue = true
  if (node.requiresGrad && !node.released && node.op.name !== 'assign') return
  node.inputs = []
  node.expansion = undefined
}
