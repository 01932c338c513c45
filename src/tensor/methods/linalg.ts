import { ShapeError } from '../../core/errors.ts'
import { broadcastShapes, formatShape } from '../../core/shape.ts'
import { matmul } from '../../graph/ops/contract.ts'
import { broadcastTo, reshape } from '../../graph/ops/views.ts'
import { promote, wrap } from '../base.ts'
import type { Tensor } from '../tensor.ts'
import { Indexing } from './indexing.ts'

/** Products of vectors and matrices. */
export abstract class LinearAlgebra extends Indexing {
  /** Matrix product as `torch.matmul`: vectors count as rows or columns, leading dimensions broadcast. */
  matmul(other: Tensor): Tensor {
    const [a, b] = promote(this.self, other) as [Tensor['node'], Tensor['node']]
    if (a.shape.length === 0 || b.shape.length === 0) {
      throw new ShapeError(
        'matmul',
        `expects at least one dimension each, received ${formatShape(a.shape)} · ${formatShape(b.shape)}`,
      )
    }
    const x = a.shape.length === 1 ? reshape(a, [1, a.shape[0]!]) : a
    const y = b.shape.length === 1 ? reshape(b, [b.shape[0]!, 1]) : b
    const inner = [x.shape.at(-1)!, y.shape.at(-2)!]
    if (inner[0] !== inner[1]) {
      throw new ShapeError(
        'matmul',
        `inner dimensions differ: ${formatShape(a.shape)} · ${formatShape(b.shape)}: ${inner[0]} ≠ ${inner[1]}`,
      )
    }
    const batch = broadcastShapes('matmul', x.shape.slice(0, -2), y.shape.slice(0, -2))
    const product = matmul(
      broadcastTo(x, [...batch, ...x.shape.slice(-2)]),
      broadcastTo(y, [...batch, ...y.shape.slice(-2)]),
    )
    const rows = a.shape.length === 1 ? [] : [x.shape.at(-2)!]
    const columns = b.shape.length === 1 ? [] : [y.shape.at(-1)!]
    return wrap(reshape(product, [...batch, ...rows, ...columns]))
  }
}
