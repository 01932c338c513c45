import type { DType } from '../core/dtype.ts'
import { type Shape, stridesOf } from '../core/shape.ts'
import type { Node } from '../graph/node.ts'
import type { Counted } from '../graph/ops/index-range.ts'
import {
  type Affine,
  always,
  type Condition,
  combine,
  fixed,
  same,
  sameCondition,
  sameList,
  scale,
  shift,
  sum,
} from './affine.ts'
import { reshapedPositions } from './reshaping.ts'

/** How a bad index is reported: which operation uses it, and as what. */
export interface IndexUse {
  readonly op: string
  readonly counted: Counted
}

/** A stored element, read only where the conditions hold. */
export interface Load {
  readonly kind: 'load'
  readonly node: Node
  readonly at: Affine
  readonly valid: readonly Condition[]
}

/** What one element of a fused computation is, as a function of the loop axes. Shared parts are shared objects. */
export type Expression =
  | Load
  /** An element of `node` whose position also depends on data: base + stride · checked(index, size). */
  | {
      readonly kind: 'gather'
      readonly node: Node
      readonly base: Affine
      readonly stride: number
      readonly index: Expression
      readonly size: number
      readonly use: IndexUse
      /** Place of the index in its tensor. */
      readonly position: Affine
      readonly valid: readonly Condition[]
    }
  | { readonly kind: 'number'; readonly value: number; readonly dtype: DType }
  /** A number given at run time. */
  | { readonly kind: 'argument'; readonly node: Node }
  | { readonly kind: 'position'; readonly at: Affine; readonly dtype: DType }
  | { readonly kind: 'random'; readonly key: Node; readonly stream: number; readonly at: Affine }
  | { readonly kind: 'apply'; readonly node: Node; readonly args: readonly Expression[] }
  /** `value` where all conditions hold, `otherwise` elsewhere. */
  | {
      readonly kind: 'guard'
      readonly conditions: readonly Condition[]
      readonly value: Expression
      readonly otherwise: Expression
    }

/** A view that no affine function describes: the node has to be stored before it can be read through it. */
export class MustStore {
  readonly node: Node

  constructor(node: Node) {
    this.node = node
  }
}

/** An element that has been read. */
interface Reading {
  readonly index: readonly Affine[]
  readonly valid: readonly Condition[]
  readonly made: Expression
}

/** Builds expressions of one kernel: everything down to stored nodes is written as a function of the loop axes. */
export class ExpressionBuilder {
  private readonly extents: readonly number[]
  readonly stored: (node: Node) => boolean
  /** What has been read, by node. */
  private readonly readings = new Map<Node, Reading[]>()

  constructor(extents: readonly number[], stored: (node: Node) => boolean) {
    this.extents = extents
    this.stored = stored
  }

  /** The element of `node` at `index` (one position a dimension), read only where `valid` holds. */
  read(node: Node, index: readonly Affine[], valid: readonly Condition[] = []): Expression {
    const readings = this.readings.get(node)
    const known = readings?.find(
      (other) => sameList(other.index, index, same) && sameList(other.valid, valid, sameCondition),
    )
    if (known) return known.made
    const made = this.stored(node)
      ? { kind: 'load' as const, node, at: this.flat(index, node.shape), valid }
      : this.inline(node, index, valid)
    const reading = { index, valid, made }
    if (readings) readings.push(reading)
    else this.readings.set(node, [reading])
    return made
  }

  /** The element that `node` computes, whether it is stored or not. */
  inline(node: Node, index: readonly Affine[], valid: readonly Condition[]): Expression {
    const reader = readers[node.op.name] ?? (node.op.kind === 'elementwise' ? readElementwise : undefined)
    if (!reader) throw new MustStore(node)
    return reader(this, node, index, valid)
  }

  flat(index: readonly Affine[], shape: Shape): Affine {
    return combine(index, stridesOf(shape), this.extents.length)
  }

  zero(): Affine {
    return fixed(0, this.extents.length)
  }

  /** The number whose digits are the axes from one on, of so many values each, most significant first. */
  joined(first: number, values: readonly number[]): Affine {
    const terms = new Array<number>(this.extents.length).fill(0)
    let stride = 1
    for (let i = values.length - 1; i >= 0; i--) {
      terms[first + i] = stride
      stride *= values[i]!
    }
    return { terms, offset: 0 }
  }

  reshaped(index: readonly Affine[], from: Shape, to: Shape): Affine[] | undefined {
    return reshapedPositions(index, from, to, this.extents)
  }

  /** Those of the conditions that do not hold everywhere. */
  needed(conditions: readonly Condition[]): Condition[] {
    return conditions.filter((condition) => !always(condition, this.extents))
  }
}

type Reader = (b: ExpressionBuilder, node: Node, index: readonly Affine[], valid: readonly Condition[]) => Expression

/** Index of a broadcast input: leading dimensions are dropped, dimensions of size 1 are read at 0. */
function broadcastIndex(b: ExpressionBuilder, input: Node, index: readonly Affine[]): Affine[] {
  const lead = index.length - input.shape.length
  return input.shape.map((extent, d) => (extent === 1 ? b.zero() : index[d + lead]!))
}

/** The array whose elements, in the same order, `x` only gives another shape. */
function underReshapes(x: Node, b: ExpressionBuilder): Node {
  let at = x
  while (!b.stored(at) && at.op.name === 'reshape') at = at.inputs[0]!
  return at
}

const readElementwise: Reader = (b, node, index, valid) => ({
  kind: 'apply',
  node,
  args: node.inputs.map((input) => b.read(input, broadcastIndex(b, input, index), valid)),
})

interface ViewAttrs {
  readonly order: readonly number[]
  readonly ranges: readonly { readonly start: number; readonly step: number }[]
  readonly pads: readonly { readonly low: number; readonly inner: number }[]
  readonly dims: readonly number[]
  readonly dim: number
  readonly step: number
  readonly dilation: number
  readonly value: number
  readonly stream: number
  readonly label: string
  readonly counted: Counted
}

const attrsOf = (node: Node): ViewAttrs => node.attrs as ViewAttrs

const readers: Readonly<Record<string, Reader>> = {
  constant: (_b, node) => ({ kind: 'number', value: attrsOf(node).value, dtype: node.dtype }),
  scalar: (_b, node) => ({ kind: 'argument', node }),
  iota: (_b, node, index) => ({ kind: 'position', at: index[0]!, dtype: node.dtype }),
  randomBits(b, node, index) {
    const key = node.inputs[0]!
    if (!b.stored(key)) throw new MustStore(key)
    return { kind: 'random', key, stream: attrsOf(node).stream, at: b.flat(index, node.shape) }
  },
  barrier: (b, node, index, valid) => b.read(node.inputs[0]!, index, valid),
  reshape(b, node, index, valid) {
    const input = node.inputs[0]!
    if (b.stored(input)) return { kind: 'load', node: input, at: b.flat(index, node.shape), valid }
    const positions = b.reshaped(index, node.shape, input.shape)
    if (positions) return b.read(input, positions, valid)
    throw new MustStore(input)
  },
  permute(b, node, index, valid) {
    const positions = new Array<Affine>(index.length)
    attrsOf(node).order.forEach((d, i) => {
      positions[d] = index[i]!
    })
    return b.read(node.inputs[0]!, positions, valid)
  },
  broadcast: (b, node, index, valid) => b.read(node.inputs[0]!, broadcastIndex(b, node.inputs[0]!, index), valid),
  slice(b, node, index, valid) {
    const { ranges } = attrsOf(node)
    return b.read(
      node.inputs[0]!,
      index.map((at, d) => shift(scale(at, ranges[d]!.step), ranges[d]!.start)),
      valid,
    )
  },
  flip(b, node, index, valid) {
    const { dims } = attrsOf(node)
    const mirrored = index.map((at, d) => (dims.includes(d) ? shift(scale(at, -1), node.shape[d]! - 1) : at))
    return b.read(node.inputs[0]!, mirrored, valid)
  },
  pad(b, node, index, valid) {
    const { pads } = attrsOf(node)
    const input = node.inputs[0]!
    const moved = index.map((at, d) => shift(at, -pads[d]!.low))
    const conditions = b.needed(moved.map((value, d) => ({ value, low: 0, high: input.shape[d]! })))
    const value = b.read(input, moved, [...valid, ...conditions])
    if (conditions.length === 0) return value
    return { kind: 'guard', conditions, value, otherwise: { kind: 'number', value: 0, dtype: node.dtype } }
  },
  concat(b, node, index, valid) {
    const { dim } = attrsOf(node)
    let start = 0
    const parts = node.inputs.map((input) => {
      const at = shift(index[dim]!, -start)
      start += input.shape[dim]!
      const conditions = b.needed([{ value: at, low: 0, high: input.shape[dim]! }])
      return { conditions, value: b.read(input, index.with(dim, at), [...valid, ...conditions]) }
    })
    const nothing: Expression = { kind: 'number', value: 0, dtype: node.dtype }
    return parts.reduceRight<Expression>(
      (otherwise, { conditions, value }) =>
        conditions.length === 0 ? value : { kind: 'guard', conditions, value, otherwise },
      nothing,
    )
  },
  window(b, node, index, valid) {
    const { dim, step, dilation } = attrsOf(node)
    const inside = scale(index.at(-1)!, dilation)
    return b.read(node.inputs[0]!, index.slice(0, -1).with(dim, sum(scale(index[dim]!, step), inside)), valid)
  },
  gather(b, node, index, valid) {
    const { dim, label, counted } = attrsOf(node)
    const [source, positions] = node.inputs as [Node, Node]
    const stored = underReshapes(source, b)
    if (!b.stored(stored)) throw new MustStore(stored)
    const stride = stridesOf(source.shape)[dim]!
    const place = broadcastIndex(b, positions, index)
    return {
      kind: 'gather',
      node: stored,
      base: b.flat(index.with(dim, b.zero()), source.shape),
      stride,
      index: b.read(positions, place, valid),
      size: source.shape[dim]!,
      use: { op: label, counted },
      position: b.flat(place, positions.shape),
      valid,
    }
  },
}
