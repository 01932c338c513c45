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

/** Calls `fn` with an input that has a batch dimension, which is added to and taken from one that has none. */
export function batched(op: string, x: Tensor, rank: number, fn: (x: Node) => readonly Node[]): Tensor[] {
  if (x.rank === rank + 2) return fn(x.node).map(wrap)
  if (x.rank === rank + 1) return fn(reshape(x.node, [1, ...x.shape])).map((y) => wrap(reshape(y, y.shape.slice(1))))
  throw new ShapeError(op, `expects an input ${layouts[rank]} (or one without N), received ${formatShape(x.shape)}`)
}

/** {@link batched} with one result. */
export function batchedOne(op: string, x: Tensor, rank: number, fn: (x: Node) => Node): Tensor {
  return batched(op, x, rank, (node) => [fn(node)])[0]!
}
