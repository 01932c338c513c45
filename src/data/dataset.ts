import { IndexError } from '../core/errors.ts'
import type { Tensor } from '../tensor/tensor.ts'

/** What a dataset holds under one index: tensors and plain numbers in a fixed order, such as `[image, label]`. */
export type Sample = readonly (Tensor | number)[]

/** Several samples joined: each part becomes one tensor with a new first dimension, [batch, ...]. */
export type Batch<S extends Sample> = { [Part in keyof S]: Tensor }

/**
 * A collection of samples that can be asked for in any order.
 *
 * `get` is called with whole numbers from 0 to `length` − 1 and must give equal results for equal indices. A dataset
 * that can fetch many samples at once, faster than one by one, has `batch` too: it must give what joining the results
 * of `get` would give.
 */
export interface Dataset<S extends Sample = Sample> {
  readonly length: number
  get(index: number): S | Promise<S>
  batch?(indices: ArrayLike<number>): Batch<S> | Promise<Batch<S>>
}

/** Checks that `index` names a sample. */
export function checkIndex(op: string, index: number, length: number): number {
  if (Number.isInteger(index) && index >= 0 && index < length) return index
  throw new IndexError(op, `index ${index} is out of range for a dataset of ${length} samples`)
}
