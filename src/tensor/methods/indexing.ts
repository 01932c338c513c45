import { DTypeError, ShapeError } from '../../core/errors.ts'
import { formatShape, normalizeDim, sizeOf, stridesOf, tryBroadcast } from '../../core/shape.ts'
import type { Node } from '../../graph/node.ts'
import { gather, scatter } from '../../graph/ops/indexing.ts'
import { buffer, scalar } from '../../graph/ops/leaves.ts'
import { cast, where } from '../../graph/ops/logic.ts'
import { broadcastTo, reshape, slice } from '../../graph/ops/views.ts'
import { promote, type TensorLike, wrap } from '../base.ts'
import { fromEnd, positionsBuffer, rowMajor } from '../positions.ts'
import { type Index, selectAt, trueIndices } from '../selection.ts'
import type { Tensor } from '../tensor.ts'
import { Rearranging } from './rearranging.ts'

/** Selecting elements by position, by index tensor and by mask. */
export abstract class Indexing extends Rearranging {
  /**
   * Indexing as `x[...]` in PyTorch. Each argument speaks of the next dimension:
   *
   * - a number takes one element, and the dimension disappears; negative ones count from the end;
   * - `'1:-1'`, `':'`, `'::2'`, `'::-1'` take a range, as Python writes it; `` `${i}:${j}` `` where the bounds are variables;
   * - `null` inserts a dimension of size 1; `'...'` stands for as many `':'` as are missing;
   * - an array of numbers, or an int32 or uint8 tensor, takes the elements listed; several broadcast against each other and
   *   share their dimensions, which stand where the first one stood (in front, if something stands between them);
   * - a bool tensor takes the elements where it is true, and speaks of as many dimensions as it has. The size of the result
   *   depends on its values, so the mask is computed at once.
   *
   * `x.at(0, '1:-1', null, '...', [2, 0])`. Throws an {@link IndexError} for positions out of range: at once for numbers,
   * when the value is computed for tensors.
   */
  at(...indices: Index[]): Tensor {
    return wrap(selectAt('at', this.node, indices))
  }

  /**
   * A copy in which the elements that `at(...indices)` would give are replaced by `values`, or added to. `values` broadcasts.
   * Of several values for one place the last is kept. To change a leaf: `x.assign(x.indexPut([0, '1:3'], 5))`.
   */
  indexPut(
    indices: readonly Index[],
    values: TensorLike,
    { accumulate = false }: { readonly accumulate?: boolean } = {},
  ): Tensor {
    const places = selectAt('indexPut', rowMajor(this.shape), indices)
    return wrap(writeAt('indexPut', this.node, places, valueNode(values, this.node), accumulate))
  }

  /** Elements `index` [n] (or a scalar) of dimension `dim`, in that order. */
  indexSelect(dim: number, index: Tensor): Tensor {
    const d = normalizeDim('indexSelect', dim, this.rank)
    return wrap(gather(this.node, indexColumn('indexSelect', index, d, this.rank), d, 'indexSelect'))
  }

  /**
   * out[i, j, ..] = this[index[i, j, ..], j, ..] along `dim`. `index` has as many dimensions as this tensor and is nowhere
   * larger outside `dim`; the result has its shape. Negative indices are refused, as in PyTorch.
   */
  gather(dim: number, index: Tensor): Tensor {
    const d = normalizeDim('gather', dim, this.rank)
    if (this.rank === 0) return this.unsqueeze(0).gather(0, index.flatten()).reshape(index.shape)
    return wrap(gather(cropTo('gather', this.node, index.node, d), index.node, d, 'gather'))
  }

  /** Elements of the flattened tensor, in the shape of `index`; negative indices count from the end. */
  take(index: Tensor): Tensor {
    const flat = reshape(this.node, [this.size])
    const places = fromEnd(cast(index.node, 'int32'), this.size)
    return wrap(reshape(gather(flat, reshape(places, [index.size]), 0, 'take'), index.shape))
  }

  /** `gather` where `indices` and this tensor broadcast outside `dim`; of the flattened tensors without `dim`. */
  takeAlongDim(indices: Tensor, dim?: number): Tensor {
    if (dim === undefined) return this.flatten().gather(0, indices.flatten())
    const d = normalizeDim('takeAlongDim', dim, this.rank)
    const joint = tryBroadcast(this.shape.with(d, 1), indices.shape.with(d, 1))
    if (indices.rank !== this.rank || !joint) {
      throw new ShapeError(
        'takeAlongDim',
        `indices ${formatShape(indices.shape)} and input ${formatShape(this.shape)} do not broadcast outside dim ${dim}`,
      )
    }
    const source = broadcastTo(this.node, joint.with(d, this.shape[d]!))
    return wrap(gather(source, broadcastTo(indices.node, joint.with(d, indices.shape[d]!)), d, 'takeAlongDim'))
  }

  /** This tensor where `condition` (bool) is true, `other` elsewhere; all three broadcast. */
  where(condition: Tensor, other: TensorLike): Tensor {
    const [a, b] = promote(this.self, other) as [Node, Node]
    return wrap(where(condition.node, a, b))
  }

  /** `value` where `mask` (bool) is true, this tensor elsewhere; both broadcast. */
  maskedFill(mask: Tensor, value: TensorLike): Tensor {
    return wrap(where(maskNode('maskedFill', mask), valueNode(value, this.node), this.node))
  }

  /** The elements where `mask` (bool, broadcast) is true, as a vector. Waits for the mask, which decides the size. */
  async maskedSelect(mask: Tensor): Promise<Tensor> {
    const shape = tryBroadcast(this.shape, mask.shape)
    if (!shape) {
      throw new ShapeError(
        'maskedSelect',
        `mask ${formatShape(mask.shape)} and input ${formatShape(this.shape)} do not broadcast`,
      )
    }
    const places = positionsBuffer(trueIndices(broadcastTo(maskNode('maskedSelect', mask), shape)))
    return wrap(gather(reshape(broadcastTo(this.node, shape), [sizeOf(shape)]), places, 0, 'maskedSelect'))
  }

  /** Where the elements are not zero: int32 [n, rank], in row-major order. Waits for the values, which decide the size. */
  async nonzero(): Promise<Tensor> {
    const places = trueIndices(this.node)
    const strides = stridesOf(this.shape)
    const out = places.flatMap((at) => strides.map((stride, d) => Math.floor(at / stride) % this.shape[d]!))
    return wrap(buffer(Int32Array.from(out), [places.length, this.rank], 'int32'))
  }
}

/** A mask must be bool. */
export function maskNode(op: string, mask: Tensor): Node {
  if (mask.dtype === 'bool') return mask.node
  throw new DTypeError(op, `the mask must be bool, received ${mask.dtype}; compare first, as in x.gt(0)`)
}

/** What is written into `x`: a number or tensor, in the dtype of `x`. */
export function valueNode(value: TensorLike, x: Node): Node {
  return typeof value === 'number' ? scalar(value, x.dtype) : cast(value.node, x.dtype)
}

/** A vector of indices, reshaped to run along `dim` of a tensor of `rank` dimensions. */
export function indexColumn(op: string, index: Tensor, dim: number, rank: number): Node {
  if (index.rank > 1) throw new ShapeError(op, `expects a vector of indices, received ${formatShape(index.shape)}`)
  return reshape(index.node, new Array<number>(rank).fill(1).with(dim, index.size))
}

/** The leading part of `x` that is as large as `index` outside `dim`. */
export function cropTo(op: string, x: Node, index: Node, dim: number): Node {
  const fits = index.shape.length === x.shape.length && index.shape.every((n, d) => d === dim || n <= x.shape[d]!)
  if (!fits) {
    throw new ShapeError(op, `indices ${formatShape(index.shape)} exceed ${formatShape(x.shape)} outside dim ${dim}`)
  }
  return slice(
    x,
    x.shape.map((extent, d) => ({ start: 0, stop: d === dim ? extent : index.shape[d]!, step: 1 })),
  )
}

/** A copy of `x` with `values` (broadcast) at the row-major positions `places`. */
export function writeAt(op: string, x: Node, places: Node, values: Node, accumulate = false): Node {
  const flat = reshape(x, [sizeOf(x.shape)])
  const index = reshape(places, [sizeOf(places.shape)])
  const source = reshape(broadcastTo(values, places.shape), index.shape)
  return reshape(scatter(flat, index, source, 0, accumulate ? 'add' : 'set', op), x.shape)
}
