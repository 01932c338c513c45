import { ShapeError, ValueError } from '../../core/errors.ts'
import { formatShape } from '../../core/shape.ts'
import type { Node } from '../../graph/node.ts'
import { reshape } from '../../graph/ops/views.ts'
import { wrap } from '../../tensor/base.ts'
import type { Tensor } from '../../tensor/tensor.ts'

/** One number for every spatial dimension, or one each. */
export type Size = number | readonly number[]

/** `value` as one whole number ≥ `minimum` for each of `rank` spatial dimensions. */
export function sizes(op: string, name: string, value: Size, rank: number, minimum: number): readonly number[] {
  const list = typeof value === 'number' ? new Array<number>(rank).fill(value) : value
  if (list.length !== rank) {
    throw new ValueError(op, `${name} takes one number or ${rank}, received ${formatShape(list)}`)
  }
  if (list.some((n) => !Number.isInteger(n) || n < minimum)) {
    throw new ValueError(op, `${name} must be whole and ≥ ${minimum}, received ${formatShape(list)}`)
  }
  return list
}

const layouts = ['', '[N, C, L]', '[N, C, H, W]', '[N, C, D, H, W]']

/** x with a batch dimension, which one of `rank` + 1 dimensions lacks. */
function withBatch(op: string, x: Tensor, rank: number): Node {
  if (x.rank === rank + 2) return x.node
  if (x.rank === rank + 1) return reshape(x.node, [1, ...x.shape])
  throw new ShapeError(op, `expects an input ${layouts[rank]} (or one without N), received ${formatShape(x.shape)}`)
}

/** The results of `fn`, which sees a batch dimension that is taken away again where x has none. */
export function batched(op: string, x: Tensor, rank: number, fn: (x: Node) => readonly Node[]): Tensor[] {
  const results = fn(withBatch(op, x, rank))
  return results.map((y) => wrap(x.rank === rank + 2 ? y : reshape(y, y.shape.slice(1))))
}

/** {@link batched} with one result. */
export function batchedOne(op: string, x: Tensor, rank: number, fn: (x: Node) => Node): Tensor {
  const y = fn(withBatch(op, x, rank))
  return wrap(x.rank === rank + 2 ? y : reshape(y, y.shape.slice(1)))
}
