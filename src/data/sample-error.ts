import { GradusError } from '../core/errors.ts'
import { type Dataset, sampleName } from './dataset.ts'

/** A sample that could not be loaded. `cause` is what the dataset threw. */
export class SampleError extends GradusError {
  /** The sample's index in the dataset that was given to the loader. */
  readonly index: number
  /** The sample's index and, where the dataset has one, its name. */
  readonly sample: string

  constructor(index: number, sample: string, reason: string, options?: ErrorOptions) {
    super('DataLoader', `${sample}: ${reason}`, options)
    this.index = index
    this.sample = sample
  }
}

/** `error` with the sample's name. */
export function sampleError(dataset: Dataset<unknown>, index: number, error: unknown): SampleError {
  if (error instanceof SampleError) return error
  const reason = error instanceof Error ? error.message : String(error)
  return new SampleError(index, sampleName(dataset, index), reason, { cause: error })
}
