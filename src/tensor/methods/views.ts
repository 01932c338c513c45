import { inferShape, normalizeDim, type Shape } from '../../core/shape.ts'
import { broadcastTo, permute, reshape } from '../../graph/ops/views.ts'
import { wrap } from '../base.ts'
import type { Tensor } from '../tensor.ts'
import { Reductions } from './reductions.ts'

/** Other shapes of the same elements. */
export abstract class Views extends Reductions {
  /** The same elements in row-major order; one size may be −1 and is worked out. */
  reshape(...shape: number[] | [Shape]): Tensor {
    const wanted = typeof shape[0] === 'object' ? shape[0] : (shape as number[])
    return wrap(reshape(this.node, inferShape('reshape', this.shape, wanted)))
  }

  /** Dimension i of the result is dimension `dims[i]` of this tensor. */
  permute(...dims: number[] | [readonly number[]]): Tensor {
    const order = typeof dims[0] === 'object' ? dims[0] : (dims as number[])
    return wrap(
      permute(
        this.node,
        order.map((d) => normalizeDim('permute', d, this.rank)),
      ),
    )
  }

  /** Exchanges two dimensions. */
  transpose(dim0: number, dim1: number): Tensor {
    const a = normalizeDim('transpose', dim0, this.rank)
    const b = normalizeDim('transpose', dim1, this.rank)
    const order = [...this.shape.keys()].map((d) => (d === a ? b : d === b ? a : d))
    return wrap(permute(this.node, order))
  }

  /** Repeats along dimensions of size 1 without copying; −1 keeps a size. */
  expand(...shape: number[] | [Shape]): Tensor {
    const wanted = typeof shape[0] === 'object' ? shape[0] : (shape as number[])
    const lead = wanted.length - this.rank
    return wrap(
      broadcastTo(
        this.node,
        wanted.map((n, d) => (n === -1 ? (this.shape[d - lead] ?? -1) : n)),
      ),
    )
  }
}
