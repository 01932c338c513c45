import { ValueError } from '../core/errors.ts'
import { type Batch, checkIndex, type Dataset, type Sample } from './dataset.ts'
import { checkSeed, permutation } from './permutation.ts'

/** Some samples of another dataset, in the order of `indices`, as `torch.utils.data.Subset`. */
export class Subset<S extends Sample> implements Dataset<S> {
  readonly dataset: Dataset<S>
  readonly indices: Int32Array
  /** Present where the dataset has it. */
  readonly batch?: (indices: ArrayLike<number>) => Batch<S> | Promise<Batch<S>>

  /** Throws an `IndexError` when an index names no sample of `dataset`. */
  constructor(dataset: Dataset<S>, indices: ArrayLike<number>) {
    for (const index of Array.from(indices)) checkIndex('Subset', index, dataset.length)
    this.dataset = dataset
    this.indices = Int32Array.from(indices)
    const whole = dataset.batch?.bind(dataset)
    if (whole) this.batch = (chosen) => whole(Int32Array.from(chosen, (i) => this.at('Subset.batch', i)))
  }

  get length(): number {
    return this.indices.length
  }

  get(index: number): S | Promise<S> {
    return this.dataset.get(this.at('Subset.get', index))
  }

  private at(op: string, index: number): number {
    return this.indices[checkIndex(op, index, this.length)]!
  }
}

/**
 * Cuts a dataset at random into parts of the given lengths, which must add up to its own, as
 * `torch.utils.data.random_split`. The same seed (default 0) gives the same parts.
 */
export function randomSplit<S extends Sample>(
  dataset: Dataset<S>,
  lengths: readonly number[],
  { seed = 0 }: { readonly seed?: number } = {},
): Subset<S>[] {
  const total = lengths.reduce((sum, length) => sum + length, 0)
  if (total !== dataset.length || lengths.some((length) => !Number.isInteger(length) || length < 0)) {
    throw new ValueError(
      'randomSplit',
      `lengths must be whole numbers ≥ 0 that add up to the dataset's ${dataset.length}, received ${lengths.join(' + ')}`,
    )
  }
  const order = permutation(dataset.length, checkSeed('randomSplit', seed))
  let from = 0
  return lengths.map((length) => {
    const to = from + length
    const part = new Subset(dataset, order.subarray(from, to))
    from = to
    return part
  })
}
