import { checkCount } from '../checks.ts'
import { LRScheduler, type ResumeOptions, type Schedulable } from './scheduler.ts'

export interface CosineAnnealingLROptions extends ResumeOptions {
  /** Lowest learning rate. Default 0. */
  readonly etaMin?: number
}

/**
 * Half a cosine from the initial lr down to `etaMin` in `tMax` epochs, and up again (Loshchilov & Hutter, "SGDR: stochastic
 * gradient descent with warm restarts", 2017, without the restarts):
 *
 *     lr = etaMin + (initial lr − etaMin) · (1 + cos(π · epoch / tMax)) / 2
 *
 * It follows from the present learning rate, so that it can be chained with other schedules.
 */
export class CosineAnnealingLR extends LRScheduler {
  private readonly tMax: number
  private readonly etaMin: number

  constructor(optimizer: Schedulable, tMax: number, { etaMin = 0, lastEpoch }: CosineAnnealingLROptions = {}) {
    super(optimizer, lastEpoch)
    checkCount('CosineAnnealingLR', 'tMax', tMax, 1)
    this.tMax = tMax
    this.etaMin = etaMin
    this.begin()
  }

  protected rates(): number[] {
    const { lastEpoch, tMax, etaMin } = this
    const present = this.present()
    if (this.isInitial) return present
    if ((lastEpoch - 1 - tMax) % (2 * tMax) === 0) {
      const first = (1 - Math.cos(Math.PI / tMax)) / 2
      return present.map((lr, i) => lr + ((this.baseLrs[i] ?? 0) - etaMin) * first)
    }
    const height = (epoch: number): number => 1 + Math.cos((Math.PI * epoch) / tMax)
    return present.map((lr) => (height(lastEpoch) / height(lastEpoch - 1)) * (lr - etaMin) + etaMin)
  }
}

export interface CosineAnnealingWarmRestartsOptions extends CosineAnnealingLROptions {
  /** How much longer each cycle is than the one before. Default 1. */
  readonly tMult?: number
}

/** Cosine annealing that jumps back to the initial lr after `t0` epochs, then after t0 · tMult, t0 · tMult² ... (SGDR, 2017) */
export class CosineAnnealingWarmRestarts extends LRScheduler {
  private readonly etaMin: number
  private readonly tMult: number
  private readonly t0: number
  /** Length of the present cycle, and the place in it. */
  private tI: number
  private tCur: number

  constructor(
    optimizer: Schedulable,
    t0: number,
    { tMult = 1, etaMin = 0, lastEpoch = -1 }: CosineAnnealingWarmRestartsOptions = {},
  ) {
    super(optimizer, lastEpoch)
    checkCount('CosineAnnealingWarmRestarts', 't0', t0, 1)
    checkCount('CosineAnnealingWarmRestarts', 'tMult', tMult, 1)
    this.tMult = tMult
    this.etaMin = etaMin
    this.t0 = t0
    this.tI = t0
    this.tCur = lastEpoch
    this.begin()
  }

  override step(): void {
    this.tCur = this.lastEpoch < 0 ? 0 : this.tCur + 1
    if (this.tCur >= this.tI) {
      this.tCur %= this.tI
      this.tI *= this.tMult
    }
    super.step()
  }

  override restart(): void {
    this.tCur = 0
    this.tI = this.t0
    super.restart()
  }

  protected rates(): number[] {
    const height = (1 + Math.cos((Math.PI * this.tCur) / this.tI)) / 2
    return this.baseLrs.map((lr) => this.etaMin + (lr - this.etaMin) * height)
  }
}
