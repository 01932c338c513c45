import { ValueError } from '../core/errors.ts'
import { collate } from './collate.ts'
import type { Batch, Dataset, Sample } from './dataset.ts'
import { checkSeed, permutation } from './permutation.ts'

export interface DataLoaderOptions<S extends Sample> {
  /** Samples a batch. Default 1. */
  readonly batchSize?: number
  /** A new random order each epoch. Default false: in the dataset's own order. */
  readonly shuffle?: boolean
  /** Together with the epoch's number, decides the order. Default 0. */
  readonly seed?: number
  /** Leave out the last batch when it is smaller than the others. Default false. */
  readonly dropLast?: boolean
  /** How samples that come one by one are joined. Default: {@link collate}. */
  readonly collate?: (samples: readonly S[]) => Batch<S>
}

/**
 * Walks through a dataset in batches, as `torch.utils.data.DataLoader`. Each walk is one epoch: the order of epoch e
 * depends on `seed` and e alone, so a resumed training sets `epoch` and sees the same batches again.
 *
 *     for await (const [images, labels] of new DataLoader(train, { batchSize: 64, shuffle: true })) { ... }
 *
 * Datasets that answer at once (as {@link TensorDataset}) can be walked with a plain `for ... of`, too.
 */
export class DataLoader<S extends Sample> implements Iterable<Batch<S>>, AsyncIterable<Batch<S>> {
  readonly dataset: Dataset<S>
  readonly batchSize: number
  readonly dropLast: boolean
  /** Number of the next walk; counted up when one begins. */
  epoch = 0
  private readonly shuffle: boolean
  private readonly seed: number
  private readonly join: (samples: readonly S[]) => Batch<S>

  constructor(
    dataset: Dataset<S>,
    { batchSize = 1, shuffle = false, seed = 0, dropLast = false, collate: join = collate }: DataLoaderOptions<S> = {},
  ) {
    if (!Number.isInteger(batchSize) || batchSize < 1) {
      throw new ValueError('DataLoader', `batchSize must be a whole number ≥ 1, received ${batchSize}`)
    }
    this.dataset = dataset
    this.batchSize = batchSize
    this.shuffle = shuffle
    this.seed = checkSeed('DataLoader', seed)
    this.dropLast = dropLast
    this.join = join
  }

  /** Batches an epoch. */
  get length(): number {
    const batches = this.dataset.length / this.batchSize
    return this.dropLast ? Math.floor(batches) : Math.ceil(batches)
  }

  /** The order in which epoch `epoch` visits the samples. */
  order(epoch: number): Int32Array {
    const { length } = this.dataset
    return this.shuffle ? permutation(length, this.seed, epoch) : Int32Array.from({ length }, (_, i) => i)
  }

  *[Symbol.iterator](): Generator<Batch<S>, void, undefined> {
    for (const indices of this.batches()) {
      const batch = this.load(indices)
      if (batch instanceof Promise) {
        batch.catch(() => {})
        throw new ValueError('DataLoader', "this dataset loads asynchronously; walk it with 'for await'")
      }
      yield batch
    }
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Batch<S>, void, undefined> {
    for (const indices of this.batches()) yield await this.load(indices)
  }

  private *batches(): Generator<Int32Array, void, undefined> {
    const order = this.order(this.epoch++)
    const { batchSize, length } = this
    for (let i = 0; i < length; i++) yield order.subarray(i * batchSize, (i + 1) * batchSize)
  }

  private load(indices: Int32Array): Batch<S> | Promise<Batch<S>> {
    if (this.dataset.batch) return this.dataset.batch(indices)
    const samples = Array.from(indices, (index) => this.dataset.get(index))
    const ready = samples.filter((sample): sample is S => !(sample instanceof Promise))
    return ready.length === samples.length ? this.join(ready) : Promise.all(samples).then(this.join)
  }
}
