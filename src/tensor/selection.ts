import { toValues } from '../core/dtype.ts'
import { DTypeError, IndexError, ShapeError, ValueError } from '../core/errors.ts'
import { broadcastShapes, formatShape, sameShape, type Shape, sizeOf, stridesOf } from '../core/shape.ts'
import type { Node } from '../graph/node.ts'
import { add, mul } from '../graph/ops/arithmetic.ts'
import { gather } from '../graph/ops/indexing.ts'
import { constant } from '../graph/ops/leaves.ts'
import { cast } from '../graph/ops/logic.ts'
import { broadcastTo, flip, permute, type Range, reshape, slice } from '../graph/ops/views.ts'
import { realizeNodes } from '../runtime/realize.ts'
import { checked, checkPosition, fromEnd, positionsBuffer } from './positions.ts'
import type { Tensor } from './tensor.ts'

/** A range as Python writes it: `'1:-1'`, `':'`, `'::2'`, `'::-1'`, or `` `${start}:${stop}` ``. */
export type RangeText = `${number | ''}:${number | ''}` | `${number | ''}:${number | ''}:${number | ''}`

/** One part of an index expression; see `Tensor.at`. */
export type Index = number | RangeText | '...' | null | readonly number[] | Tensor

/** The elements of `x` that `indices` name; `op` is the name that errors give. */
export function selectAt(op: string, x: Node, indices: readonly Index[]): Node {
  const { source, ranges, reversed, shape, advanced } = read(op, x, withoutEllipsis(op, x.shape, indices))
  const view = reshape(flip(slice(source, ranges), reversed), shape)
  return advanced.length === 0 ? view : selectPositions(op, view, advanced)
}

function isTensor(index: Index): index is Tensor {
  return typeof index === 'object' && index !== null && 'node' in index
}

/** How many dimensions of the source an index speaks of. */
function span(index: Index): number {
  if (index === null || index === '...') return 0
  return isTensor(index) && index.dtype === 'bool' ? index.rank : 1
}

/** Replaces `'...'`, which a list without one ends with, by as many `':'` as dimensions are left. */
function withoutEllipsis(op: string, shape: Shape, indices: readonly Index[]): Index[] {
  const used = indices.reduce<number>((sum, index) => sum + span(index), 0)
  if (used > shape.length) {
    throw new IndexError(
      op,
      `${used} indices are too many for a tensor of ${shape.length} dimensions ${formatShape(shape)}`,
    )
  }
  const at = indices.indexOf('...')
  if (at >= 0 && indices.includes('...', at + 1)) throw new ValueError(op, `'...' may stand only once`)
  const rest = new Array<Index>(shape.length - used).fill(':')
  return at < 0 ? [...indices, ...rest] : indices.toSpliced(at, 1, ...rest)
}

/** A dimension of a view and the positions taken along it. */
interface Advanced {
  readonly dim: number
  readonly positions: Node
}

interface Selection {
  /** Where positions without dimensions have been taken already. */
  source: Node
  /** What is taken of each dimension of the source. */
  readonly ranges: Range[]
  /** Dimensions of the source that are read backwards. */
  readonly reversed: number[]
  /** The view's shape: numbers have dropped their dimension, null has added one. */
  readonly shape: number[]
  /** What is left to do with index tensors. */
  readonly advanced: Advanced[]
}

function read(op: string, x: Node, indices: readonly Index[]): Selection {
  const out: Selection = { source: x, ranges: [], reversed: [], shape: [], advanced: [] }
  const keep = (extent: number, positions: Node): void => {
    out.advanced.push({ dim: out.shape.length, positions })
    out.ranges.push({ start: 0, stop: extent, step: 1 })
    out.shape.push(extent)
  }
  for (const index of indices) {
    const d = out.ranges.length
    const extent = x.shape[d]!
    if (index === null) out.shape.push(1)
    else if (typeof index === 'number') {
      const start = checkPosition(op, index, d, x.shape)
      out.ranges.push({ start, stop: start + 1, step: 1 })
    } else if (typeof index === 'string') {
      const { range, count } = readRange(op, index, extent)
      if (range.step < 0) out.reversed.push(d)
      out.ranges.push(range.step < 0 ? forwards(range, count) : range)
      out.shape.push(count)
    } else if (!isTensor(index)) {
      keep(extent, positionsBuffer(index.map((i) => checkPosition(op, i, d, x.shape))))
    } else if (index.dtype === 'bool') {
      const part = x.shape.slice(d, d + index.rank)
      if (index.rank === 0 || !sameShape(index.shape, part)) {
        throw new ShapeError(
          op,
          `a mask ${formatShape(index.shape)} does not fit dims ${formatShape(part)} of ${formatShape(x.shape)}`,
        )
      }
      for (const [i, positions] of truePositions(index.node).entries()) keep(part[i]!, positions)
    } else if (index.rank === 0) {
      const positions = reshape(
        indexNode(op, index.node, extent),
        x.shape.map(() => 1),
      )
      out.source = gather(out.source, positions, d, op)
      out.ranges.push({ start: 0, stop: 1, step: 1 })
    } else keep(extent, indexNode(op, index.node, extent))
  }
  return out
}

/** An index tensor as int32 positions from the start. */
function indexNode(op: string, index: Node, extent: number): Node {
  if (index.dtype !== 'int32' && index.dtype !== 'uint8') {
    throw new DTypeError(op, `index tensors must be int32, uint8 or bool, received ${index.dtype}`)
  }
  return index.dtype === 'uint8' ? cast(index, 'int32') : fromEnd(index, extent)
}

/** Start, stop and step by Python's rules for slices, and how many elements they name. */
function readRange(op: string, text: string, extent: number): { range: Range; count: number } {
  const parts = text.split(':').map((part) => (part.trim() === '' ? undefined : Number(part)))
  const step = parts[2] ?? 1
  if (
    parts.length < 2 ||
    parts.length > 3 ||
    step === 0 ||
    !parts.every((n) => n === undefined || Number.isInteger(n))
  ) {
    throw new ValueError(
      op,
      `'${text}' is not a range; expected 'start:stop' or 'start:stop:step' in whole numbers, step ≠ 0`,
    )
  }
  const [lowest, highest] = step > 0 ? [0, extent] : [-1, extent - 1]
  const bound = (n: number | undefined, otherwise: number): number =>
    n === undefined ? otherwise : Math.min(Math.max(n < 0 ? n + extent : n, lowest), highest)
  const start = bound(parts[0], step > 0 ? lowest : highest)
  const stop = bound(parts[1], step > 0 ? highest : lowest)
  const count = Math.max(0, Math.ceil((stop - start) / step))
  return { range: { start, stop: step > 0 ? Math.max(start, stop) : stop, step }, count }
}

/** The same elements as a range with a negative step, in ascending order. */
function forwards({ start, step }: Range, count: number): Range {
  if (count === 0) return { start: 0, stop: 0, step: 1 }
  return { start: start + (count - 1) * step, stop: start + 1, step: -step }
}

/**
 * Takes positions along several dimensions together: they broadcast against each other, and their joint dimensions stand
 * where the dims stood if those were neighbours, else in front.
 */
function selectPositions(op: string, x: Node, advanced: readonly Advanced[]): Node {
  const dims = advanced.map(({ dim }) => dim)
  const joint = broadcastShapes(op, ...advanced.map(({ positions }) => positions.shape))
  const neighbours = dims.every((d, i) => d === dims[0]! + i)
  const place = neighbours ? dims[0]! : 0
  const others = [...x.shape.keys()].filter((d) => !dims.includes(d))
  const moved = permute(x, others.toSpliced(place, 0, ...dims))
  const [lead, trail] = [moved.shape.slice(0, place), moved.shape.slice(place + dims.length)]
  const extents = dims.map((d) => x.shape[d]!)
  const merged = reshape(moved, [...lead, sizeOf(extents), ...trail])
  const count = sizeOf(joint)
  const column = [...lead.map(() => 1), count, ...trail.map(() => 1)]
  const flat = reshape(broadcastTo(rowMajorOf(op, advanced, extents), joint), column)
  return reshape(gather(merged, flat, place, op), [...lead, ...joint, ...trail])
}

/** One position in the row-major order of `extents` from one along each of them. */
function rowMajorOf(op: string, advanced: readonly Advanced[], extents: Shape): Node {
  if (advanced.length === 1) return advanced[0]!.positions
  const strides = stridesOf(extents)
  return advanced
    .map(({ positions }, i) => mul(checked(op, positions, extents[i]!), constant(strides[i]!, 'int32')))
    .reduce((a, b) => add(a, b))
}

/** For each dimension of `mask`, where its true elements lie, as an int32 leaf [n]. Computes the mask. */
export function truePositions(mask: Node): Node[] {
  const flat = trueIndices(mask)
  const strides = stridesOf(mask.shape)
  return mask.shape.map((extent, d) => positionsBuffer(flat.map((i) => Math.floor(i / strides[d]!) % extent)))
}

/** The row-major positions of the elements of `mask` that are not zero. Computes the mask. */
export function trueIndices(mask: Node): number[] {
  if (!mask.value) realizeNodes([mask])
  const values = toValues(mask.value!, mask.dtype)
  const out: number[] = []
  for (let i = 0; i < values.length; i++) if (values[i] !== 0) out.push(i)
  return out
}
