import { DataLoader } from '../data/data-loader.ts'
import { clipGradNorm, clipGradValue } from '../nn/utils/clip-grad.ts'
import type { Layer } from '../nn/module.ts'
import type { Tensor } from '../tensor/tensor.ts'
import { BestWatch } from './best-watch.ts'
import { TrainingCheckpoints } from './checkpoints.ts'
import { breathe, evaluate } from './evaluate.ts'
import {
  type Batches,
  type Callback,
  checkFitOptions,
  type EpochRecord,
  type FitOptions,
  type History,
  type ValidationRecord,
} from './fit-options.ts'
import { type Figures, RunningFigures } from './running-figures.ts'
import { updateBatchNorm, WeightAverage } from './weight-average.ts'

/**
 * Trains a model: for each batch a forward pass, `loss.backward()`, and a step of the optimizer.
 *
 * The same model, data and seed give the same bits, also when the training is killed and taken up again from a checkpoint.
 * Without `epochs` it goes on until what is monitored has converged, and the model has the best weights then. The model is in
 * training mode while it learns and afterwards, as it would be after a loop written by hand.
 */
export async function fit(model: Layer, options: FitOptions): Promise<History> {
  return new Training(model, checkFitOptions(options)).run()
}

/** A training under way. What a checkpoint holds is what changes here. */
export class Training {
  readonly model: Layer
  readonly options: FitOptions
  readonly batches: Batches
  readonly best: BestWatch
  readonly average: WeightAverage | undefined
  readonly epochs: EpochRecord[] = []
  /** From 1. */
  epoch = 1
  /** Steps done in this epoch, and the batches that they took. */
  step = 0
  batch = 0
  totalSteps = 0
  running: RunningFigures
  /** Learning rate of the first parameter group in the last step. */
  lr: number = Number.NaN
  /** Figures of this epoch's last validation. */
  validated: Figures | undefined
  /** Seconds that this epoch has taken before the training was taken up again. */
  secondsBefore = 0
  private readonly callbacks: readonly Callback[]
  private readonly checkpoints: TrainingCheckpoints | undefined
  private unread = 0
  private started = 0
  private hasStopped = false

  constructor(model: Layer, options: FitOptions) {
    const { callbacks = [], onStep, onEpoch, ema, swaFrom, checkpoint, metrics = {} } = options
    this.model = model
    this.options = options
    this.batches = batchesOf(options)
    this.best = new BestWatch(options.mode, options.minDelta)
    this.running = new RunningFigures(metrics)
    if (ema !== undefined) this.average = WeightAverage.exponential(model, ema)
    else if (swaFrom !== undefined) this.average = WeightAverage.mean(model)
    this.callbacks = [...callbacks, { ...(onStep && { onStep }), ...(onEpoch && { onEpoch }) }]
    this.checkpoints = checkpoint && new TrainingCheckpoints(this, checkpoint)
  }

  async run(): Promise<History> {
    const { model, options, epochs } = this
    await this.checkpoints?.begin()
    for (const callback of this.callbacks) {
      await callback.onTrainBegin?.({ model, optimizer: options.optimizer, epochs: [...epochs] })
    }
    const ended = await this.allEpochs()
    await this.settleWeights()
    const history = { epochs, ended }
    for (const callback of this.callbacks) await callback.onTrainEnd?.(history)
    return history
  }

  /** Seconds that this epoch has taken. */
  get seconds(): number {
    return this.secondsBefore + (performance.now() - this.started) / 1000
  }

  private async allEpochs(): Promise<History['ended']> {
    const { epochs = Number.POSITIVE_INFINITY, signal } = this.options
    const isOver = (): boolean =>
      this.hasStopped || (this.options.patience !== undefined && this.best.hasRunOut(this.options.patience))
    const early = Number.isFinite(epochs) ? 'patience' : 'converged'
    while (this.epoch <= epochs) {
      if (isOver()) return early
      await this.oneEpoch()
      if (signal?.aborted) return 'aborted'
    }
    return isOver() ? early : 'complete'
  }

  private async oneEpoch(): Promise<void> {
    const { model, options } = this
    this.started = performance.now()
    model.train()
    const group: [Tensor, Tensor][] = []
    let isCut = false
    for await (const [input, target] of this.walk()) {
      if (options.signal?.aborted || this.hasStopped) {
        isCut = true
        break
      }
      group.push([input, target])
      this.batch++
      if (group.length < (options.accumulate ?? 1)) continue
      this.trainStep(group.splice(0))
      await this.afterStep()
    }
    if (group.length > 0 && !isCut) {
      this.trainStep(group)
      await this.afterStep()
    }
    if (this.unread > 0) await this.read()
    await this.endEpoch(isCut || options.signal?.aborted === true)
  }

  /** This epoch's batches, without those that were learned from before the training was taken up again. */
  private async *walk(): AsyncGenerator<readonly [Tensor, Tensor], void, undefined> {
    const { batches, batch: done } = this
    if (batches instanceof DataLoader) batches.loadStateDict({ epoch: this.epoch - 1, batch: done })
    else if (batches.epoch !== undefined) batches.epoch = this.epoch - 1
    let skip = batches instanceof DataLoader ? 0 : done
    for await (const batch of batches) if (skip-- <= 0) yield batch
  }

  /** One step; nothing in it waits for a value. */
  private trainStep(group: readonly (readonly [Tensor, Tensor])[]): void {
    const { model, options, running, average } = this
    const { optimizer, loss, clipNorm, clipValue, schedule } = options
    this.lr = optimizer.paramGroups[0]?.lr ?? Number.NaN
    optimizer.zeroGrad()
    const total = group.reduce((sum, [input]) => sum + (input.shape[0] ?? 0), 0)
    for (const [input, target] of group) {
      const output = model.forward(input)
      const value = loss(output, target)
      const samples = input.shape[0] ?? 0
      running.add(samples, output, target, value)
      if (group.length === 1) value.backward()
      else value.mul(samples / total).backward()
    }
    if (clipValue !== undefined) clipGradValue(this.parameters(), clipValue)
    if (clipNorm !== undefined) clipGradNorm(this.parameters(), clipNorm)
    optimizer.step()
    if (options.scheduleEvery === 'step') schedule?.step()
    if (options.ema !== undefined) average?.update()
    this.step++
    this.totalSteps++
    this.unread++
  }

  private parameters(): Tensor[] {
    const { paramGroups } = this.options.optimizer
    const named = paramGroups.flatMap(({ params }) => params ?? [])
    return named.length > 0 ? named : this.model.parameters()
  }

  private async afterStep(): Promise<void> {
    const { readEvery = 10, validateEvery } = this.options
    if (this.step % readEvery === 0) await this.read()
    if (validateEvery !== undefined && this.totalSteps % validateEvery === 0) await this.validate()
    if (this.checkpoints?.isDue(this.totalSteps)) {
      await this.running.read()
      await this.checkpoints.save()
    }
  }

  private async read(): Promise<void> {
    const { epoch, step, totalSteps, lr } = this
    this.unread = 0
    const recent = await this.running.read()
    const stepsPerEpoch = Math.ceil((this.batches.length ?? Number.POSITIVE_INFINITY) / (this.options.accumulate ?? 1))
    for (const callback of this.callbacks) {
      await callback.onStep?.({ epoch, step, stepsPerEpoch, totalSteps, recent, lr })
    }
    await breathe()
  }

  private async validate(): Promise<void> {
    const { model, options, average, best, epoch, totalSteps } = this
    const { validation, loss, monitor = 'loss', patience, restoreBest } = options
    if (!validation) return
    const isAveraged = options.ema !== undefined
    if (isAveraged) await average?.swap()
    const metrics = { ...options.metrics, ...options.validationMetrics }
    const figures = await evaluate(model, validation, { loss, metrics })
    const isBest = best.see(figures[monitor] ?? Number.NaN, totalSteps)
    if (isBest && restoreBest) best.keep(model)
    if (isAveraged) await average?.swap()
    this.validated = figures
    if (patience !== undefined && best.hasRunOut(patience)) this.hasStopped = true
    const record: ValidationRecord = { epoch, totalSteps, figures, isBest }
    for (const callback of this.callbacks) await callback.onValidation?.(record)
  }

  private async endEpoch(isCut: boolean): Promise<void> {
    const { options, running, average } = this
    await running.read()
    if (!isCut) {
      if (options.swaFrom !== undefined && this.epoch >= options.swaFrom) average?.update()
      if (options.validateEvery === undefined) await this.validate()
    }
    const { epoch, step: steps, validated, seconds, lr } = this
    const record: EpochRecord = {
      ...{ epoch, steps, train: running.means },
      ...(validated && !isCut && { validation: validated }),
      ...{ lr, seconds },
    }
    if (isCut) {
      // The unfinished epoch is told of, but not kept: taken up again, it is finished first.
      if (steps > 0) await this.checkpoints?.save()
    } else if (options.scheduleEvery !== 'step') options.schedule?.step((validated ?? record.train)['loss'])
    if (steps > 0) this.epochs.push(record)
    if (!isCut) {
      this.beginEpoch(epoch + 1)
      if (this.checkpoints?.isPerEpoch) await this.checkpoints.save()
    }
    if (steps > 0) for (const callback of this.callbacks) await callback.onEpoch?.(record)
  }

  private beginEpoch(epoch: number): void {
    this.epoch = epoch
    this.step = 0
    this.batch = 0
    this.secondsBefore = 0
    this.validated = undefined
    this.running = new RunningFigures(this.options.metrics ?? {})
  }

  /** Gives the model the weights that it is to have in the end: the best, the averaged, or the last. */
  private async settleWeights(): Promise<void> {
    const { model, options, average, best } = this
    if (options.restoreBest && best.bestWeights) best.giveBack(model)
    else if (average && !average.isEmpty) {
      await average.swap()
      if (options.swaFrom !== undefined) await updateBatchNorm(model, this.batches)
    }
    model.train()
  }
}

function batchesOf({ train, batchSize = 32, seed = 0 }: FitOptions): Batches {
  return Symbol.asyncIterator in train ? train : new DataLoader(train, { batchSize, seed, shuffle: true })
}
