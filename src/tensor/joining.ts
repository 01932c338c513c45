import { ShapeError, ValueError } from '../core/errors.ts'
import { broadcastShapes, formatShape, normalizeDim, sameShape } from '../core/shape.ts'
import type { Node } from '../graph/node.ts'
import { where as choose } from '../graph/ops/logic.ts'
import { concat as join, reshape } from '../graph/ops/views.ts'
import { promote, type TensorLike, wrap } from './base.ts'
import type { Tensor } from './tensor.ts'

function nonEmpty(op: string, tensors: readonly Tensor[]): void {
  if (tensors.length === 0) throw new ValueError(op, 'expects at least one tensor')
}

/** Joins along `dim`; all other sizes are equal. Dtypes are promoted. Empty vectors are left out, as in PyTorch. */
export function concat(tensors: readonly Tensor[], dim = 0): Tensor {
  nonEmpty('concat', tensors)
  const nodes = promote(...tensors)
  if (nodes.some((x) => x.shape.length === 0)) {
    throw new ShapeError('concat', 'scalars have no dimension to be joined along; use stack()')
  }
  const parts = nodes.filter((x) => !sameShape(x.shape, [0]))
  const first = parts[0]
  if (!first) return wrap(nodes[0]!)
  return wrap(join(parts, normalizeDim('concat', dim, first.shape.length)))
}

/** Joins tensors of equal shape along a new dimension `dim`. */
export function stack(tensors: readonly Tensor[], dim = 0): Tensor {
  nonEmpty('stack', tensors)
  const first = tensors[0]!
  for (const x of tensors) {
    if (!sameShape(x.shape, first.shape)) {
      throw new ShapeError(
        'stack',
        `expects equal shapes, received ${formatShape(first.shape)} and ${formatShape(x.shape)}`,
      )
    }
  }
  const d = normalizeDim('stack', dim, first.rank + 1)
  const nodes = promote(...tensors)
  return wrap(
    join(
      nodes.map((x) => reshape(x, x.shape.toSpliced(d, 0, 1))),
      d,
    ),
  )
}

/** Side by side: along dimension 1, or 0 of vectors; scalars count as vectors. */
export function hstack(tensors: readonly Tensor[]): Tensor {
  nonEmpty('hstack', tensors)
  const parts = tensors.map(atLeast1d)
  return concat(parts, parts[0]!.rank === 1 ? 0 : 1)
}

/** One below the other: along dimension 0; vectors count as rows. */
export function vstack(tensors: readonly Tensor[]): Tensor {
  return concat(tensors.map(atLeast2d), 0)
}

/** One behind the other: along dimension 2, which is added where it is missing. */
export function dstack(tensors: readonly Tensor[]): Tensor {
  return concat(tensors.map(atLeast3d), 2)
}

/** Vectors as columns, and matrices, side by side. */
export function columnStack(tensors: readonly Tensor[]): Tensor {
  return concat(
    tensors.map((x) => (x.rank < 2 ? x.reshape(x.size, 1) : x)),
    1,
  )
}

/** A scalar as [1]. */
export function atLeast1d(x: Tensor): Tensor {
  return x.rank === 0 ? x.reshape(1) : x
}

/** A vector [N] as a row [1, N], a scalar as [1, 1]. */
export function atLeast2d(x: Tensor): Tensor {
  return x.rank >= 2 ? x : x.reshape(1, x.size)
}

/** A matrix [M, N] as [M, N, 1], a vector [N] as [1, N, 1], a scalar as [1, 1, 1]. */
export function atLeast3d(x: Tensor): Tensor {
  if (x.rank >= 3) return x
  return x.rank === 2 ? x.unsqueeze(2) : x.reshape(1, x.size, 1)
}

/** All tensors repeated to their common shape. */
export function broadcastTensors(...tensors: Tensor[]): Tensor[] {
  const shape = broadcastShapes('broadcastTensors', ...tensors.map((x) => x.shape))
  return tensors.map((x) => x.broadcastTo(shape))
}

/** The coordinates of a grid: from vectors of sizes N₁ ... Nₖ, k tensors [N₁ ... Nₖ] ('ij'), or with the first two swapped ('xy'). */
export function meshgrid(
  vectors: readonly Tensor[],
  { indexing = 'ij' }: { readonly indexing?: 'ij' | 'xy' } = {},
): Tensor[] {
  for (const x of vectors) {
    if (x.rank > 1) throw new ShapeError('meshgrid', `expects vectors, received ${formatShape(x.shape)}`)
  }
  const swap = indexing === 'xy' && vectors.length > 1
  const order = swap ? [vectors[1]!, vectors[0]!, ...vectors.slice(2)] : vectors
  const shape = order.map((x) => x.size)
  const grids = order.map((x, d) => x.reshape(shape.map((n, i) => (i === d ? n : 1))).broadcastTo(shape))
  return swap ? [grids[1]!, grids[0]!, ...grids.slice(2)] : grids
}

/** `condition ? a : b`, element by element; all three broadcast, a and b are promoted. */
export function where(condition: Tensor, a: TensorLike, b: TensorLike): Tensor {
  const [x, y] = promote(a, b) as [Node, Node]
  return wrap(choose(condition.node, x, y))
}

/** The matrix with `tensors` (scalars, vectors as rows, matrices) along its diagonal and zeros elsewhere. */
export function blockDiag(...tensors: Tensor[]): Tensor {
  nonEmpty('blockDiag', tensors)
  const blocks = tensors.map(atLeast2d)
  const width = blocks.reduce((sum, x) => sum + x.shape[1]!, 0)
  let before = 0
  const rows = blocks.map((x) => {
    const [left, own] = [before, x.shape[1]!]
    before += own
    return x.pad([left, width - left - own])
  })
  return concat(rows, 0)
}

/** All combinations of one element from each vector, as rows. A single vector is returned as it is. */
export function cartesianProd(...vectors: Tensor[]): Tensor {
  nonEmpty('cartesianProd', vectors)
  if (vectors.length === 1) return vectors[0]!
  return stack(
    meshgrid(vectors).map((grid) => grid.flatten()),
    1,
  )
}
