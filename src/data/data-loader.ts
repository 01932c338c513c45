import { StateDictError, ValueError } from '../core/errors.ts'
import { collate } from './collate.ts'
import type { Batch, Dataset, Sample } from './dataset.ts'
import { type Collate, type Job, loadBatch, type Loaded } from './load-batch.ts'
import { checkSeed } from './permutation.ts'
import type { SampleError } from './sample-error.ts'
import { randomSampler, type Sampler, sequentialSampler } from './sampler.ts'
import { type ThreadOptions, WorkerPool } from './worker-pool.ts'

export interface DataLoaderOptions<S extends Sample> {
  /** Samples a batch. Default 1. */
  readonly batchSize?: number
  /** A new random order each epoch. Default false: in the dataset's own order. */
  readonly shuffle?: boolean
  /** Which samples, in which order; in place of `shuffle`. */
  readonly sampler?: Sampler
  /** Together with the epoch's number, decides the order and what random transforms draw. Default 0. */
  readonly seed?: number
  /** Leave out the last batch when it is smaller than the others. Default false. */
  readonly dropLast?: boolean
  /** How samples that come one by one are joined. Default: the dataset's own way, or {@link collate}. Not with `workers`. */
  readonly collate?: Collate<S>
  /** What becomes of a sample that cannot be loaded: an error, or it is left out and noted in `skipped`. Default 'throw'. */
  readonly onError?: 'throw' | 'skip'
  /** Threads that load and transform. The dataset must come from `moduleDataset`. Default 0: in this thread. */
  readonly workers?: number
  /** Batches that each worker may be ahead of the reader. Default 2. */
  readonly prefetch?: number
  /** Keep the workers from one epoch to the next; `close()` ends them. Default false: each walk starts its own. */
  readonly persistentWorkers?: boolean
  /** Handed to `new Worker(...)`. */
  readonly workerOptions?: ThreadOptions
}

/** Where a walk stands; plain data that can be saved with a checkpoint. */
export interface LoaderState {
  /** The epoch, from 0. */
  readonly epoch: number
  /** Batches of it that were given out. */
  readonly batch: number
}

/**
 * Walks through a dataset in batches, as `torch.utils.data.DataLoader`. Each walk is one epoch: order and random transforms
 * depend on `seed` and the epoch's number alone, whatever the number of workers; `stateDict()` and `loadStateDict()` take a
 * training up again at the very batch where it stopped.
 *
 *     for await (const [images, labels] of new DataLoader(train, { batchSize: 64, shuffle: true })) { ... }
 *
 * Datasets that answer at once (as {@link TensorDataset}) can be walked with a plain `for ... of`, too. Leaving the loop early
 * ends what was loading ahead.
 */
export class DataLoader<S extends Sample> implements Iterable<Batch<S>>, AsyncIterable<Batch<S>> {
  readonly dataset: Dataset<S>
  readonly batchSize: number
  readonly dropLast: boolean
  readonly seed: number
  readonly workers: number
  /** Samples that could not be loaded and were left out, by index. */
  readonly skipped: Map<number, SampleError> = new Map()
  /** Number of the next walk; counted up when one begins. */
  epoch = 0
  private readonly sampler: Sampler
  private readonly load: (job: Job) => Loaded<S> | Promise<Loaded<S>>
  private readonly startPool: () => Promise<WorkerPool>
  private readonly prefetch: number
  private readonly isPersistent: boolean
  private position: LoaderState | undefined
  private from = 0
  private pool: Promise<WorkerPool> | undefined

  /** Throws a {@link ValueError} for options that make no sense together. */
  constructor(dataset: Dataset<S>, options: DataLoaderOptions<S> = {}) {
    const { batchSize = 1, shuffle = false, sampler, seed = 0, dropLast = false, workers = 0, prefetch = 2 } = options
    for (const [name, value, least] of [
      ['batchSize', batchSize, 1],
      ['workers', workers, 0],
      ['prefetch', prefetch, 1],
    ] as const) {
      if (Number.isInteger(value) && value >= least) continue
      throw new ValueError('DataLoader', `${name} must be a whole number ≥ ${least}, received ${value}`)
    }
    if (sampler && shuffle) throw new ValueError('DataLoader', 'takes shuffle or a sampler, received both')
    if (workers > 0 && !dataset.origin) {
      throw new ValueError('DataLoader', 'workers need a dataset that they can make again; get it from moduleDataset()')
    }
    if (workers > 0 && options.collate) {
      throw new ValueError(
        'DataLoader',
        "a function cannot go to the workers; export it from the dataset's module as 'collate'",
      )
    }
    this.dataset = dataset
    this.batchSize = batchSize
    this.seed = checkSeed('DataLoader', seed)
    this.dropLast = dropLast
    this.workers = workers
    this.prefetch = prefetch
    this.isPersistent = options.persistentWorkers ?? false
    this.sampler = sampler ?? (shuffle ? randomSampler(dataset.length) : sequentialSampler(dataset.length))
    const own = options.collate ?? (dataset as { collate?: Collate<S> }).collate
    const skip = options.onError === 'skip'
    this.load = (job) => loadBatch(dataset, job, own ?? collate, own === undefined, skip)
    this.startPool = () =>
      WorkerPool.start(dataset, dataset.origin!, { count: workers, skip, options: options.workerOptions ?? {} })
  }

  /** Batches an epoch. */
  get length(): number {
    const batches = this.sampler.length / this.batchSize
    return this.dropLast ? Math.floor(batches) : Math.ceil(batches)
  }

  /** The order in which epoch `epoch` visits the samples. */
  order(epoch: number): Int32Array {
    return Int32Array.from(this.sampler.indices(this.seed, epoch))
  }

  /** The batch that comes next, in a walk or before one. */
  stateDict(): LoaderState {
    return this.position ?? { epoch: this.epoch, batch: this.from }
  }

  /** Lets the next walk begin where {@link stateDict} was called. */
  loadStateDict({ epoch, batch }: LoaderState): void {
    if (!Number.isInteger(epoch) || epoch < 0 || !Number.isInteger(batch) || batch < 0 || batch > this.length) {
      throw new StateDictError(
        'DataLoader',
        `epoch ${epoch}, batch ${batch} is no place in epochs of ${this.length} batches`,
      )
    }
    this.position = undefined
    this.epoch = epoch
    this.from = batch
  }

  *[Symbol.iterator](): Generator<Batch<S>, void, undefined> {
    if (this.workers > 0) throw new ValueError('DataLoader', "workers load asynchronously; walk it with 'for await'")
    for (const job of this.jobs()) {
      const loaded = this.load(job)
      if (loaded instanceof Promise) {
        loaded.catch(() => {})
        throw new ValueError('DataLoader', "this dataset loads asynchronously; walk it with 'for await'")
      }
      yield* this.give(job, loaded)
    }
    this.position = undefined
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Batch<S>, void, undefined> {
    const walk = this.workers > 0 ? this.loadByWorkers() : this.loadHere()
    for await (const [job, loaded] of walk) yield* this.give(job, loaded)
    this.position = undefined
  }

  /** Ends the workers that were kept. */
  async close(): Promise<void> {
    const pool = await this.pool
    this.pool = undefined
    await pool?.close()
  }

  private *give({ number, visit }: Job, { batch, failed }: Loaded<S>): Generator<Batch<S>, void, undefined> {
    for (const error of failed) this.skipped.set(error.index, error)
    this.position = { epoch: visit.epoch, batch: number + 1 }
    if (batch) yield batch
  }

  private async *loadHere(): AsyncGenerator<[Job, Loaded<S>], void, undefined> {
    for (const job of this.jobs()) yield [job, await this.load(job)]
  }

  private async *loadByWorkers(): AsyncGenerator<[Job, Loaded<S>], void, undefined> {
    this.pool ??= this.startPool()
    const pool = await this.pool
    const ahead: [Job, Promise<Loaded<Sample>>][] = []
    try {
      for (const job of this.jobs()) {
        const loaded = pool.load(job)
        loaded.catch(() => {})
        ahead.push([job, loaded])
        if (ahead.length > this.workers * this.prefetch) yield await first(ahead)
      }
      while (ahead.length > 0) yield await first(ahead)
    } finally {
      if (!this.isPersistent) await this.close()
    }
  }

  private *jobs(): Generator<Job, void, undefined> {
    const [epoch, from] = [this.epoch++, this.from]
    this.from = 0
    const order = this.order(epoch)
    const { batchSize, length, seed } = this
    this.position = { epoch, batch: from }
    for (let number = from; number < length; number++) {
      const indices = order.subarray(number * batchSize, (number + 1) * batchSize)
      yield { number, indices, visit: { seed, epoch } }
    }
  }
}

async function first<S extends Sample>(ahead: [Job, Promise<Loaded<Sample>>][]): Promise<[Job, Loaded<S>]> {
  const [job, loaded] = ahead.shift()!
  return [job, (await loaded) as unknown as Loaded<S>]
}
