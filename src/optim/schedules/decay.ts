import { checkCount } from '../checks.ts'
import { LRScheduler, type ResumeOptions, type Schedulable } from './scheduler.ts'

export interface GammaOptions extends ResumeOptions {
  /** Factor on the learning rate. Default 0.1. */
  readonly gamma?: number
}

/** lr = initial lr · γ^⌊epoch / stepSize⌋ */
export class StepLR extends LRScheduler {
  private readonly stepSize: number
  private readonly gamma: number

  constructor(optimizer: Schedulable, stepSize: number, { gamma = 0.1, lastEpoch }: GammaOptions = {}) {
    super(optimizer, lastEpoch)
    checkCount('StepLR', 'stepSize', stepSize, 1)
    this.stepSize = stepSize
    this.gamma = gamma
    this.begin()
  }

  protected rates(): number[] {
    const due = this.lastEpoch !== 0 && this.lastEpoch % this.stepSize === 0
    return due ? this.scaled(this.gamma) : this.present()
  }
}

/** lr ← lr · γ at each milestone (an epoch that is named twice counts twice). */
export class MultiStepLR extends LRScheduler {
  private readonly milestones: number[]
  private readonly gamma: number

  constructor(optimizer: Schedulable, milestones: Iterable<number>, { gamma = 0.1, lastEpoch }: GammaOptions = {}) {
    super(optimizer, lastEpoch)
    this.milestones = [...milestones]
    this.gamma = gamma
    this.begin()
  }

  protected rates(): number[] {
    const times = this.milestones.filter((epoch) => epoch === this.lastEpoch).length
    return times === 0 ? this.present() : this.scaled(this.gamma ** times)
  }
}

/** lr = initial lr · γ^epoch */
export class ExponentialLR extends LRScheduler {
  private readonly gamma: number

  constructor(optimizer: Schedulable, gamma: number, { lastEpoch }: ResumeOptions = {}) {
    super(optimizer, lastEpoch)
    this.gamma = gamma
    this.begin()
  }

  protected rates(): number[] {
    return this.isInitial ? this.present() : this.scaled(this.gamma)
  }
}

export interface PolynomialLROptions extends ResumeOptions {
  /** Epochs until the learning rate is 0. Default 5. */
  readonly totalIters?: number
  /** Default 1: a straight line. */
  readonly power?: number
}

/** lr = initial lr · (1 − epoch / totalIters)^power, then 0 */
export class PolynomialLR extends LRScheduler {
  private readonly totalIters: number
  private readonly power: number

  constructor(optimizer: Schedulable, { totalIters = 5, power = 1, lastEpoch }: PolynomialLROptions = {}) {
    super(optimizer, lastEpoch)
    checkCount('PolynomialLR', 'totalIters', totalIters, 1)
    this.totalIters = totalIters
    this.power = power
    this.begin()
  }

  protected rates(): number[] {
    const { lastEpoch, totalIters } = this
    if (this.isInitial || lastEpoch > totalIters) return this.present()
    const left = 1 - lastEpoch / totalIters
    return this.scaled((left / (1 - (lastEpoch - 1) / totalIters)) ** this.power)
  }
}
