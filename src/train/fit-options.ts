import { ValueError } from '../core/errors.ts'
import type { DataLoader } from '../data/data-loader.ts'
import type { Dataset } from '../data/dataset.ts'
import type { Layer } from '../nn/module.ts'
import type { Tensor } from '../tensor/tensor.ts'
import type { Supervised } from './evaluate.ts'
import type { Metric } from './metrics.ts'
import type { Figures, Metrics } from './running-figures.ts'

/** What `fit` needs of an optimizer: every one of `gradus/optim` has it. */
export interface Stepper {
  readonly paramGroups: readonly { readonly lr: number; readonly params?: readonly Tensor[] }[]
  zeroGrad(): void
  step(): unknown
}

/** What `fit` needs of a learning-rate schedule: every one of `gradus/optim` has it. */
export interface Schedule {
  step(metric?: number): void
}

/** Batches of inputs and targets from anywhere; walked once an epoch. Its `epoch` is set before each walk, where it has one. */
export interface Batches extends AsyncIterable<readonly [input: Tensor, target: Tensor]> {
  epoch?: number
  /** Batches an epoch, where it is known. */
  readonly length?: number
}

/** When and where a training saves all that it needs to go on. */
export interface CheckpointOptions {
  /** Made where it is absent. */
  readonly folder: string
  /** Steps between two checkpoints. Default: one after each epoch. */
  readonly every?: number
  /** How many of the newest stay. Default 3. */
  readonly keep?: number
  /** Go on from the newest checkpoint that is whole, where there is one. Default false. */
  readonly resume?: boolean
}

/** Something that watches a training. Each method may return a promise, which is waited for. */
export interface Callback {
  onTrainBegin?(training: TrainingView): void | Promise<void>
  /** After each reading of the loss. */
  onStep?(progress: StepProgress): void | Promise<void>
  onValidation?(check: ValidationRecord): void | Promise<void>
  onEpoch?(record: EpochRecord): void | Promise<void>
  onTrainEnd?(history: History): void | Promise<void>
}

/** What a callback sees of the training. */
export interface TrainingView {
  readonly model: Layer
  readonly optimizer: Stepper
  /** Records of earlier epochs, when a training is taken up again. */
  readonly epochs: readonly EpochRecord[]
}

export interface FitOptions {
  /**
   * A dataset, walked in a new random order each epoch; a loader of one's own (then `batchSize` and `seed` are its); or any
   * asynchronous iterable of `[input, target]` batches.
   */
  readonly train: Dataset<Supervised> | DataLoader<Supervised> | Batches
  /** Measured after each epoch, or every `validateEvery` steps. */
  readonly validation?: Dataset<Supervised> | DataLoader<Supervised> | Batches
  readonly optimizer: Stepper
  /** From output and target to a scalar, such as `F.crossEntropy`. */
  readonly loss: Metric
  /** Further figures by name, such as `{ accuracy }`. Default none. */
  readonly metrics?: Metrics
  /** Further figures of the validation alone, which come before `metrics` of the same name. Default none. */
  readonly validationMetrics?: Metrics
  readonly schedule?: Schedule
  /** When the schedule moves on. Default 'epoch'; it is then given the validation loss, or else that of the training. */
  readonly scheduleEvery?: 'epoch' | 'step'
  /** Default: until what is monitored has not improved for `patience` checks. */
  readonly epochs?: number
  /** Samples a batch. Default 32. */
  readonly batchSize?: number
  /** Decides the order of the samples, together with the epoch. Default 0. */
  readonly seed?: number
  /** Batches whose gradients are added up for one step; each sample counts the same, whatever its batch's size. Default 1. */
  readonly accumulate?: number
  /** Largest joint norm of all gradients (Pascanu et al. 2013). Default: none. */
  readonly clipNorm?: number
  /** Largest absolute value of each element of the gradients. Default: none. */
  readonly clipValue?: number
  /** Decay of an exponential moving average of the weights. It is what is validated, and what the model has in the end. */
  readonly ema?: number
  /** Mean of the weights after each epoch from this one on (stochastic weight averaging), which the model has in the end. */
  readonly swaFrom?: number
  /** Steps between two validations. Default: one after each epoch. */
  readonly validateEvery?: number
  /** Which figure of the validation decides what is best: 'loss', or one of its metrics. Default 'loss'. */
  readonly monitor?: string
  /** Whether the lowest or the highest figure is the best. Default 'min' for the loss; a metric has none. */
  readonly mode?: 'min' | 'max'
  /** Stops after so many validations in a row without a better figure. Default: never, or 5 where `epochs` is not given. */
  readonly patience?: number
  /** By how much a figure must be better to count as better. Default 0. */
  readonly minDelta?: number
  /** Whether the model has the weights of the best validation in the end. Default: where `epochs` is not given. */
  readonly restoreBest?: boolean
  /** Saves all that is needed to go on, bit for bit, after a crash. Default: never. */
  readonly checkpoint?: CheckpointOptions
  readonly callbacks?: readonly Callback[]
  /** Stops after the current step when aborted; what has been learned so far is kept, and saved where there are checkpoints. */
  readonly signal?: AbortSignal
  /** Steps between two readings of the loss, each of which waits for the computation. Default 10. */
  readonly readEvery?: number
  /** Called after each reading. A promise is waited for. */
  readonly onStep?: (progress: StepProgress) => void | Promise<void>
  /** Called after each epoch and after one that was cut short. A promise is waited for. */
  readonly onEpoch?: (record: EpochRecord) => void | Promise<void>
}

/** How far the training has come. */
export interface StepProgress {
  /** Epoch now, from 1. */
  readonly epoch: number
  /** Steps done in this epoch. */
  readonly step: number
  /** ∞ where the loader does not say. */
  readonly stepsPerEpoch: number
  /** Steps done in all epochs. */
  readonly totalSteps: number
  /** Means of `loss` and metrics since the last reading. */
  readonly recent: Figures
  /** Learning rate of the first parameter group. */
  readonly lr: number
}

/** What a validation came to. */
export interface ValidationRecord {
  /** From 1. */
  readonly epoch: number
  /** Steps done in all epochs. */
  readonly totalSteps: number
  readonly figures: Figures
  /** Whether what is monitored was better than in all earlier ones. */
  readonly isBest: boolean
}

/** What one epoch came to. */
export interface EpochRecord {
  /** From 1. */
  readonly epoch: number
  /** Steps done; fewer than there are when the epoch was cut short. */
  readonly steps: number
  /** Means of `loss` and metrics while training, over this epoch's samples. */
  readonly train: Figures
  /** The same on the validation set, the last time it was measured in this epoch; not in an epoch that was cut short. */
  readonly validation?: Figures
  /** Learning rate of the first parameter group in the last step. */
  readonly lr: number
  /** Wall-clock time, validation included. */
  readonly seconds: number
}

export interface History {
  readonly epochs: readonly EpochRecord[]
  /** Why training ended: all epochs done, the signal was aborted, `patience` ran out, or so without a number of epochs. */
  readonly ended: 'complete' | 'aborted' | 'patience' | 'converged'
}

const defaultPatience = 5

/** The options with their defaults. Throws a {@link ValueError} for what makes no sense. */
export function checkFitOptions(options: FitOptions): FitOptions {
  const { epochs, patience, readEvery, accumulate, validateEvery, checkpoint, swaFrom, monitor } = options
  const counts = {
    epochs,
    patience,
    readEvery,
    accumulate,
    validateEvery,
    swaFrom,
    'checkpoint.every': checkpoint?.every,
  }
  for (const [name, value] of Object.entries(counts)) {
    const least = name === 'epochs' ? 0 : 1
    if (value !== undefined && (!Number.isInteger(value) || value < least)) {
      throw new ValueError('fit', `${name} must be a whole number ≥ ${least}, received ${value}`)
    }
  }
  if (options.train.length === 0) throw new ValueError('fit', 'the training set is empty')
  checkMonitor(options)
  const needsValidation = Object.entries({
    ...{ monitor, patience, validateEvery, validationMetrics: options.validationMetrics },
    restoreBest: options.restoreBest || undefined,
  })
  for (const [name, value] of needsValidation) {
    if (value !== undefined && !options.validation) throw new ValueError('fit', `${name} needs a validation set`)
  }
  if (epochs === undefined && !options.validation) {
    throw new ValueError('fit', 'training until it converges needs a validation set; give one, or a number of epochs')
  }
  if (options.ema !== undefined && swaFrom !== undefined) {
    throw new ValueError('fit', 'takes ema or swaFrom, received both')
  }
  if (epochs !== undefined) return options
  return { ...options, patience: patience ?? defaultPatience, restoreBest: options.restoreBest ?? true }
}

function checkMonitor({ monitor = 'loss', mode, metrics, validationMetrics }: FitOptions): void {
  const measured = { ...metrics, ...validationMetrics }
  if (monitor !== 'loss' && !Object.hasOwn(measured, monitor)) {
    const known = ['loss', ...Object.keys(measured)].map((name) => `'${name}'`).join(' or ')
    throw new ValueError('fit', `monitor expects ${known}, received '${monitor}'; metrics name what is measured`)
  }
  const isMode = mode === 'min' || mode === 'max'
  if (isMode || (mode === undefined && monitor === 'loss')) return
  const received = mode === undefined ? 'none' : `'${mode}'`
  throw new ValueError('fit', `mode must be 'min' or 'max' where '${monitor}' is monitored, received ${received}`)
}
