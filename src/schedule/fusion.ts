import { sizeOf } from '../core/shape.ts'
import type { Node } from '../graph/node.ts'
import type { Affine, Condition } from './affine.ts'
import { Ancestry } from './ancestry.ts'
import type { Group, Kernel, Nest } from './kernels.ts'
import { readsOf, resultsOf } from './phases.ts'
import { type Read, readsIn } from './walk.ts'

/** Rows longer than this do not stay in the nearest cache. */
const longestRow = 8192

/** With fewer rows than this a group would leave threads idle. */
const fewestRows = 8

/** A group stores no more results than this, so that memory streams stay few. */
const mostMembers = 24

/**
 * Joins nests that share their outer loop axes. Maps over the same positions become one pass; reductions over rows and the
 * maps around them become stages of one row kernel, with what only the row needs kept in the cache. Nests that `canJoin`
 * refuses stay alone.
 */
export function fuse(
  kernels: readonly Kernel[],
  results: ReadonlySet<Node>,
  canJoin: (nest: Nest) => boolean = () => true,
): Kernel[] {
  const fusion = new Fusion(kernels)
  for (const kernel of kernels) fusion.add(kernel, kernel.kind === 'nest' && canJoin(kernel))
  return fusion.finish(results)
}

interface Draft {
  members: Nest[]
  /** Leading axes that all members share. */
  rowAxes: number
}

class Fusion {
  private readonly kernels: readonly Kernel[]
  private readonly producer = new Map<Node, Kernel>()
  private readonly producers = new Map<Kernel, readonly Kernel[]>()
  private readonly positions: ReadonlyMap<Kernel, number>
  private readonly drafts = new Map<Kernel, Draft>()
  private readonly ancestry: Ancestry
  private readonly reads = new Map<Nest, readonly Read[]>()

  constructor(kernels: readonly Kernel[]) {
    this.kernels = kernels
    this.positions = new Map(kernels.map((kernel, i) => [kernel, i]))
    this.ancestry = new Ancestry(kernels.length)
    for (const kernel of kernels) for (const node of resultsOf(kernel)) this.producer.set(node, kernel)
  }

  /** Takes the next kernel; one that may join others is placed at once. */
  add(kernel: Kernel, joins: boolean): void {
    this.ancestry.add(this.producersOf(kernel).map((producer) => this.positions.get(producer)!))
    if (joins) this.place(kernel as Nest)
  }

  /** Puts a nest into the group of one of its producers, or into a group of its own. */
  private place(nest: Nest): void {
    const single: Draft = { members: [nest], rowAxes: nest.resultAxes }
    this.drafts.set(nest, single)
    const candidates = new Set<Draft>()
    for (const node of readsOf(nest)) {
      const draft = this.drafts.get(this.producer.get(node)!)
      if (draft && draft !== single) candidates.add(draft)
    }
    let own = single
    for (const draft of candidates) {
      const rowAxes = this.fitting(draft, own)
      if (rowAxes === undefined) continue
      draft.rowAxes = rowAxes
      draft.members = this.inOrder([...draft.members, ...own.members])
      for (const member of own.members) this.drafts.set(member, draft)
      this.ancestry.merge(draft.members.map((member) => this.positions.get(member)!))
      own = draft
    }
  }

  private inOrder(members: readonly Nest[]): Nest[] {
    return [...members].sort((a, b) => this.positions.get(a)! - this.positions.get(b)!)
  }

  /** How many leading axes two groups can share; undefined where they cannot be joined. */
  private fitting(a: Draft, b: Draft): number | undefined {
    if (a === b || a.members.length + b.members.length > mostMembers) return undefined
    const members = [...a.members, ...b.members]
    const nodes = new Set(members.map(({ node }) => node))
    for (let rows = Math.min(a.rowAxes, b.rowAxes); rows > 0; rows--) {
      if (this.sharesRows(members, nodes, rows)) return this.passesOutside(a, b) ? undefined : rows
    }
    return undefined
  }

  private sharesRows(members: readonly Nest[], nodes: ReadonlySet<Node>, rows: number): boolean {
    const shared = members[0]!.extents.slice(0, rows)
    const maps = members.every(({ reduce, extents }) => !reduce && extents.length === rows)
    const count = sizeOf(shared)
    for (const nest of members) {
      if (nest.resultAxes < rows || shared.some((extent, axis) => nest.extents[axis] !== extent)) return false
      if (!maps && sizeOf(nest.extents.slice(rows)) > longestRow) return false
    }
    if (!maps && count < fewestRows) return false
    const byNode = new Map(members.map((nest) => [nest.node, nest]))
    return members.every((nest) =>
      this.bodyReads(nest).every(
        ({ node, at, valid }) =>
          !nodes.has(node) ||
          (at !== undefined && staysInRow(at, validExtents(valid, nest.extents), byNode.get(node)!, rows)),
      ),
    )
  }

  private bodyReads(nest: Nest): readonly Read[] {
    let reads = this.reads.get(nest)
    if (!reads) {
      reads = readsIn(nest.body)
      this.reads.set(nest, reads)
    }
    return reads
  }

  /** Whether one group depends on the other through a kernel that belongs to neither. */
  private passesOutside(a: Draft, b: Draft): boolean {
    const members: readonly Kernel[] = [...a.members, ...b.members]
    const inside = new Set(members)
    const marked = this.ancestry.bitsOf(members.map((member) => this.positions.get(member)!))
    return members.some((member) =>
      this.producersOf(member).some(
        (producer) => !inside.has(producer) && this.ancestry.dependsOn(this.positions.get(producer)!, marked),
      ),
    )
  }

  private producersOf(kernel: Kernel): readonly Kernel[] {
    let producers = this.producers.get(kernel)
    if (!producers) {
      producers = [...readsOf(kernel)].flatMap((node) => this.producer.get(node) ?? [])
      this.producers.set(kernel, producers)
    }
    return producers
  }

  /** Groups and single kernels, producers first. */
  finish(results: ReadonlySet<Node>): Kernel[] {
    const readers = new Map<Node, Set<Kernel>>()
    for (const kernel of this.kernels) {
      for (const node of readsOf(kernel)) readers.set(node, (readers.get(node) ?? new Set()).add(kernel))
    }
    const made = new Map<Draft, Kernel>()
    const unitOf = (kernel: Kernel): Kernel => {
      const draft = this.drafts.get(kernel)
      if (!draft || draft.members.length === 1) return kernel
      let group = made.get(draft)
      if (!group) {
        const inside = new Set<Kernel>(draft.members)
        const local = draft.members.filter(
          ({ node }) => !results.has(node) && [...(readers.get(node) ?? [])].every((reader) => inside.has(reader)),
        )
        group = {
          kind: 'group',
          node: draft.members.at(-1)!.node,
          members: draft.members,
          rowAxes: draft.rowAxes,
          local: new Set(local.map(({ node }) => node)),
        } satisfies Group
        made.set(draft, group)
      }
      return group
    }
    return producersFirst(this.kernels.map(unitOf), (unit) =>
      [...readsOf(unit)].flatMap((node) => {
        const kernel = this.producer.get(node)
        return kernel ? [unitOf(kernel)] : []
      }),
    )
  }
}

/** First and last position of each loop axis at which all conditions on that axis alone hold. */
function validExtents(valid: readonly Condition[], extents: readonly number[]): [first: number, last: number][] {
  const ranges = extents.map((extent): [number, number] => [0, extent - 1])
  for (const { value, low, high } of valid) {
    const axes = [...value.terms.keys()].filter((axis) => value.terms[axis] !== 0)
    const [axis] = axes
    if (axes.length !== 1 || value.terms[axis!] !== 1) continue
    const range = ranges[axis!]!
    range[0] = Math.max(range[0], low - value.offset)
    range[1] = Math.min(range[1], high - 1 - value.offset)
  }
  return ranges
}

/**
 * Whether a load of a member's result touches only the row that is being computed, for loop axes within `ranges`. Where the row
 * and the place in it both differ, their sum may look like a place in the same row.
 */
function staysInRow(
  at: Affine,
  ranges: readonly (readonly [number, number])[],
  { extents, resultAxes }: Nest,
  rows: number,
): boolean {
  const rowSize = sizeOf(extents.slice(rows, resultAxes))
  let stride = rowSize
  for (let axis = rows - 1; axis >= 0; axis--) {
    if (at.terms[axis] !== stride) return false
    stride *= extents[axis]!
  }
  let [least, most] = [at.offset, at.offset]
  for (let axis = rows; axis < at.terms.length; axis++) {
    const term = at.terms[axis]!
    const [first, last] = ranges[axis]!
    least += Math.min(term * first, term * last)
    most += Math.max(term * first, term * last)
  }
  return at.offset >= 0 && least >= 0 && most < rowSize
}

export function producersFirst(units: readonly Kernel[], producersOf: (unit: Kernel) => readonly Kernel[]): Kernel[] {
  const order: Kernel[] = []
  const seen = new Set<Kernel>()
  const visit = (unit: Kernel): void => {
    if (seen.has(unit)) return
    seen.add(unit)
    for (const producer of producersOf(unit)) visit(producer)
    order.push(unit)
  }
  for (const unit of units) visit(unit)
  return order
}

/** The body of a load's row-local position: its row terms left out. */
export function withoutRows(at: Affine, rows: number): Affine {
  return { terms: at.terms.map((term, axis) => (axis < rows ? 0 : term)), offset: at.offset }
}
