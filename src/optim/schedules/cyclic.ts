import { ValueError } from '../../core/errors.ts'
import { checkHasMomentum, setMomentum } from './momentum.ts'
import { LRScheduler, type ResumeOptions, type Schedulable } from './scheduler.ts'

export interface CyclicLROptions extends ResumeOptions {
  /** Steps on the way up. Default 2000. */
  readonly stepSizeUp?: number
  /** Steps on the way down. Default: as many as up. */
  readonly stepSizeDown?: number
  /**
   * 'triangular': all cycles are equally high. 'triangular2': each is half as high as the one before. 'exp_range': the height
   * is multiplied by γ with each step. Default 'triangular'.
   */
  readonly mode?: 'triangular' | 'triangular2' | 'exp_range'
  /** For 'exp_range'. Default 1. */
  readonly gamma?: number
  /** Height as a function of what `scaleMode` says, in place of `mode`. */
  readonly scaleFn?: (x: number) => number
  /** What `scaleFn` receives: the number of the cycle, from 1, or of the step, from 0. Default 'cycle'. */
  readonly scaleMode?: 'cycle' | 'iterations'
  /** Let momentum (β₁ for Adam and its kin) run against the learning rate. Default true. */
  readonly cycleMomentum?: boolean
  /** Lowest momentum, met at the highest learning rate; one or one a group. Default 0.8. */
  readonly baseMomentum?: number | readonly number[]
  /** Highest momentum. Default 0.9. */
  readonly maxMomentum?: number | readonly number[]
}

/**
 * The learning rate goes up from `baseLr` to `maxLr` and down again in straight lines, over and over (Smith, "Cyclical
 * learning rates for training neural networks", 2017). Steps are counted in batches.
 */
export class CyclicLR extends LRScheduler {
  private readonly maxLrs: number[]
  private readonly totalSize: number
  private readonly stepRatio: number
  private readonly scaleFn: (x: number) => number
  private readonly scaleMode: 'cycle' | 'iterations'
  private readonly cycleMomentum: boolean
  private readonly baseMomentums: number[]
  private readonly maxMomentums: number[]

  /** `baseLr` and `maxLr` are numbers, or one number a group. */
  constructor(
    optimizer: Schedulable,
    baseLr: number | readonly number[],
    maxLr: number | readonly number[],
    {
      stepSizeUp = 2000,
      stepSizeDown = stepSizeUp,
      mode = 'triangular',
      gamma = 1,
      scaleFn,
      scaleMode = 'cycle',
      cycleMomentum = true,
      baseMomentum = 0.8,
      maxMomentum = 0.9,
      lastEpoch = -1,
    }: CyclicLROptions = {},
  ) {
    super(optimizer, lastEpoch, baseLr)
    const modes = { triangular: () => 1, triangular2: halves, exp_range: (step: number) => gamma ** step }
    if (!Object.hasOwn(modes, mode)) {
      throw new ValueError('CyclicLR', `mode must be one of ${Object.keys(modes).join(', ')}; received '${mode}'`)
    }
    if (cycleMomentum) checkHasMomentum('CyclicLR', optimizer)
    this.baseLrs = this.perGroup('baseLr', baseLr)
    this.maxLrs = this.perGroup('maxLr', maxLr)
    this.totalSize = stepSizeUp + stepSizeDown
    this.stepRatio = stepSizeUp / this.totalSize
    this.scaleFn = scaleFn ?? modes[mode]
    this.scaleMode = scaleFn ? scaleMode : mode === 'exp_range' ? 'iterations' : 'cycle'
    this.cycleMomentum = cycleMomentum
    this.baseMomentums = this.perGroup('baseMomentum', baseMomentum)
    this.maxMomentums = this.perGroup('maxMomentum', maxMomentum)
    this.begin()
  }

  protected rates(): number[] {
    const cycle = Math.floor(1 + this.lastEpoch / this.totalSize)
    const x = 1 + this.lastEpoch / this.totalSize - cycle
    const height = x <= this.stepRatio ? x / this.stepRatio : (x - 1) / (this.stepRatio - 1)
    const scale = this.scaleFn(this.scaleMode === 'cycle' ? cycle : this.lastEpoch)
    if (this.cycleMomentum) {
      for (const [i, group] of this.optimizer.paramGroups.entries()) {
        const [low, high] = [this.baseMomentums[i] ?? 0, this.maxMomentums[i] ?? 0]
        setMomentum(group, high - (high - low) * height * scale)
      }
    }
    return this.baseLrs.map((low, i) => low + ((this.maxLrs[i] ?? 0) - low) * height * scale)
  }
}

function halves(cycle: number): number {
  return 0.5 ** (cycle - 1)
}
