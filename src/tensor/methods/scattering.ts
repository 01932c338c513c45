import { type DType, isFloating } from '../../core/dtype.ts'
import { ShapeError, ValueError } from '../../core/errors.ts'
import { formatShape, normalizeDim, sameShape, type Shape } from '../../core/shape.ts'
import type { Node } from '../../graph/node.ts'
import { add, div, floor, maximum, sub } from '../../graph/ops/arithmetic.ts'
import { cumulative } from '../../graph/ops/cumulative.ts'
import { gather, type ScatterKind, scatter } from '../../graph/ops/indexing.ts'
import { constant } from '../../graph/ops/leaves.ts'
import { cast, where } from '../../graph/ops/logic.ts'
import { broadcastTo, concat, pad, reshape, slice } from '../../graph/ops/views.ts'
import type { TensorLike } from '../base.ts'
import { wrap } from '../base.ts'
import { fromEnd, rowMajor, stridedPositions } from '../positions.ts'
import { selectAt } from '../selection.ts'
import type { Tensor } from '../tensor.ts'
import { indexColumn, Indexing, maskNode, valueNode, writeAt } from './indexing.ts'

/** How several values for one place are joined. */
export type ScatterReduction = 'sum' | 'prod' | 'mean' | 'amax' | 'amin'

export interface IncludeSelf {
  /** Whether the element that lies there already takes part. Default true. */
  readonly includeSelf?: boolean
}

/** Copies with some elements written: by index, by mask, by view. All are differentiable in the tensor and in what is written. */
export abstract class Scattering extends Indexing {
  /**
   * A copy with this[index[i, j, ..], j, ..] = source[i, j, ..] along `dim`. `index` is nowhere larger than `source`, nor, outside
   * `dim`, than this tensor. Of several values for one place the last is kept; `reduce` adds or multiplies them instead.
   */
  scatter(
    dim: number,
    index: Tensor,
    source: TensorLike,
    { reduce }: { readonly reduce?: 'add' | 'multiply' } = {},
  ): Tensor {
    const kind = reduce === 'add' ? 'add' : reduce === 'multiply' ? 'prod' : 'set'
    return wrap(scatterInto('scatter', this.node, dim, index, source, kind))
  }

  /** A copy with source[i, j, ..] added to this[index[i, j, ..], j, ..] along `dim`. */
  scatterAdd(dim: number, index: Tensor, source: Tensor): Tensor {
    return wrap(scatterInto('scatterAdd', this.node, dim, index, source, 'add'))
  }

  /** As {@link scatter}, joining all values for one place by `reduction`. */
  scatterReduce(
    dim: number,
    index: Tensor,
    source: Tensor,
    reduction: ScatterReduction,
    { includeSelf = true }: IncludeSelf = {},
  ): Tensor {
    const write: Write = (base, values, kind) => scatterInto('scatterReduce', base, dim, index, values, kind)
    return wrap(joined(this.node, source, reduction, includeSelf, write))
  }

  /** A copy with part i of `source` along `dim`, times `alpha`, added to part `index[i]`. */
  indexAdd(dim: number, index: Tensor, source: Tensor, { alpha = 1 }: { readonly alpha?: number } = {}): Tensor {
    const scaled = alpha === 1 ? source : source.mul(alpha)
    return wrap(writeParts('indexAdd', this.node, dim, index, scaled, 'add'))
  }

  /** A copy with part `index[i]` along `dim` replaced by part i of `source`. */
  indexCopy(dim: number, index: Tensor, source: Tensor): Tensor {
    return wrap(writeParts('indexCopy', this.node, dim, index, source, 'set'))
  }

  /** A copy with the parts `index` along `dim` filled with `value`. */
  indexFill(dim: number, index: Tensor, value: TensorLike): Tensor {
    return wrap(writeParts('indexFill', this.node, dim, index, value, 'set'))
  }

  /** As {@link indexCopy}, joining all values for one place by `reduction`. */
  indexReduce(
    dim: number,
    index: Tensor,
    source: Tensor,
    reduction: Exclude<ScatterReduction, 'sum'>,
    { includeSelf = true }: IncludeSelf = {},
  ): Tensor {
    const write: Write = (base, values, kind) => writeParts('indexReduce', base, dim, index, values, kind)
    return wrap(joined(this.node, source, reduction, includeSelf, write))
  }

  /** A copy with `source` written to (or added to) the positions `index` of the flattened tensor; negative ones count from the end. */
  put(index: Tensor, source: Tensor, { accumulate = false }: { readonly accumulate?: boolean } = {}): Tensor {
    if (index.size !== source.size) {
      throw new ShapeError('put', `as many values as indices are needed, received ${source.size} and ${index.size}`)
    }
    const places = reshape(fromEnd(cast(index.node, 'int32'), this.size), [index.size])
    return wrap(writeAt('put', this.node, places, reshape(valueNode(source, this.node), [index.size]), accumulate))
  }

  /**
   * The elements of `source`, one after the other, where `mask` (bool) is true; this tensor elsewhere. `source` must hold enough:
   * otherwise an {@link IndexError} when the value is computed.
   */
  maskedScatter(mask: Tensor, source: Tensor): Tensor {
    const chosen = broadcastTo(maskNode('maskedScatter', mask), this.shape)
    const flat = reshape(chosen, [this.size])
    const order = sub(cumulative(cast(flat, 'int32'), 'sum', 0), constant(1, 'int32'))
    const spare = broadcastTo(constant(0, this.dtype), [1])
    const values = concat([spare, reshape(valueNode(source, this.node), [source.size])], 0)
    const taken = gather(
      values,
      where(flat, add(order, constant(1, 'int32')), constant(0, 'int32')),
      0,
      'maskedScatter',
    )
    return wrap(where(chosen, reshape(taken, this.shape), this.node))
  }

  /** A copy with `source` written to elements start, start + step ... < stop along `dim`; negative bounds count from the end. */
  sliceScatter(source: Tensor, dim = 0, start = 0, stop?: number, step = 1): Tensor {
    const d = normalizeDim('sliceScatter', dim, this.rank)
    const range = `${start}:${stop ?? ''}:${step}` as const
    const places = selectAt('sliceScatter', rowMajor(this.shape), [...new Array<':'>(d).fill(':'), range])
    return wrap(writeView('sliceScatter', this.node, places, source))
  }

  /** A copy with `source` written to element `index` of dimension `dim`. */
  selectScatter(source: Tensor, dim: number, index: number): Tensor {
    const places = wrap(rowMajor(this.shape)).select(dim, index)
    return wrap(writeView('selectScatter', this.node, places.node, source))
  }

  /** A copy with `source` written to the diagonal that `diagonal(offset, dim1, dim2)` reads. */
  diagonalScatter(source: Tensor, offset = 0, dim1 = 0, dim2 = 1): Tensor {
    const places = wrap(rowMajor(this.shape)).diagonal(offset, dim1, dim2)
    return wrap(writeView('diagonalScatter', this.node, places.node, source))
  }

  /** A copy with `source` written to the elements that `asStrided(shape, strides, offset)` reads. */
  asStridedScatter(source: Tensor, shape: Shape, strides: readonly number[], offset = 0): Tensor {
    const places = reshape(stridedPositions('asStridedScatter', this.size, shape, strides, offset), shape)
    return wrap(writeView('asStridedScatter', this.node, places, source))
  }
}

type Write = (base: Node, values: TensorLike, kind: ScatterKind) => Node

/** Where `index` is smaller than `base` outside `dim`, only the leading part is written to. */
function scatterInto(op: string, base: Node, dim: number, index: Tensor, source: TensorLike, kind: ScatterKind): Node {
  const d = normalizeDim(op, dim, base.shape.length)
  if (base.shape.length === 0)
    return reshape(scatterInto(op, reshape(base, [1]), 0, index.flatten(), flatSource(source), kind), [])
  const { shape } = index
  const part = shape.with(d, base.shape[d]!)
  const given = typeof source === 'number' ? shape : source.shape
  const fits = [base.shape, given].every((bound) => bound.length === shape.length)
  if (!fits || part.some((n, i) => n > base.shape[i]!) || shape.some((n, i) => n > given[i]!)) {
    throw new ShapeError(
      op,
      `indices ${formatShape(shape)} exceed source ${formatShape(given)}, or input ${formatShape(base.shape)} outside dim ${dim}`,
    )
  }
  const values = valueNode(source, base)
  const written = typeof source === 'number' ? broadcastTo(values, shape) : leading(values, shape)
  const result = scatter(leading(base, part), index.node, written, d, kind, op)
  if (sameShape(part, base.shape)) return result
  const pads = part.map((n, i) => ({ low: 0, high: base.shape[i]! - n, inner: 0 }))
  return where(pad(broadcastTo(constant(1, 'bool'), part), pads), pad(result, pads), base)
}

function flatSource(source: TensorLike): TensorLike {
  return typeof source === 'number' ? source : source.flatten()
}

/** The first elements along each dimension. */
function leading(x: Node, shape: Shape): Node {
  return slice(
    x,
    shape.map((stop) => ({ start: 0, stop, step: 1 })),
  )
}

/** Joins whole parts along `dim` into those that the vector `index` names. */
function writeParts(op: string, base: Node, dim: number, index: Tensor, source: TensorLike, kind: ScatterKind): Node {
  const d = normalizeDim(op, dim, base.shape.length)
  if (base.shape.length === 0)
    return reshape(writeParts(op, reshape(base, [1]), 0, index, flatSource(source), kind), [])
  const column = indexColumn(op, index, d, base.shape.length)
  const part = base.shape.with(d, index.size)
  const values = valueNode(source, base)
  const scalarLike = typeof source === 'number' || (source.rank === 0 && part.length > 0)
  return scatter(base, column, scalarLike ? broadcastTo(values, part) : values, d, kind, op)
}

/** Writes by view: `source` has the shape of the view. */
function writeView(op: string, base: Node, places: Node, source: Tensor): Node {
  if (!sameShape(places.shape, source.shape)) {
    throw new ShapeError(
      op,
      `a source ${formatShape(source.shape)} does not fit the part ${formatShape(places.shape)} of ${formatShape(base.shape)}`,
    )
  }
  return writeAt(op, base, places, valueNode(source, base))
}

const kinds: Record<ScatterReduction, ScatterKind> = { sum: 'add', mean: 'add', prod: 'prod', amax: 'max', amin: 'min' }

/** What changes nothing when it is joined: for extremes the far end of the dtype. */
function neutral(dtype: DType, reduction: ScatterReduction): number {
  if (reduction === 'prod') return 1
  if (reduction === 'sum' || reduction === 'mean') return 0
  const [lowest, highest] = isFloating(dtype)
    ? [-Infinity, Infinity]
    : dtype === 'int32'
      ? [-(2 ** 31), 2 ** 31 - 1]
      : [0, 255]
  return reduction === 'amax' ? lowest! : highest!
}

function joined(x: Node, source: Tensor, reduction: ScatterReduction, includeSelf: boolean, write: Write): Node {
  if (!Object.hasOwn(kinds, reduction)) {
    throw new ValueError('scatterReduce', `expects one of ${Object.keys(kinds).join(', ')}, received '${reduction}'`)
  }
  const base = includeSelf ? x : write(x, neutral(x.dtype, reduction), 'set')
  const result = write(base, source, kinds[reduction])
  if (reduction !== 'mean') return result
  const own = broadcastTo(constant(includeSelf ? 1 : 0, x.dtype), x.shape)
  const ones = wrap(broadcastTo(constant(1, x.dtype), source.shape))
  const count = maximum(write(own, ones, 'add'), constant(1, x.dtype))
  if (isFloating(x.dtype)) return div(result, count)
  return cast(floor(div(cast(result, 'float64'), cast(count, 'float64'))), x.dtype)
}
