import type { Batch, Dataset, Sample, Visit } from './dataset.ts'
import { Random } from './random.ts'
import { type SampleError, sampleError } from './sample-error.ts'

/** How samples become a batch; `random` depends on the loader's seed, the epoch and the batch's number alone. */
export type Collate<S extends Sample> = (samples: readonly S[], random: Random) => Batch<S>

/** What is to be loaded: one batch of one visit. */
export interface Job {
  /** Number of the batch in its epoch, from 0. */
  readonly number: number
  readonly indices: ArrayLike<number>
  readonly visit: Visit
}

/** A batch and the samples that are missing in it; no batch where none is left. */
export interface Loaded<S extends Sample> {
  readonly batch: Batch<S> | undefined
  readonly failed: readonly SampleError[]
}

/** Keeps what collate functions draw apart from what transforms of samples draw. */
const batchLayer = 0x62617463

/**
 * Loads and joins the samples of a batch: at once where the dataset answers at once. A sample that cannot be loaded is an
 * error, or with `skip` is left out and told of.
 */
export function loadBatch<S extends Sample>(
  dataset: Dataset<S>,
  job: Job,
  join: Collate<S>,
  isJoinedByDataset: boolean,
  skip: boolean,
): Loaded<S> | Promise<Loaded<S>> {
  const { indices, visit, number } = job
  if (dataset.batch && isJoinedByDataset && !skip) {
    const whole = dataset.batch(indices, visit)
    return isPromise(whole) ? whole.then((batch) => ({ batch, failed: [] })) : { batch: whole, failed: [] }
  }
  const finish = (results: readonly (S | SampleError)[]): Loaded<S> => {
    const failed = results.filter((result): result is SampleError => result instanceof Error)
    if (failed[0] && !skip) throw failed[0]
    const samples = results.filter((result): result is S => !(result instanceof Error))
    if (samples.length === 0) return { batch: undefined, failed }
    const random = new Random(visit.seed, { epoch: visit.epoch, index: number, layer: batchLayer })
    return { batch: join(samples, random), failed }
  }
  const results = Array.from(indices, (index) => load(dataset, index, visit))
  return results.some(isPromise) ? Promise.all(results).then(finish) : finish(results as (S | SampleError)[])
}

function load<S>(dataset: Dataset<S>, index: number, visit: Visit): S | SampleError | Promise<S | SampleError> {
  try {
    const sample = dataset.get(index, visit)
    if (!isPromise(sample)) return sample
    return sample.catch((error: unknown) => sampleError(dataset, index, error))
  } catch (error) {
    return sampleError(dataset, index, error)
  }
}

function isPromise<T>(value: T | Promise<T>): value is Promise<T> {
  return value instanceof Promise
}
