import { type Shape, sizeOf } from '../core/shape.ts'
import type { Node } from '../graph/node.ts'
import type { ReduceKind } from '../graph/ops/reduce.ts'
import type { Padding } from '../graph/ops/views.ts'
import { transcendental } from '../graph/transcendental.ts'
import type { Affine } from './affine.ts'
import { isPlaceholder, type Program } from './canonical.ts'
import { type Expression, ExpressionBuilder, MustStore } from './expression.ts'
import { isProduct, type ProductKernel } from './product.ts'
import { SplitAxis } from './reshaping.ts'
import { mapAffines } from './walk.ts'

/** A loop nest that computes one stored node: `body` for each position of the result, combined over the reduced axes. */
export interface Nest {
  readonly kind: 'nest'
  readonly node: Node
  /** Loop axes: first those of the result, row-major, then the reduced ones. */
  readonly extents: readonly number[]
  /** How many axes belong to the result. */
  readonly resultAxes: number
  readonly reduce: ReduceKind | undefined
  readonly body: Expression
}

/** A computation with a kernel of its own kind (products, convolutions, sorts ...); operands are read whole. */
export interface Whole {
  readonly kind: 'whole'
  readonly node: Node
  /** Further results of the same work. */
  readonly others: readonly Node[]
}

/** Nests computed together: stage after stage for one row of their shared leading axes, then the next row. */
export interface Group {
  readonly kind: 'group'
  /** The last result. */
  readonly node: Node
  /** Producers first. */
  readonly members: readonly Nest[]
  /** How many leading axes the members share; all of them in a pass of maps. */
  readonly rowAxes: number
  /** Results that nobody else reads: they live no longer than their row. */
  readonly local: ReadonlySet<Node>
}

export type Kernel = Nest | Whole | Group | ProductKernel

/** Ops that are never part of another kernel's expression. */
const wholeOps: ReadonlySet<string> = new Set([
  'contract',
  'product',
  'chain',
  'conv',
  'scatter',
  'argSort',
  'argPool',
  'argReduce',
  'cumulative',
  'fold',
  'scanRows',
])

function isWhole(node: Node): boolean {
  // A composite that is left is one that was too large to be written out.
  if (wholeOps.has(node.op.name) || node.op.kind === 'composite' || sizeOf(node.shape) === 0) return true
  return node.op.name === 'pad' && (node.attrs as { pads: readonly Padding[] }).pads.some(({ inner }) => inner !== 0)
}

/** Which results are kept in memory, and one kernel for each of them, producers first. */
export interface Kernels {
  readonly stored: ReadonlySet<Node>
  readonly kernels: readonly Kernel[]
}

/** Splits a program into kernels. */
export function makeKernels({ order, targets }: Program): Kernels {
  const stored = chooseStored(order, targets)
  const isStored = (node: Node): boolean => isPlaceholder(node) || stored.has(node)
  const kernels = new Map<Node, Kernel>()
  for (let i = order.length - 1; i >= 0; i--) {
    const node = order[i]!
    if (!stored.has(node)) continue
    if (isProduct(node)) {
      kernels.set(node, { kind: 'product', node, source: node, product: node.attrs, epilogue: undefined })
    } else kernels.set(node, isWhole(node) ? { kind: 'whole', node, others: [] } : buildNest(node, stored, isStored))
  }
  return { stored, kernels: order.flatMap((node) => kernels.get(node) ?? []) }
}

/** Describes the nest of `node`; results that its views cannot see through are added to `stored`. */
function buildNest(node: Node, stored: Set<Node>, isStored: (node: Node) => boolean): Nest {
  const reduced = node.op.name === 'reduce' ? (node.attrs as { kind: ReduceKind; dims: readonly number[] }) : undefined
  const source = reduced ? node.inputs[0]! : node
  const kept = [...source.shape.keys()].filter((d) => !reduced?.dims.includes(d))
  const dims = [...kept, ...(reduced?.dims ?? [])]
  let factors = dims.map((d) => [source.shape[d]!])
  while (true) {
    try {
      return describeNest(node, source, dims, kept.length, factors, reduced?.kind, isStored)
    } catch (request) {
      if (request instanceof MustStore) {
        if (request.node === node)
          return describeNest(node, source, dims, kept.length, factors, reduced?.kind, isStored)
        stored.add(request.node)
      } else if (request instanceof SplitAxis) factors = splitAxis(factors, request)
      else throw request
    }
  }
}

function splitAxis(factors: readonly number[][], { axis, factors: parts }: SplitAxis): number[][] {
  let at = 0
  return factors.map((list) => list.flatMap((extent) => (at++ === axis ? [...parts] : [extent])))
}

function describeNest(
  node: Node,
  source: Node,
  dims: readonly number[],
  keptDims: number,
  factors: readonly number[][],
  reduce: ReduceKind | undefined,
  isStored: (node: Node) => boolean,
): Nest {
  const extents = factors.flat()
  const builder = new ExpressionBuilder(extents, isStored)
  const index = new Array<Affine>(source.shape.length)
  let axis = 0
  for (let i = 0; i < factors.length; i++) {
    index[dims[i]!] = builder.joined(axis, factors[i]!)
    axis += factors[i]!.length
  }
  const resultAxes = factors.slice(0, keptDims).flat().length
  const body = reduce ? builder.read(source, index) : builder.inline(node, index, [])
  return withoutUnitAxes({ kind: 'nest', node, extents, resultAxes, reduce, body })
}

function withoutUnitAxes(nest: Nest): Nest {
  const kept = [...nest.extents.keys()].filter((axis) => nest.extents[axis] !== 1)
  if (kept.length === nest.extents.length) return nest
  return {
    ...nest,
    extents: kept.map((axis) => nest.extents[axis]!),
    resultAxes: kept.filter((axis) => axis < nest.resultAxes).length,
    body: mapAffines(nest.body, ({ terms, offset }) => ({ terms: kept.map((axis) => terms[axis]!), offset })),
  }
}

/** Approximate cost of an element in cheap operations, and how many full-size arrays it reads. */
interface InlineCost {
  readonly operations: number
  readonly reads: number
}

/** A store and a load cost about as much as so many operations. */
const storeCost = 4

/** What an expensive operation counts. */
const expensiveCost = 10

const expensive: ReadonlySet<string> = new Set([...transcendental, 'randomBits'])

function chooseStored(order: readonly Node[], roots: readonly Node[]): Set<Node> {
  const readers = new Map<Node, number>()
  const stored = new Set<Node>(roots.filter((root) => !isPlaceholder(root)))
  for (const node of order) {
    node.inputs.forEach((input, i) => {
      if (node.inputs.indexOf(input) === i) readers.set(input, (readers.get(input) ?? 0) + 1)
    })
    if (isWhole(node)) {
      stored.add(node)
      for (const input of node.inputs) if (!isPlaceholder(input)) stored.add(input)
    }
    if (node.op.name === 'reduce') stored.add(node)
  }
  const costs = new Map<Node, InlineCost>()
  for (const node of order) {
    if (node.op.kind === 'elementwise' || node.op.name === 'broadcast') {
      for (const input of node.inputs) {
        const isDear = (costs.get(input)?.operations ?? 0) >= expensiveCost && !stored.has(input)
        if (isDear && isRepeatedInside(input.shape, node.shape)) stored.add(input)
      }
    }
    const cost = inlineCost(node, costs, stored)
    costs.set(node, cost)
    if (stored.has(node) || isPlaceholder(node) || (readers.get(node) ?? 0) < 2) continue
    const cheap = cost.reads <= 1 && cost.operations <= storeCost
    if (!cheap && node.op.kind === 'elementwise') stored.add(node)
  }
  return stored
}

/**
 * Whether a broadcast repeats rows of several elements: what is the same along the innermost axis is computed once in any case,
 * rows would be computed again for each repetition.
 */
function isRepeatedInside(from: Shape, to: Shape): boolean {
  const last = from.findLastIndex((extent) => extent > 1)
  const missing = to.length - from.length
  return last >= 0 && to.slice(0, missing + last).some((extent, d) => extent > (from[d - missing] ?? 1))
}

function inlineCost(node: Node, costs: ReadonlyMap<Node, InlineCost>, stored: ReadonlySet<Node>): InlineCost {
  if (isPlaceholder(node)) return { operations: 0, reads: 1 }
  let operations = node.op.kind === 'elementwise' ? 1 : 0
  if (expensive.has(node.op.name)) operations += expensiveCost
  let reads = 0
  for (const input of node.inputs) {
    if (stored.has(input) || isPlaceholder(input)) {
      reads += isFullSize(input.shape, node.shape) ? 1 : 0
      continue
    }
    const cost = costs.get(input)!
    operations += cost.operations
    reads += cost.reads
  }
  return { operations, reads }
}

function isFullSize(input: Shape, result: Shape): boolean {
  return sizeOf(input) * 2 > sizeOf(result)
}
