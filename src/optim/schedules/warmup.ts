import { ValueError } from '../../core/errors.ts'
import { LRScheduler, type ResumeOptions, type Schedulable } from './scheduler.ts'

export interface ConstantLROptions extends ResumeOptions {
  /** Factor on the learning rate, in [0, 1]. Default 1/3. */
  readonly factor?: number
  /** Epochs for which it holds. Default 5. */
  readonly totalIters?: number
}

/** lr = initial lr · factor for the first `totalIters` epochs, then the initial lr. */
export class ConstantLR extends LRScheduler {
  private readonly factor: number
  private readonly totalIters: number

  constructor(optimizer: Schedulable, { factor = 1 / 3, totalIters = 5, lastEpoch }: ConstantLROptions = {}) {
    super(optimizer, lastEpoch)
    if (!(factor >= 0 && factor <= 1))
      throw new ValueError('ConstantLR', `factor must be in [0, 1], received ${factor}`)
    this.factor = factor
    this.totalIters = totalIters
    this.begin()
  }

  protected rates(): number[] {
    if (this.lastEpoch === 0) return this.scaled(this.factor)
    return this.lastEpoch === this.totalIters ? this.scaled(1 / this.factor) : this.present()
  }
}

export interface LinearLROptions extends ResumeOptions {
  /** Factor at the beginning, in (0, 1]. Default 1/3. */
  readonly startFactor?: number
  /** Factor at the end, in [0, 1]. Default 1. */
  readonly endFactor?: number
  /** Epochs from one to the other. Default 5. */
  readonly totalIters?: number
}

/** lr = initial lr · factor, with a factor that goes from `startFactor` to `endFactor` in a straight line, then stays. */
export class LinearLR extends LRScheduler {
  private readonly startFactor: number
  private readonly endFactor: number
  private readonly totalIters: number

  constructor(
    optimizer: Schedulable,
    { startFactor = 1 / 3, endFactor = 1, totalIters = 5, lastEpoch }: LinearLROptions = {},
  ) {
    super(optimizer, lastEpoch)
    if (!(startFactor > 0 && startFactor <= 1)) {
      throw new ValueError('LinearLR', `startFactor must be in (0, 1], received ${startFactor}`)
    }
    if (!(endFactor >= 0 && endFactor <= 1)) {
      throw new ValueError('LinearLR', `endFactor must be in [0, 1], received ${endFactor}`)
    }
    this.startFactor = startFactor
    this.endFactor = endFactor
    this.totalIters = totalIters
    this.begin()
  }

  protected rates(): number[] {
    const { lastEpoch, startFactor, endFactor, totalIters } = this
    if (lastEpoch === 0) return this.scaled(startFactor)
    if (this.isInitial || lastEpoch > totalIters) return this.present()
    const rise = endFactor - startFactor
    return this.scaled(1 + rise / (totalIters * startFactor + (lastEpoch - 1) * rise))
  }
}
