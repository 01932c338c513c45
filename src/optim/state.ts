import { allocate, convertValues, toStorage } from '../core/dtype.ts'
import { type Shape, sizeOf } from '../core/shape.ts'
import type { Node } from '../graph/node.ts'
import { buffer } from '../graph/ops/leaves.ts'
import { wrap } from '../tensor/base.ts'
import type { Tensor } from '../tensor/tensor.ts'

/** What an algorithm remembers about one parameter, by name: tensors, numbers, and lists of either. */
export type ParameterState = { [name: string]: StateValue | undefined }
export type StateValue = Tensor | number | readonly Tensor[] | readonly number[]

/** A leaf of `shape` (default: that of `like`) filled with `value`, to be assigned in every step. */
export function stateLike(like: Node, value = 0, shape: Shape = like.shape): Tensor {
  const { dtype } = like
  const filled = convertValues(new Float64Array(sizeOf(shape)).fill(value), dtype)
  const node = buffer(value === 0 ? allocate(dtype, filled.length) : toStorage(filled, dtype), shape, dtype)
  node.readsVariable = true
  return wrap(node)
}
