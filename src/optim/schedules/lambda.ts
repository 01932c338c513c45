import { LRScheduler, type ResumeOptions, type Schedulable } from './scheduler.ts'

/** A factor for an epoch. */
export type EpochFactor = (epoch: number) => number

/** lr = initial lr · factor(epoch), with one function for all groups or one for each. */
export class LambdaLR extends LRScheduler {
  private readonly factors: EpochFactor[]

  constructor(optimizer: Schedulable, factor: EpochFactor | readonly EpochFactor[], { lastEpoch }: ResumeOptions = {}) {
    super(optimizer, lastEpoch)
    this.factors = this.perGroup('factor', factor)
    this.begin()
  }

  protected rates(): number[] {
    return this.factors.map((factor, i) => (this.baseLrs[i] ?? 0) * factor(this.lastEpoch))
  }
}

/** lr ← lr · factor(epoch) with each step, with one function for all groups or one for each. */
export class MultiplicativeLR extends LRScheduler {
  private readonly factors: EpochFactor[]

  constructor(optimizer: Schedulable, factor: EpochFactor | readonly EpochFactor[], { lastEpoch }: ResumeOptions = {}) {
    super(optimizer, lastEpoch)
    this.factors = this.perGroup('factor', factor)
    this.begin()
  }

  protected rates(): number[] {
    const present = this.present()
    return this.isInitial ? present : this.factors.map((factor, i) => (present[i] ?? 0) * factor(this.lastEpoch))
  }

  /** Goes on from the present learning rates. */
  override restart(): void {
    this.lastEpoch = 0
    this.apply(this.rates())
  }
}
