import { ShapeError, ValueError } from '../../core/errors.ts'
import { formatShape, normalizeDim, normalizeDims, type Shape } from '../../core/shape.ts'
import type { Node } from '../../graph/node.ts'
import { add } from '../../graph/ops/arithmetic.ts'
import { constant, iota, scalar } from '../../graph/ops/leaves.ts'
import { lessEqual, where } from '../../graph/ops/logic.ts'
import { broadcastTo, concat, flip, pad, permute, reshape, slice, sliceDim } from '../../graph/ops/views.ts'
import { gather } from '../../graph/ops/indexing.ts'
import { wrap } from '../base.ts'
import { positionsBuffer, stridedPositions } from '../positions.ts'
import type { Tensor } from '../tensor.ts'
import { listOf, type NumberList, Views } from './views.ts'

export interface PadOptions {
  /** What is put around the elements. Default 0. */
  readonly value?: number
}

/** Repeating, reversing, shifting; diagonals and triangles; padding. */
export abstract class Rearranging extends Views {
  /** The whole tensor `repeats[d]` times along each dimension; leading dimensions are added where there are more. */
  repeat(...repeats: NumberList): Tensor {
    const times = listOf(repeats)
    if (times.length < this.rank || times.some((n) => !Number.isInteger(n) || n < 0)) {
      throw new ValueError(
        'repeat',
        `expects a count ≥ 0 for each of the ${this.rank} dimensions, received ${formatShape(times)}`,
      )
    }
    const shape = [...new Array<number>(times.length - this.rank).fill(1), ...this.shape]
    const pairs = shape.flatMap((extent) => [1, extent])
    const spread = shape.flatMap((extent, d) => [times[d]!, extent])
    const repeated = broadcastTo(reshape(this.node, pairs), spread)
    return wrap(
      reshape(
        repeated,
        shape.map((extent, d) => extent * times[d]!),
      ),
    )
  }

  /** `repeat`, where missing counts are 1 from the left. */
  tile(...repeats: NumberList): Tensor {
    const times = listOf(repeats)
    return this.repeat([...new Array<number>(Math.max(0, this.rank - times.length)).fill(1), ...times])
  }

  /** Each element `repeats` times in a row (or element i `repeats[i]` times) along `dim`; flattened without one. */
  repeatInterleave(repeats: number | readonly number[], dim?: number): Tensor {
    if (dim === undefined) return this.flatten().repeatInterleave(repeats, 0)
    const d = normalizeDim('repeatInterleave', dim, this.rank)
    const extent = this.shape[d] ?? 1
    const counts = typeof repeats === 'number' ? new Array<number>(extent).fill(repeats) : repeats
    if (counts.length !== extent || counts.some((n) => !Number.isInteger(n) || n < 0)) {
      throw new ValueError(
        'repeatInterleave',
        `expects one count ≥ 0, or one for each of the ${extent} elements of dim ${dim}; received ${formatShape(counts)}`,
      )
    }
    if (typeof repeats === 'number') {
      const [before, after] = [this.shape.slice(0, d), this.shape.slice(d + 1)]
      const spread = broadcastTo(reshape(this.node, [...before, extent, 1, ...after]), [
        ...before,
        extent,
        repeats,
        ...after,
      ])
      return wrap(reshape(spread, [...before, extent * repeats, ...after]))
    }
    const positions = positionsBuffer(counts.flatMap((n, i) => new Array<number>(n).fill(i)))
    const column = this.shape.map((_, i) => (i === d ? positions.shape[0]! : 1))
    return wrap(gather(this.node, reshape(positions, column), d, 'repeatInterleave'))
  }

  /** Reverses the order along `dims`. */
  flip(...dims: NumberList): Tensor {
    return wrap(flip(this.node, normalizeDims('flip', listOf(dims), this.rank)))
  }

  /** Reverses the columns: dimension 1. */
  fliplr(): Tensor {
    return this.atLeast('fliplr', 2).flip(1)
  }

  /** Reverses the rows: dimension 0. */
  flipud(): Tensor {
    return this.atLeast('flipud', 1).flip(0)
  }

  private atLeast(op: string, rank: number): Tensor {
    if (this.rank >= rank) return this.self
    throw new ShapeError(op, `expects at least ${rank} dimensions, received ${formatShape(this.shape)}`)
  }

  /** Turns the plane of `dims` by `k` quarter turns, from the first towards the second dimension. */
  rot90(k = 1, dims: readonly [number, number] = [0, 1]): Tensor {
    const [a, b] = dims.map((dim) => normalizeDim('rot90', dim, this.rank)) as [number, number]
    if (a === b || this.rank < 2) {
      throw new ShapeError(
        'rot90',
        `expects two different dims of ${formatShape(this.shape)}, received ${formatShape(dims)}`,
      )
    }
    const turns = ((k % 4) + 4) % 4
    if (turns === 0) return this.clone()
    if (turns === 2) return this.flip(a, b)
    return turns === 1 ? this.flip(b).transpose(a, b) : this.transpose(a, b).flip(b)
  }

  /** Shifts the elements cyclically by `shifts` along `dims`; of the flattened tensor without `dims`. */
  roll(shifts: number | readonly number[], dims?: number | readonly number[]): Tensor {
    const amounts = [shifts].flat() as number[]
    const along = dims === undefined ? [0] : ([dims].flat() as number[])
    if (amounts.length !== along.length) {
      throw new ValueError(
        'roll',
        `expects a shift for each dim, received ${formatShape(amounts)} and ${formatShape(along)}`,
      )
    }
    let x = dims === undefined ? reshape(this.node, [this.size]) : this.node
    along.forEach((dim, i) => {
      x = rollDim(x, normalizeDim('roll', dim, x.shape.length), amounts[i]!)
    })
    return wrap(reshape(x, this.shape))
  }

  /** The diagonal of the planes (`dim1`, `dim2`), `offset` above (or below, when negative) the main one, as last dimension. */
  diagonal(offset = 0, dim1 = 0, dim2 = 1): Tensor {
    const [a, b] = planeDims('diagonal', dim1, dim2, this.rank)
    const order = [...this.shape.keys()].filter((d) => d !== a && d !== b)
    return wrap(diagonalOf(permute(this.node, [...order, a, b]), offset))
  }

  /** Planes with the last dimension on their diagonal and zeros elsewhere; the planes become dims `dim1` and `dim2`. */
  diagEmbed(offset = 0, dim1 = -2, dim2 = -1): Tensor {
    if (this.rank === 0) throw new ShapeError('diagEmbed', 'expects at least 1 dimension, received a scalar')
    const [a, b] = planeDims('diagEmbed', dim1, dim2, this.rank + 1)
    const rest = this.shape.slice(0, -1).keys()
    const order = Array.from({ length: this.rank + 1 }, (_, d) =>
      d === a ? this.rank - 1 : d === b ? this.rank : rest.next().value!,
    )
    return wrap(permute(embedDiagonal(this.node, offset), order))
  }

  /** A matrix with this vector on its diagonal, or the diagonal of this matrix. */
  diag(diagonal = 0): Tensor {
    if (this.rank === 1) return this.diagEmbed(diagonal)
    if (this.rank === 2) return this.diagonal(diagonal)
    throw new ShapeError(
      'diag',
      `expects a vector or a matrix, received ${formatShape(this.shape)}; see diagonal, diagEmbed`,
    )
  }

  /** A matrix with all elements on its diagonal. */
  diagflat(offset = 0): Tensor {
    return wrap(embedDiagonal(reshape(this.node, [this.size]), offset))
  }

  /** Zeros above diagonal number `diagonal` of the last two dimensions. */
  tril(diagonal = 0): Tensor {
    return wrap(triangle('tril', this.node, diagonal))
  }

  /** Zeros below diagonal number `diagonal` of the last two dimensions. */
  triu(diagonal = 0): Tensor {
    return wrap(triangle('triu', this.node, diagonal))
  }

  /**
   * Surrounds with a constant. `padding` lists [before, after] of the last dimension, then of the one before it, and so on, as
   * `F.pad`; negative amounts crop.
   */
  pad(padding: readonly number[], { value = 0 }: PadOptions = {}): Tensor {
    const count = padding.length / 2
    if (!padding.every(Number.isInteger) || !Number.isInteger(count) || count > this.rank) {
      throw new ValueError(
        'pad',
        `expects whole numbers [before, after] for up to ${this.rank} dimensions, last first; received ${formatShape(padding)}`,
      )
    }
    const pads = this.shape.map((_, d) => {
      const at = 2 * (this.rank - 1 - d)
      return { low: padding[at] ?? 0, high: padding[at + 1] ?? 0, inner: 0 }
    })
    const padded = pad(this.node, pads)
    if (value === 0 || padded === this.node) return wrap(padded)
    const inside = pad(broadcastTo(constant(1, 'bool'), this.shape), pads)
    return wrap(where(inside, padded, scalar(value, this.dtype)))
  }

  /**
   * A copy that reads element `offset + Σ iᵈ · strides[d]` of the row-major elements at position i; the places may overlap.
   */
  asStrided(shape: Shape, strides: readonly number[], offset = 0): Tensor {
    const positions = stridedPositions('asStrided', this.size, shape, strides, offset)
    const flat = reshape(this.node, [this.size])
    return wrap(reshape(gather(flat, positions, 0, 'asStrided'), shape))
  }
}

function rollDim(x: Node, dim: number, shift: number): Node {
  const extent = x.shape[dim] ?? 0
  if (extent === 0) return x
  const cut = ((-shift % extent) + extent) % extent
  if (cut === 0) return x
  return concat([sliceDim(x, dim, cut, extent), sliceDim(x, dim, 0, cut)], dim)
}

function planeDims(op: string, dim1: number, dim2: number, rank: number): [number, number] {
  const [a, b] = [normalizeDim(op, dim1, rank), normalizeDim(op, dim2, rank)]
  if (a === b || rank < 2)
    throw new ShapeError(op, `expects two different dims of ${rank}, received ${dim1} and ${dim2}`)
  return [a, b]
}

/** Diagonals of the last two dimensions: crop to a square of side k, and take every (k + 1)-th of its k² elements. */
export function diagonalOf(x: Node, offset: number): Node {
  const [rows, columns] = x.shape.slice(-2) as [number, number]
  const lead = x.shape.slice(0, -2)
  const [top, left] = [Math.min(Math.max(-offset, 0), rows), Math.min(Math.max(offset, 0), columns)]
  const k = Math.max(0, Math.min(rows - top, columns - left))
  const whole = lead.map((extent) => ({ start: 0, stop: extent, step: 1 }))
  const square = slice(x, [...whole, { start: top, stop: top + k, step: 1 }, { start: left, stop: left + k, step: 1 }])
  return slice(reshape(square, [...lead, k * k]), [...whole, { start: 0, stop: k * k, step: k + 1 }])
}

/** The reverse of {@link diagonalOf}: k zeros between neighbours make a square of side k; then the offset is padded. */
function embedDiagonal(x: Node, offset: number): Node {
  const lead = x.shape.slice(0, -1)
  const k = x.shape.at(-1)!
  const none = lead.map(() => ({ low: 0, high: 0, inner: 0 }))
  const square = reshape(pad(x, [...none, { low: 0, high: 0, inner: k }]), [...lead, k, k])
  const [top, left] = [Math.max(-offset, 0), Math.max(offset, 0)]
  return pad(square, [...none, { low: top, high: left, inner: 0 }, { low: left, high: top, inner: 0 }])
}

function triangle(op: 'tril' | 'triu', x: Node, diagonal: number): Node {
  if (x.shape.length < 2) throw new ShapeError(op, `expects at least 2 dimensions, received ${formatShape(x.shape)}`)
  const [rows, columns] = x.shape.slice(-2) as [number, number]
  const row = add(reshape(iota(rows), [rows, 1]), constant(diagonal, 'int32'))
  const column = reshape(iota(columns), [1, columns])
  const keep = op === 'tril' ? lessEqual(column, row) : lessEqual(row, column)
  return where(keep, x, constant(0, x.dtype))
}
