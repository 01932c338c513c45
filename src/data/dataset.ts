import { IndexError } from '../core/errors.ts'
import type { Tensor } from '../tensor/tensor.ts'

/** What can be joined to a batch: tensors and plain numbers in a fixed order, such as `[image, label]`. */
export type Sample = readonly (Tensor | number)[]

/** Several samples joined: each part becomes one tensor with a new first dimension, [batch, ...]. */
export type Batch<S> = { [Part in keyof S]: Tensor }

/** Which visit of the samples this is. What a random transform draws depends on it and on the sample's index, on nothing else. */
export interface Visit {
  readonly seed: number
  /** From 0. */
  readonly epoch: number
  /** How many random transforms stand between the dataset asked and the loader; keeps their draws apart. Default 0. */
  readonly layer?: number
}

/** How a worker thread makes a dataset again: by calling the function `dataset(options)` of a module. */
export interface Origin {
  /** URL of the module. */
  readonly module: string
  /** Plain data, handed to the function. */
  readonly options: unknown
  /** Index of a sample there, by its index here. Default: the same. */
  readonly indexOf?: (index: number) => number
}

/**
 * A collection of samples that can be asked for in any order. Whatever a sample is (a path, a row, a text), one that a
 * loader is to batch is a {@link Sample}.
 *
 * `get` is called with whole numbers from 0 to `length` − 1 and must give equal results for equal indices and visits. A
 * dataset that can fetch many samples at once, faster than one by one, has `batch` too: it must give what joining the
 * results of `get` would give.
 */
export interface Dataset<S = Sample> {
  readonly length: number
  get(index: number, visit?: Visit): S | Promise<S>
  batch?(indices: ArrayLike<number>, visit?: Visit): Batch<S> | Promise<Batch<S>>
  /** What to call a sample in errors: its file, its line. */
  nameOf?(index: number): string
  /** Present where worker threads can make the dataset again; see `moduleDataset`. */
  readonly origin?: Origin
}

/** Checks that `index` names a sample. */
export function checkIndex(op: string, index: number, length: number): number {
  if (Number.isInteger(index) && index >= 0 && index < length) return index
  throw new IndexError(op, `index ${index} is out of range for a dataset of ${length} samples`)
}

/** `sample 17`, with the name that the dataset has for it. */
export function sampleName(dataset: Dataset<unknown>, index: number): string {
  const name = dataset.nameOf?.(index)
  return name === undefined ? `sample ${index}` : `sample ${index} (${name})`
}
