import { ShapeError, ValueError } from '../../core/errors.ts'
import { formatShape, inferShape, normalizeDim, type Shape, sizeOf } from '../../core/shape.ts'
import { record } from '../../graph/node.ts'
import { broadcastTo, permute, reshape, reshapeOp, sliceDim } from '../../graph/ops/views.ts'
import { window } from '../../graph/ops/windows.ts'
import { wrap } from '../base.ts'
import { checkPosition } from '../positions.ts'
import type { Tensor } from '../tensor.ts'
import { Reductions } from './reductions.ts'

/** A list of numbers, written as one array or as separate arguments. */
export type NumberList = number[] | [readonly number[]]

/** Both spellings of a {@link NumberList} as one array. */
export function listOf(list: NumberList): readonly number[] {
  return typeof list[0] === 'object' ? list[0] : (list as number[])
}

/** Other shapes, orders of dimensions and parts of the same elements. Nothing is copied until it must be. */
export abstract class Views extends Reductions {
  /** The same value as a tensor of its own; gradients flow through it. */
  clone(): Tensor {
    return wrap(record(reshapeOp, [this.node], { shape: this.shape }))
  }

  /** The same elements in row-major order; one size may be −1 and is worked out. */
  reshape(...shape: NumberList): Tensor {
    return wrap(reshape(this.node, inferShape('reshape', this.shape, listOf(shape))))
  }

  /** `reshape` to the shape of `other`. */
  reshapeAs(other: Tensor): Tensor {
    return this.reshape(other.shape)
  }

  /** Joins dimensions `startDim` to `endDim` into one; a scalar becomes [1]. */
  flatten(startDim = 0, endDim = -1): Tensor {
    const start = normalizeDim('flatten', startDim, this.rank)
    const end = normalizeDim('flatten', endDim, this.rank)
    if (start > end) throw new ValueError('flatten', `startDim ${startDim} comes after endDim ${endDim}`)
    const joined = sizeOf(this.shape.slice(start, end + 1))
    return wrap(reshape(this.node, [...this.shape.slice(0, start), joined, ...this.shape.slice(end + 1)]))
  }

  /** Splits dimension `dim` into `sizes`, one of which may be −1. */
  unflatten(dim: number, sizes: Shape): Tensor {
    const d = normalizeDim('unflatten', dim, this.rank)
    const parts = inferShape('unflatten', [this.shape[d] ?? 1], sizes)
    return wrap(reshape(this.node, [...this.shape.slice(0, d), ...parts, ...this.shape.slice(d + 1)]))
  }

  /** Drops dimensions of size 1: all of them, or those of `dims` that have size 1. */
  squeeze(dims?: number | readonly number[]): Tensor {
    const chosen =
      dims === undefined
        ? [...this.shape.keys()]
        : [dims].flat().map((dim: number) => normalizeDim('squeeze', dim, this.rank))
    const kept = this.shape.filter((extent, d) => extent !== 1 || !chosen.includes(d))
    return wrap(reshape(this.node, kept))
  }

  /** Inserts a dimension of size 1 at `dim`, in [−rank − 1, rank]. */
  unsqueeze(dim: number): Tensor {
    const d = normalizeDim('unsqueeze', dim, this.rank + 1)
    return wrap(reshape(this.node, this.shape.toSpliced(d, 0, 1)))
  }

  /** Dimension i of the result is dimension `dims[i]` of this tensor. */
  permute(...dims: NumberList): Tensor {
    const order = listOf(dims).map((dim) => normalizeDim('permute', dim, this.rank))
    return wrap(permute(this.node, order))
  }

  /** Exchanges two dimensions. */
  transpose(dim0: number, dim1: number): Tensor {
    const a = normalizeDim('transpose', dim0, this.rank)
    const b = normalizeDim('transpose', dim1, this.rank)
    const order = [...this.shape.keys()].map((d) => (d === a ? b : d === b ? a : d))
    return wrap(permute(this.node, order))
  }

  /** The transpose of a matrix; vectors and scalars stay as they are. */
  t(): Tensor {
    if (this.rank > 2) {
      throw new ShapeError('t', `expects at most 2 dimensions, received ${formatShape(this.shape)}; use transpose()`)
    }
    return this.rank < 2 ? this.self : this.transpose(0, 1)
  }

  /** Moves dimensions `source` to the places `destination`; the others keep their order. */
  movedim(source: number | readonly number[], destination: number | readonly number[]): Tensor {
    const from = [source].flat().map((dim: number) => normalizeDim('movedim', dim, this.rank))
    const to = [destination].flat().map((dim: number) => normalizeDim('movedim', dim, this.rank))
    if (from.length !== to.length || new Set(from).size !== from.length || new Set(to).size !== to.length) {
      throw new ValueError(
        'movedim',
        `expects as many places as dims and none twice, received ${formatShape([source].flat())} to ${formatShape([destination].flat())}`,
      )
    }
    const rest = [...this.shape.keys()].filter((d) => !from.includes(d)).values()
    const order = this.shape.map((_, d) => (to.includes(d) ? from[to.indexOf(d)]! : rest.next().value!))
    return wrap(permute(this.node, order))
  }

  /** Repeats along dimensions of size 1 and new leading ones without copying; −1 keeps a size. */
  expand(...shape: NumberList): Tensor {
    const wanted = listOf(shape)
    const lead = wanted.length - this.rank
    const resolved = wanted.map((n, d) => (n === -1 ? this.shape[d - lead] : n))
    if (lead < 0 || !resolved.every((n): n is number => n !== undefined && Number.isInteger(n) && n >= 0)) {
      throw new ShapeError('expand', `cannot expand ${formatShape(this.shape)} to ${formatShape(wanted)}`)
    }
    return wrap(broadcastTo(this.node, resolved))
  }

  /** `expand` to the shape of `other`. */
  expandAs(other: Tensor): Tensor {
    return this.expand(other.shape)
  }

  /** Repeats by NumPy's rule to exactly `shape`. */
  broadcastTo(shape: Shape): Tensor {
    return this.expand(shape)
  }

  /** `length` elements of dimension `dim` from `start` on; a negative start counts from the end. */
  narrow(dim: number, start: number, length: number): Tensor {
    const d = normalizeDim('narrow', dim, this.rank)
    const extent = this.shape[d] ?? 0
    const first = start < 0 ? start + extent : start
    if (this.rank === 0 || !(first >= 0 && length >= 0 && first + length <= extent)) {
      throw new ValueError(
        'narrow',
        `start ${start} and length ${length} do not fit dim ${dim} of ${formatShape(this.shape)}`,
      )
    }
    return wrap(sliceDim(this.node, d, first, first + length))
  }

  /** Element `index` of dimension `dim`, which disappears; a negative index counts from the end. */
  select(dim: number, index: number): Tensor {
    const d = normalizeDim('select', dim, this.rank)
    const at = checkPosition('select', index, d, this.shape)
    return wrap(reshape(sliceDim(this.node, d, at, at + 1), this.shape.toSpliced(d, 1)))
  }

  /** All parts along `dim`, which disappears. */
  unbind(dim = 0): Tensor[] {
    const d = normalizeDim('unbind', dim, this.rank)
    if (this.rank === 0) throw new ShapeError('unbind', 'a scalar has no dimension to take apart')
    return Array.from({ length: this.shape[d]! }, (_, i) => this.select(d, i))
  }

  /** Parts of `sizes` along `dim`: of one size each (the last may be smaller), or of the sizes listed. */
  split(sizes: number | readonly number[], dim = 0): Tensor[] {
    const d = normalizeDim('split', dim, this.rank)
    const extent = this.shape[d] ?? 0
    if (typeof sizes === 'number') {
      const valid = this.rank > 0 && Number.isInteger(sizes) && (sizes > 0 || (sizes === 0 && extent === 0))
      if (!valid) throw new ValueError('split', `cannot split ${formatShape(this.shape)} into parts of ${sizes}`)
      const count = extent === 0 ? 1 : Math.ceil(extent / sizes)
      const starts = Array.from({ length: count + 1 }, (_, i) => Math.min(i * sizes, extent))
      return this.cut(d, starts)
    }
    const starts = [0]
    for (const size of sizes) starts.push(starts.at(-1)! + size)
    if (sizes.some((size) => size < 0) || starts.at(-1) !== extent || this.rank === 0) {
      throw new ShapeError(
        'split',
        `sizes ${formatShape(sizes)} do not add up to dim ${dim} of ${formatShape(this.shape)}`,
      )
    }
    return this.cut(d, starts)
  }

  /** At most `chunks` parts of equal size along `dim`; the last may be smaller. */
  chunk(chunks: number, dim = 0): Tensor[] {
    const d = normalizeDim('chunk', dim, this.rank)
    if (!Number.isInteger(chunks) || chunks < 1) throw new ValueError('chunk', `expects chunks ≥ 1, received ${chunks}`)
    if (this.shape[d] === 0) return Array.from({ length: chunks }, () => this.self)
    return this.split(Math.ceil((this.shape[d] ?? 0) / chunks), d)
  }

  /** `sections` parts of nearly equal size along `dim`, or parts between the given `indices`. */
  tensorSplit(sections: number | readonly number[], dim = 0): Tensor[] {
    const d = normalizeDim('tensorSplit', dim, this.rank)
    if (this.rank === 0) throw new ShapeError('tensorSplit', 'a scalar has no dimension to split')
    const extent = this.shape[d]!
    if (typeof sections === 'number') {
      if (!Number.isInteger(sections) || sections < 1) {
        throw new ValueError('tensorSplit', `expects sections ≥ 1, received ${sections}`)
      }
      const [base, larger] = [Math.floor(extent / sections), extent % sections]
      return this.cut(
        d,
        Array.from({ length: sections + 1 }, (_, i) => i * base + Math.min(i, larger)),
      )
    }
    const bounds = sections.map((i) => Math.min(Math.max(i < 0 ? i + extent : i, 0), extent))
    return this.cut(d, [0, ...bounds, extent])
  }

  /** `tensorSplit` along the columns: dimension 1, or 0 of a vector. */
  hsplit(sections: number | readonly number[]): Tensor[] {
    return this.evenSplit('hsplit', sections, this.rank === 1 ? 0 : 1, 1)
  }

  /** `tensorSplit` along dimension 0 of a tensor of at least 2 dimensions. */
  vsplit(sections: number | readonly number[]): Tensor[] {
    return this.evenSplit('vsplit', sections, 0, 2)
  }

  /** `tensorSplit` along dimension 2. */
  dsplit(sections: number | readonly number[]): Tensor[] {
    return this.evenSplit('dsplit', sections, 2, 3)
  }

  private evenSplit(op: string, sections: number | readonly number[], dim: number, minRank: number): Tensor[] {
    if (this.rank < minRank) {
      throw new ShapeError(op, `expects at least ${minRank} dimensions, received ${formatShape(this.shape)}`)
    }
    if (typeof sections === 'number' && this.shape[dim]! % sections !== 0) {
      throw new ValueError(op, `dim ${dim} of ${formatShape(this.shape)} does not divide into ${sections} equal parts`)
    }
    return this.tensorSplit(sections, dim)
  }

  /** The parts of dimension `dim` between consecutive `bounds`; empty where they fall. */
  private cut(dim: number, bounds: readonly number[]): Tensor[] {
    return bounds.slice(1).map((stop, i) => wrap(sliceDim(this.node, dim, Math.min(bounds[i]!, stop), stop)))
  }

  /** Windows of `size` every `step` along `dim`, whose place holds the window's number; a last dimension the position in it. */
  unfold(dim: number, size: number, step: number): Tensor {
    const d = normalizeDim('unfold', dim, this.rank)
    const extent = this.shape[d] ?? 1
    if (!(Number.isInteger(size) && size >= 1 && size <= extent && Number.isInteger(step) && step >= 1)) {
      throw new ValueError(
        'unfold',
        `windows of ${size} every ${step} do not fit dim ${dim} of ${formatShape(this.shape)}: expected 1 ≤ size ≤ ${extent} and step ≥ 1`,
      )
    }
    const x = this.rank === 0 ? reshape(this.node, [1]) : this.node
    const windows = window(x, { dim: d, size, step, dilation: 1 })
    return wrap(this.rank === 0 ? reshape(windows, [size]) : windows)
  }
}
