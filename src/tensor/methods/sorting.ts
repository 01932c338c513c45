import { ShapeError, ValueError } from '../../core/errors.ts'
import { formatShape, normalizeDim, sameShape } from '../../core/shape.ts'
import type { Node } from '../../graph/node.ts'
import { argSort, ascending, gather } from '../../graph/ops/indexing.ts'
import { buffer } from '../../graph/ops/leaves.ts'
import { cast, less, lessEqual, logicalNot } from '../../graph/ops/logic.ts'
import { reduce } from '../../graph/ops/reduce.ts'
import { reshape, sliceDim } from '../../graph/ops/views.ts'
import { promote, wrap } from '../base.ts'
import { positionsBuffer } from '../positions.ts'
import type { Tensor } from '../tensor.ts'
import { Scattering } from './scattering.ts'

/** Elements and where they stood. */
export interface Sorted {
  readonly values: Tensor
  /** Positions along the sorted dimension, int32. */
  readonly indices: Tensor
}

export interface SortOptions {
  /** Largest first. Default false. */
  readonly descending?: boolean
}

export interface TopKOptions {
  /** The largest elements, or the smallest. Default true. */
  readonly largest?: boolean
}

/** The different values of a tensor. */
export interface Distinct {
  readonly values: Tensor
  /** For each element, which value it is; int32, shaped like the tensor (a vector when a `dim` was given). */
  readonly inverse: Tensor
  /** How often each value occurs, int32. */
  readonly counts: Tensor
}

export interface DistinctOptions {
  /** Compare whole parts along this dimension instead of single elements. */
  readonly dim?: number
}

/** Order: sorting, the largest k, distinct values, searching. */
export abstract class Sorting extends Scattering {
  /** Sorts along `dim`, stably; NaN counts as largest. Gradients flow through `values`. */
  sort(dim = -1, { descending = false }: SortOptions = {}): Sorted {
    return select('sort', this.node, dim, descending)
  }

  /** The positions that sort along `dim`, stably. int32. */
  argSort(dim = -1, { descending = false }: SortOptions = {}): Tensor {
    return this.sort(dim, { descending }).indices
  }

  /** Sorts along the first dimension, ascending. */
  msort(): Tensor {
    return this.sort(0).values
  }

  /** The `k` largest (or smallest) elements along `dim`, in order. */
  topK(k: number, dim = -1, { largest = true }: TopKOptions = {}): Sorted {
    const d = normalizeDim('topK', dim, this.rank)
    const extent = this.shape[d] ?? 1
    if (!Number.isInteger(k) || k < 0 || k > extent) {
      throw new ValueError(
        'topK',
        `k = ${k} is out of range for dim ${dim} of ${formatShape(this.shape)}: expected 0 to ${extent}`,
      )
    }
    return select('topK', this.node, d, largest, k)
  }

  /** The sorted distinct elements (or parts along `dim`), how often each occurs, and which one each element is. Waits for the values. */
  async unique({ dim }: DistinctOptions = {}): Promise<Distinct> {
    return distinct('unique', this.self, dim, true)
  }

  /** As {@link unique}, merging neighbours only: the order of the elements is kept. */
  async uniqueConsecutive({ dim }: DistinctOptions = {}): Promise<Distinct> {
    return distinct('uniqueConsecutive', this.self, dim, false)
  }
}

function select(op: string, x: Node, dim: number, descending: boolean, k?: number): Sorted {
  const d = normalizeDim(op, dim, x.shape.length)
  const source = x.shape.length === 0 ? reshape(x, [1]) : x
  const order = argSort(source, d, descending)
  const indices = k === undefined ? order : sliceDim(order, d, 0, k)
  const values = gather(source, indices, d, op)
  const shape = x.shape.length === 0 ? x.shape : indices.shape
  return { values: wrap(reshape(values, shape)), indices: wrap(reshape(indices, shape)) }
}

/** Groups equal parts: along `dim`, or single elements. */
async function distinct(op: string, x: Tensor, dim: number | undefined, sorted: boolean): Promise<Distinct> {
  const d = dim === undefined ? 0 : normalizeDim(op, dim, x.rank)
  const source = dim === undefined ? x.flatten() : x
  const n = source.shape[d]!
  const width = n === 0 ? 0 : source.size / n
  const parts = await source.movedim(d, 0).data()
  const precedes = (a: number, b: number): number => {
    let order = 0
    for (let i = 0; i < width && order === 0; i++) order = ascending(parts[a * width + i]!, parts[b * width + i]!)
    return order
  }
  const differ = (a: number, b: number): boolean => {
    for (let i = 0; i < width; i++) if (parts[a * width + i] !== parts[b * width + i]) return true
    return false
  }
  const order = Int32Array.from({ length: n }, (_, i) => i)
  if (sorted) order.sort((a, b) => precedes(a, b) || a - b)
  const firsts: number[] = []
  const counts: number[] = []
  const inverse = new Int32Array(n)
  order.forEach((at, i) => {
    if (i === 0 || differ(order[i - 1]!, at)) {
      firsts.push(at)
      counts.push(0)
    }
    counts[counts.length - 1]!++
    inverse[at] = firsts.length - 1
  })
  return {
    values: source.indexSelect(d, wrap(positionsBuffer(firsts))),
    inverse: wrap(buffer(inverse, dim === undefined ? x.shape : [n], 'int32')),
    counts: wrap(positionsBuffer(counts)),
  }
}

/**
 * Where each of `values` belongs in `sorted` so that it stays ascending: the number of elements before it, int32, shaped like
 * `values`. `sorted` is a vector, or has the leading dimensions of `values`. Among equal elements the place is the first, with
 * `right` the one after the last.
 */
export function searchSorted(
  sorted: Tensor,
  values: Tensor,
  { right = false }: { readonly right?: boolean } = {},
): Tensor {
  const lead = sorted.shape.slice(0, -1)
  if (sorted.rank === 0 || (sorted.rank > 1 && !sameShape(lead, values.shape.slice(0, -1)))) {
    throw new ShapeError(
      'searchSorted',
      `sorted ${formatShape(sorted.shape)} must be a vector, or agree with values ${formatShape(values.shape)} in all but the last dimension`,
    )
  }
  const [row, x] = promote(sorted, values) as [Node, Node]
  const places = sorted.rank === 1 ? row.shape : [...lead, 1, sorted.shape.at(-1)!]
  const each = reshape(x, [...values.shape, 1])
  const stays = right ? less(each, reshape(row, places)) : lessEqual(each, reshape(row, places))
  return wrap(reduce(cast(logicalNot(stays), 'int32'), 'sum', [values.rank]))
}

/** For each of `values`, which interval between the ascending `boundaries` it lies in; as {@link searchSorted}. */
export function bucketize(values: Tensor, boundaries: Tensor, options: { readonly right?: boolean } = {}): Tensor {
  return searchSorted(boundaries, values, options)
}
