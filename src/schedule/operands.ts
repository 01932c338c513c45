import { bytesPerElement, type DType } from '../core/dtype.ts'
import { sizeOf, stridesOf } from '../core/shape.ts'
import type { Node } from '../graph/node.ts'
import { pad, permute, reshape } from '../graph/ops/views.ts'
import { type Affine, axisPosition, combine } from './affine.ts'
import { ExpressionBuilder, MustStore } from './expression.ts'
import type { Panel } from './product.ts'
import { SplitAxis } from './reshaping.ts'

/* How the operands of products are read: in place, through views, or from a copy in the order in which they are needed. */

/** Element types that kernels multiply. */
export const multiplied: ReadonlySet<DType> = new Set(['float32', 'float16', 'bfloat16', 'int32'])

/** Lanes of a vector, and how many vectors of a packed operand lie side by side. */
export interface Packing {
  readonly lanes: number
  readonly vectors: number
}

/** An array in memory and where in it the elements are found. */
export interface Operand {
  readonly node: Node
  readonly at: Affine
}

/** What reading through changes nothing but positions. */
const views: ReadonlySet<string> = new Set(['reshape', 'permute', 'broadcast', 'slice', 'flip', 'window'])

/** The array under the views of `x`, or x itself where they are not affine. */
export function readThrough(x: Node, index: readonly Affine[], extents: readonly number[]): Operand {
  try {
    const builder = new ExpressionBuilder(extents, (node) => !views.has(node.op.name))
    const found = builder.read(x, index)
    if (found.kind === 'load' && found.valid.length === 0) return { node: found.node, at: found.at }
  } catch (request) {
    if (!(request instanceof MustStore || request instanceof SplitAxis)) throw request
  }
  return { node: x, at: combine(index, stridesOf(x.shape), extents.length) }
}

/** Rows this far apart fall onto the same few lines of a cache. */
const aliasing = 2048
/** What lies this far apart is on as many pages, of a block of a sum, as the processor knows the places of at a time. */
const farApart = 1024
/** So few rows or columns do not crowd each other out, nor do they pay for a copy. */
const worthCopying = 64
/** Rows that are copied are copied in blocks of so many at most. */
const longestBlock = 192

/** Whether elements so many bytes apart crowd each other out of a cache. */
export function aliases(bytes: number): boolean {
  return bytes !== 0 && bytes % aliasing === 0
}

/** The operand that is read in vectors: `[lead ..., k ..., columns]`, used by so many rows. */
export function vectorOperand(
  x: Node,
  index: readonly Affine[],
  extents: readonly number[],
  rows: number,
  lead: number,
  packing: Packing,
): Operand & { readonly panel: Panel } {
  const direct = readThrough(x, index, extents)
  const lane = index.at(-1)!.terms.indexOf(1)
  const columns = x.shape.at(-1)!
  const width = Math.min(packing.vectors, Math.ceil(columns / packing.lanes)) * packing.lanes
  const bytes = bytesPerElement(x.dtype)
  const crowded = direct.at.terms.some((step, axis) => aliases(step * bytes) && extents[axis]! > 8)
  const isFarApart = direct.at.terms[extents.length - 1]! * bytes > farApart
  const pays = rows >= worthCopying && columns > width && (crowded || isFarApart)
  if (direct.at.terms[lane] === 1 && !pays) return { ...direct, panel: { width, step: width } }
  const copy = panels(x, lead, width)
  const summed = x.shape.slice(lead, -1)
  const step = sizeOf(summed) * width
  const strides = [...stridesOf(copy.shape).slice(0, lead), ...stridesOf([...summed, width])]
  return { node: copy, at: combine(index, strides, extents.length), panel: { width, step } }
}

/** How the other operand, `[lead ..., m ..., k ...]`, is read, and what its axes m have become. */
export interface Elements extends Operand {
  readonly rows: readonly number[]
}

/**
 * The operand of which one element at a time meets a vector of the other one, whose columns are so many. It is read in place,
 * wherever its rows lie, unless they lie side by side and far from those of the next k, as in the gradient of a weight: then
 * each step of a sum is on another page. Such rows are copied in blocks, in which one k follows the other.
 */
export function elementOperand(
  x: Node,
  lead: readonly number[],
  m: readonly number[],
  k: readonly number[],
  columns: number,
): Elements {
  const extents = [...lead, ...m, columns, ...k]
  const lane = lead.length + m.length
  const inPlace = readThrough(x, positionsOf(allBut(lane, extents.length), extents.length), extents)
  const { terms } = inPlace.at
  const isFarApart = terms[lane - 1] === 1 && terms.at(-1)! * bytesPerElement(x.dtype) > farApart
  const length = m.at(-1)!
  const block = range(worthCopying, Math.min(length, longestBlock) + 1).findLast((size) => length % size === 0)
  if (!isFarApart || columns < worthCopying || block === undefined) return { ...inPlace, rows: m }
  const rows = [...m.slice(0, -1), length / block, block]
  const split = reshape(x, [...lead, ...rows, ...k])
  const copy = permute(split, [...allBut(lane, split.shape.length), lane])
  const count = extents.length + 1
  const index = positionsOf([...range(0, lane), ...range(lane + 2, count), lane], count)
  return { node: copy, at: combine(index, stridesOf(copy.shape), count), rows }
}

function range(from: number, to: number): number[] {
  return Array.from({ length: Math.max(0, to - from) }, (_, i) => from + i)
}

function allBut(axis: number, count: number): number[] {
  return range(0, count).filter((other) => other !== axis)
}

/** `[lead ..., k ..., columns]` as `[lead ..., panels, k ..., width]`, with zeros beyond the last column. */
export function panels(x: Node, lead: number, width: number): Node {
  const { shape } = x
  const last = shape.length - 1
  const count = Math.ceil(shape[last]! / width)
  const filled = pad(
    x,
    shape.map((n, d) => ({ low: 0, high: d === last ? count * width - n : 0, inner: 0 })),
  )
  const split = reshape(filled, [...shape.slice(0, last), count, width])
  const dims = [...shape.keys()]
  return permute(split, [...dims.slice(0, lead), last, ...dims.slice(lead, last), last + 1])
}

/** One position an axis, for the axes named. */
export function positionsOf(axes: readonly number[], count: number): Affine[] {
  return axes.map((axis) => axisPosition(axis, count))
}
