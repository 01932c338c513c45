import type { TypedArray } from '../core/dtype.ts'
import { sameShape } from '../core/shape.ts'
import { type Cell, type GradSlot, giveUp, hold, Node, type TensorType } from '../graph/node.ts'
import { bufferOp } from '../graph/ops/leaves.ts'
import { Otherwise } from '../graph/tape.ts'
import type { Capture, RepeatableStep } from './capture.ts'
import type { Prepared } from './device.ts'
import { type Realisation, takeRelinquished } from './realize.ts'
import { replaceVersion, spareGradient, spareVersion } from './versions.ts'

/* Doing again what a captured function did, without recording it. */

/** Where a leaf of the computation is found in each call: by position among the arguments, or with whoever owns it. */
type Source =
  | { readonly kind: 'argument'; readonly position: number }
  | { readonly kind: 'cell'; readonly cell: Cell; readonly type: Node }
  | { readonly kind: 'gradient'; readonly slot: GradSlot; readonly type: Node }
  | { readonly kind: 'key'; readonly position: number }
  | { readonly kind: 'constant'; readonly value: TypedArray }

/** A leaf, or an argument by its position. */
export type Holder = Cell | number

interface Reassigned {
  readonly holder: Holder
  readonly result: number
  readonly type: TensorType
}

/**
 * What a function leaves in a gradient slot: a result, which several slots may share, or nothing, or something it did not
 * compute. `isRead`: whether the computation reads what was there before.
 */
type LeftGradient = { readonly slot: GradSlot; readonly isRead: boolean } & (
  | { readonly result: number; readonly type: TensorType; readonly isShared: boolean }
  | { readonly result: undefined; readonly constant: Node | undefined }
)

/** Says that a captured function has to be captured again, since it would be recorded otherwise now. */
export const outdated: unique symbol = Symbol('outdated')

/** A captured function. */
export class Replay {
  private readonly prepared: Prepared
  private readonly sources: readonly Source[]
  private readonly draws: readonly (() => TypedArray)[]
  private readonly numbers: readonly number[]
  private readonly steps: readonly { readonly step: RepeatableStep; readonly positions: readonly number[] }[]
  private readonly reassigned: readonly Reassigned[]
  /** Cells among the sources that are reassigned, by position. */
  private readonly replaced: readonly (readonly [position: number, cell: Cell])[]
  private readonly gradients: readonly LeftGradient[]
  /** Gradients whose presence at the beginning matters, and whether they were there. */
  private readonly expected: readonly { readonly slot: GradSlot; readonly present: boolean }[]

  /**
   * @param args the leaves that stood for the arguments
   * @param holderOf the argument that a leaf stands for, or the leaf
   */
  constructor(
    { roots, prepared, assignments }: Realisation & { readonly prepared: Prepared },
    { keys, slots, steps }: Capture,
    args: readonly Node[],
    holderOf: (cell: Cell) => Holder,
  ) {
    this.prepared = prepared
    const positions = new Map(roots.map((root, i) => [root, i]))
    const argument = new Map(args.map((node, i) => [node, i]))
    const key = new Map([...keys.keys()].map((node, i) => [node, i]))
    const entry = new Map([...slots].flatMap(([slot, { entry }]) => (entry ? [[entry, slot] as const] : [])))
    const owner = new Map([...assignments].map(([cell, { before }]) => [before, cell]))
    this.sources = prepared.leaves.map((leaf): Source => {
      const position = argument.get(leaf)
      if (position !== undefined) return { kind: 'argument', position }
      const drawn = key.get(leaf)
      if (drawn !== undefined) return { kind: 'key', position: drawn }
      const slot = entry.get(leaf)
      if (slot) return { kind: 'gradient', slot, type: leaf }
      const cell = owner.get(leaf) ?? (leaf.cell?.node === leaf ? leaf.cell : undefined)
      return cell ? { kind: 'cell', cell, type: leaf } : { kind: 'constant', value: hold(leaf).value! }
    })
    this.draws = [...keys.values()]
    this.numbers = prepared.scalars.map((scalar) => (scalar.attrs as { value: number }).value)
    const scalar = new Map(prepared.scalars.map((node, i) => [node, i]))
    this.steps = steps.map((step) => ({ step, positions: step.scalars.map((node) => scalar.get(node) ?? -1) }))
    this.reassigned = [...assignments].map(([cell, { after }]) => ({
      holder: holderOf(cell),
      result: positions.get(after)!,
      type: typeOf(after),
    }))
    this.replaced = this.sources.flatMap((source, i) =>
      source.kind === 'cell' && assignments.has(source.cell) ? [[i, source.cell] as const] : [],
    )
    const grads = [...slots.keys()].map(({ grad }) => grad)
    this.gradients = [...slots].flatMap(([slot, { entry: before }]): LeftGradient[] => {
      const { grad } = slot
      if (grad === before) return []
      const isRead = before !== undefined && prepared.leaves.includes(before)
      const result = grad && positions.get(grad)
      if (!grad || result === undefined) return [{ slot, result: undefined, constant: grad, isRead }]
      return [{ slot, result, type: typeOf(grad), isRead, isShared: grads.indexOf(grad) !== grads.lastIndexOf(grad) }]
    })
    this.expected = [...slots].flatMap(([slot, { entry: before, overwritten }]) =>
      overwritten ? [] : [{ slot, present: before !== undefined }],
    )
  }

  /** Whether doing it again takes so long that it should go on beside the program. */
  get isLong(): boolean {
    return this.prepared.isLong
  }

  /**
   * Does it again with other arguments, and gives the values of the roots. Gives {@link outdated}, and does nothing, where the
   * function would be recorded otherwise now.
   */
  run(args: readonly (Cell & { readonly node: Node })[]): readonly TypedArray[] | typeof outdated {
    if (!this.fits()) return outdated
    const numbers = this.advance()
    if (!numbers) return outdated
    const keys = this.draws.map((draw) => draw())
    const spare = takeRelinquished()
    for (const { holder } of this.reassigned) spareVersion(cellOf(holder, args).node, spare)
    for (const { slot, isRead } of this.gradients) {
      const { computed, grad } = slot
      if (computed && computed === grad) {
        // What this run replaces is no longer needed, unless it reads it.
        if (!isRead && !grad.held && !grad.requiresGrad && grad.value) spare.push(grad)
      } else spareGradient(slot, spare)
    }
    const yielded = this.yielded()
    let values: readonly TypedArray[]
    try {
      values = this.prepared.run(
        this.sources.map((source) => elementsOf(source, args, keys)),
        numbers,
        spare,
        yielded,
      )
    } catch (error) {
      for (const { step } of this.steps.toReversed()) step.undo()
      throw error
    }
    for (const { holder, result, type } of this.reassigned) reassign(cellOf(holder, args), type, values[result]!)
    for (const left of this.gradients) {
      const { slot } = left
      if (left.result === undefined) slot.grad = left.constant
      else slot.grad = realised(left.type, values[left.result]!)
      if (left.result !== undefined && left.isShared) hold(slot.grad!)
      slot.computed = left.result === undefined ? undefined : slot.grad
    }
    return values
  }

  /**
   * Positions of leaves that get a new version and that nobody can ask for as they are now: nothing was recorded from them, and
   * no tensor holds them but the one that moves on.
   */
  private yielded(): ReadonlySet<number> {
    const yielded = new Set<number>()
    for (const [position, { node }] of this.replaced) if (node.uses === 0 && !node.held) yielded.add(position)
    return yielded
  }

  /** Whether leaves and gradients are as they were when the function was captured. */
  private fits(): boolean {
    for (const { slot, present } of this.expected) if ((slot.grad !== undefined) !== present) return false
    for (const source of this.sources) {
      if (source.kind !== 'cell' && source.kind !== 'gradient') continue
      const { type } = source
      const now = source.kind === 'cell' ? source.cell.node : source.slot.grad
      if (!now?.value || now.requiresGrad !== type.requiresGrad || now.dtype !== type.dtype) return false
      if (now.shape !== type.shape && !sameShape(now.shape, type.shape)) return false
    }
    return true
  }

  /** Goes one step on in every optimizer; gives all run-time numbers. */
  private advance(): number[] | undefined {
    const numbers = this.numbers.slice()
    for (const [i, { step, positions }] of this.steps.entries()) {
      try {
        const values = step.advance()
        for (let j = 0; j < positions.length; j++) if (positions[j]! >= 0) numbers[positions[j]!] = values[j]!
      } catch (error) {
        for (const { step: done } of this.steps.slice(0, i + 1).toReversed()) done.undo()
        if (error instanceof Otherwise) return undefined
        throw error
      }
    }
    return numbers
  }
}

function typeOf({ shape, dtype }: Node): TensorType {
  return { shape, dtype }
}

function cellOf(holder: Holder, args: readonly Cell[]): Cell {
  return typeof holder === 'number' ? args[holder]! : holder
}

function elementsOf(source: Source, args: readonly Cell[], keys: readonly TypedArray[]): TypedArray {
  switch (source.kind) {
    case 'argument':
      return args[source.position]!.node.value!
    case 'cell':
      return source.cell.node.value!
    case 'gradient':
      return source.slot.grad!.value!
    case 'key':
      return keys[source.position]!
    case 'constant':
      return source.value
  }
}

/** A node with a value and no history. */
export function realised(type: TensorType, value: TypedArray): Node {
  const node = new Node(bufferOp, [], type, type, false)
  node.value = value
  return node as Node
}

/** Another node with the value of one, and no history. */
export function sharing(node: Node): Node {
  node.ownsValue = false
  return realised(node, node.value!)
}

function reassign(cell: Cell, type: TensorType, value: TypedArray): void {
  const before = cell.node
  const after = realised(type, value)
  after.requiresGrad = before.requiresGrad
  after.readsVariable = true
  after.slot = before.slot
  after.cell = cell
  cell.node = after
  // Where it was changed in place the old version is no more.
  if (before.value === value) giveUp(before)
  else replaceVersion(before, after)
}
