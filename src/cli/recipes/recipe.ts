import type { GenericSchema } from 'valibot'
import type { DataLoader } from '../../data/data-loader.ts'
import type { Dataset } from '../../data/dataset.ts'
import type { Layer } from '../../nn/module.ts'
import type { Supervised } from '../../train/evaluate.ts'
import type { Metric } from '../../train/metrics.ts'
import type { Metrics } from '../../train/running-figures.ts'
import type { Shape } from '../../core/shape.ts'
import type { CommonSettings } from './settings.ts'

/** A kind of training that the command knows by name. */
export interface Recipe<S extends CommonSettings = CommonSettings> {
  readonly name: string
  /** One line, for the help. */
  readonly description: string
  /** Its settings with their defaults, checks and descriptions. */
  readonly settings: GenericSchema<unknown, S>
  /** Loads the data and makes the model; called after the random numbers are seeded. */
  prepare(settings: S): Promise<Prepared>
  /** What a trained model makes of an input that somebody typed. */
  predict?(model: Layer, input: string, prepared: Prepared): Promise<Prediction>
}

/** Everything that a training is made of. */
export interface Prepared {
  readonly model: Layer
  /** Of one batch of one sample, for the summary. */
  readonly inputShape: Shape
  readonly train: Dataset<Supervised> | DataLoader<Supervised>
  readonly validation: Dataset<Supervised> | DataLoader<Supervised>
  /** Plays no part before the end. */
  readonly test: Dataset<Supervised> | DataLoader<Supervised>
  readonly loss: Metric
  readonly metrics: Metrics
  /** The figure that tells most, shown by name: `accuracy`. */
  readonly headline: string
  readonly classes?: readonly string[]
  /** Lines about the data. */
  readonly facts: readonly string[]
  /** Samples that cannot be loaded, by now. */
  readonly skipped?: () => ReadonlyMap<number, Error>
}

export interface Prediction {
  /** For people. */
  readonly lines: readonly string[]
  /** For scripts. */
  readonly data: Readonly<Record<string, unknown>>
}
