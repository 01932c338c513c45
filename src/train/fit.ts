import { ValueError } from '../core/errors.ts'
import { DataLoader } from '../data/data-loader.ts'
import type { Dataset } from '../data/dataset.ts'
import type { Layer } from '../nn/module.ts'
import type { Tensor } from '../tensor/tensor.ts'
import { breathe, evaluate, figuresOf, type Supervised } from './evaluate.ts'
import type { Metric } from './metrics.ts'
import { type Figures, RunningMean } from './running-mean.ts'

/** What `fit` needs of an optimizer: every one of `gradus/optim` has it. */
export interface Stepper {
  readonly paramGroups: readonly { readonly lr: number }[]
  zeroGrad(): void
  step(): unknown
}

/** What `fit` needs of a learning-rate schedule: every one of `gradus/optim` has it. */
export interface Schedule {
  step(metric?: number): void
}

export interface FitOptions {
  /** A dataset, walked in a new random order each epoch, or a loader of one's own (then `batchSize` and `seed` are its). */
  readonly train: Dataset<Supervised> | DataLoader<Supervised>
  /** Measured after each epoch. */
  readonly validation?: Dataset<Supervised>
  readonly optimizer: Stepper
  /** From output and target to a scalar, such as `F.crossEntropy`. */
  readonly loss: Metric
  /** Further figures by name, such as `{ accuracy }`. Default none. */
  readonly metrics?: Readonly<Record<string, Metric>>
  readonly schedule?: Schedule
  /** When the schedule moves on. Default 'epoch'; it is then given the validation loss, or else that of the training. */
  readonly scheduleEvery?: 'epoch' | 'step'
  readonly epochs: number
  /** Samples a step. Default 32. */
  readonly batchSize?: number
  /** Decides the order of the samples, together with the epoch. Default 0. */
  readonly seed?: number
  /** Stops after so many epochs in a row without a better validation loss. Default: never. */
  readonly patience?: number
  /** Stops after the current step when aborted; what has been learned so far is kept. */
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
  readonly stepsPerEpoch: number
  /** Steps done in all epochs. */
  readonly totalSteps: number
  /** Means of `loss` and metrics since the last reading. */
  readonly recent: Figures
  /** Learning rate of the first parameter group. */
  readonly lr: number
}

/** What one epoch came to. */
export interface EpochRecord {
  /** From 1. */
  readonly epoch: number
  /** Steps done; fewer than there are when the epoch was cut short. */
  readonly steps: number
  /** Means of `loss` and metrics while training, over this epoch's samples. */
  readonly train: Figures
  /** The same after the epoch on the validation set, where there is one; not after an epoch that was cut short. */
  readonly validation?: Figures
  /** Learning rate of the first parameter group in the last step. */
  readonly lr: number
  /** Wall-clock time, validation included. */
  readonly seconds: number
}

export interface History {
  readonly epochs: readonly EpochRecord[]
  /** Why training ended: all epochs done, the signal was aborted, or `patience` ran out. */
  readonly ended: 'complete' | 'aborted' | 'patience'
}

/**
 * Trains a model: for each batch a forward pass, `loss.backward()`, and a step of the optimizer.
 *
 * The same model, data and seed give the same bits. The model is in training mode while it learns and afterwards, as it would
 * be after a loop written by hand.
 */
export async function fit(model: Layer, options: FitOptions): Promise<History> {
  const { optimizer, schedule, validation, signal, patience, epochs, metrics = {}, loss } = check(options)
  const loader = loaderOf(options)
  const history: EpochRecord[] = []
  let best = Number.POSITIVE_INFINITY
  let bestEpoch = 0
  let totalSteps = 0
  for (let epoch = 1; epoch <= epochs; epoch++) {
    const started = performance.now()
    loader.epoch = epoch - 1
    model.train()
    const running = new RunningMean()
    const lrOf = (): number => optimizer.paramGroups[0]?.lr ?? Number.NaN
    let lr = lrOf()
    let step = 0
    for await (const [input, target] of loader) {
      if (signal?.aborted) break
      lr = lrOf()
      running.add(input.shape[0] ?? 0, trainStep(model, input, target, options))
      if (options.scheduleEvery === 'step') schedule?.step()
      step++
      totalSteps++
      if (step % (options.readEvery ?? 10) !== 0 && step < loader.length) continue
      const recent = await running.read()
      await options.onStep?.({ epoch, step, stepsPerEpoch: loader.length, totalSteps, recent, lr })
      await breathe()
    }
    await running.read()
    const isWhole = step === loader.length
    const measured = validation && isWhole && !signal?.aborted
    const figures = measured ? await evaluate(model, validation, { loss, metrics }) : undefined
    const record: EpochRecord = {
      epoch,
      steps: step,
      train: running.means,
      ...(figures && { validation: figures }),
      lr,
      seconds: (performance.now() - started) / 1000,
    }
    const reference = figures?.['loss'] ?? record.train['loss']
    if (isWhole && options.scheduleEvery !== 'step') schedule?.step(reference)
    if (step > 0) {
      history.push(record)
      await options.onEpoch?.(record)
    }
    if (signal?.aborted) return { epochs: history, ended: 'aborted' }
    if (reference !== undefined && reference < best) {
      best = reference
      bestEpoch = epoch
    }
    if (patience !== undefined && epoch - bestEpoch >= patience) return { epochs: history, ended: 'patience' }
  }
  return { epochs: history, ended: 'complete' }
}

/** One step; nothing in it waits for a value. */
function trainStep(
  model: Layer,
  input: Tensor,
  target: Tensor,
  { optimizer, loss, metrics = {} }: FitOptions,
): Record<string, Tensor> {
  const output = model.forward(input)
  const value = loss(output, target)
  const figures = { loss: value, ...figuresOf(output, target, metrics) }
  optimizer.zeroGrad()
  value.backward()
  optimizer.step()
  return figures
}

function loaderOf({ train, batchSize = 32, seed = 0 }: FitOptions): DataLoader<Supervised> {
  return train instanceof DataLoader ? train : new DataLoader(train, { batchSize, seed, shuffle: true })
}

function check(options: FitOptions): FitOptions {
  const counts = { epochs: options.epochs, patience: options.patience, readEvery: options.readEvery }
  for (const [name, value] of Object.entries(counts)) {
    const least = name === 'epochs' ? 0 : 1
    if (value !== undefined && (!Number.isInteger(value) || value < least)) {
      throw new ValueError('fit', `${name} must be a whole number ≥ ${least}, received ${value}`)
    }
  }
  if (options.train.length === 0) throw new ValueError('fit', 'the training set is empty')
  if (options.patience !== undefined && !options.validation) {
    throw new ValueError('fit', 'patience needs a validation set')
  }
  return options
}
