import { ValueError } from '../../core/errors.ts'
import { LRScheduler, type Schedulable } from './scheduler.ts'

export interface ReduceLROnPlateauOptions {
  /** Whether a smaller or a larger metric is better. Default 'min'. */
  readonly mode?: 'min' | 'max'
  /** Factor on the learning rate, below 1. Default 0.1. */
  readonly factor?: number
  /** Epochs without improvement that are let pass. Default 10. */
  readonly patience?: number
  /** How much better counts as better. Default 1e-4. */
  readonly threshold?: number
  /** 'rel': as a share of the best metric; 'abs': as it is. Default 'rel'. */
  readonly thresholdMode?: 'rel' | 'abs'
  /** Epochs to wait after a reduction before counting again. Default 0. */
  readonly cooldown?: number
  /** Lowest learning rate, one or one a group. Default 0. */
  readonly minLr?: number | readonly number[]
  /** Smaller changes of the learning rate are not made. Default 1e-8. */
  readonly eps?: number
}

/** Reduces the learning rate when a metric has stopped improving: `step(await validationLoss.item())` after each epoch. */
export class ReduceLROnPlateau extends LRScheduler {
  private readonly mode: 'min' | 'max'
  private readonly factor: number
  private readonly patience: number
  private readonly threshold: number
  private readonly thresholdMode: 'rel' | 'abs'
  private readonly cooldown: number
  private readonly minLrs: number[]
  private readonly eps: number
  /** null before the first metric. */
  private best: number | null = null
  private cooldownCounter = 0
  private badEpochs = 0

  constructor(
    optimizer: Schedulable,
    {
      mode = 'min',
      factor = 0.1,
      patience = 10,
      threshold = 1e-4,
      thresholdMode = 'rel',
      cooldown = 0,
      minLr = 0,
      eps = 1e-8,
    }: ReduceLROnPlateauOptions = {},
  ) {
    super(optimizer)
    if (!(factor < 1)) throw new ValueError('ReduceLROnPlateau', `factor must be < 1, received ${factor}`)
    if (mode !== 'min' && mode !== 'max') {
      throw new ValueError('ReduceLROnPlateau', `mode must be 'min' or 'max', received '${mode}'`)
    }
    if (thresholdMode !== 'rel' && thresholdMode !== 'abs') {
      throw new ValueError('ReduceLROnPlateau', `thresholdMode must be 'rel' or 'abs', received '${thresholdMode}'`)
    }
    this.mode = mode
    this.factor = factor
    this.patience = patience
    this.threshold = threshold
    this.thresholdMode = thresholdMode
    this.cooldown = cooldown
    this.minLrs = this.perGroup('minLr', minLr)
    this.eps = eps
    this.lastEpoch = 0
  }

  /** Moves on by one epoch, at whose end the metric was `metric`. */
  override step(metric?: number): void {
    if (metric === undefined) throw new ValueError('ReduceLROnPlateau', 'step() needs the metric to watch')
    this.lastEpoch++
    if (this.isBetter(metric)) {
      this.best = metric
      this.badEpochs = 0
    } else this.badEpochs++
    if (this.cooldownCounter > 0) {
      this.cooldownCounter--
      this.badEpochs = 0
    }
    if (this.badEpochs > this.patience) {
      this.apply(this.rates())
      this.cooldownCounter = this.cooldown
      this.badEpochs = 0
    }
    this.lastLr = this.present()
  }

  protected rates(): number[] {
    return this.present().map((lr, i) => {
      const reduced = Math.max(lr * this.factor, this.minLrs[i] ?? 0)
      return lr - reduced > this.eps ? reduced : lr
    })
  }

  private isBetter(metric: number): boolean {
    const { best, threshold } = this
    const sign = this.mode === 'min' ? 1 : -1
    if (best === null) return sign * metric < Number.POSITIVE_INFINITY
    const bar = this.thresholdMode === 'rel' ? best * (1 - sign * threshold) : best - sign * threshold
    return sign * metric < sign * bar
  }
}
