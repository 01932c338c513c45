import { ValueError } from '../../core/errors.ts'
import { checkCount } from '../checks.ts'
import { checkHasMomentum, setMomentum } from './momentum.ts'
import { LRScheduler, type ResumeOptions, type Schedulable } from './scheduler.ts'

export interface OneCycleLROptions extends ResumeOptions {
  /** Number of steps; or give `epochs` and `stepsPerEpoch`. */
  readonly totalSteps?: number
  readonly epochs?: number
  readonly stepsPerEpoch?: number
  /** Share of the steps on the way up. Default 0.3. */
  readonly pctStart?: number
  /** Shape of the ways between the corners. Default 'cos'. */
  readonly annealStrategy?: 'cos' | 'linear'
  /** Let momentum (β₁ for Adam and its kin) run against the learning rate. Default true. */
  readonly cycleMomentum?: boolean
  /** Lowest momentum, met at the highest learning rate; one or one a group. Default 0.85. */
  readonly baseMomentum?: number | readonly number[]
  /** Highest momentum. Default 0.95. */
  readonly maxMomentum?: number | readonly number[]
  /** First learning rate: maxLr / divFactor. Default 25. */
  readonly divFactor?: number
  /** Last learning rate: the first one / finalDivFactor. Default 1e4. */
  readonly finalDivFactor?: number
  /** Go down as long as up, then down to the end in a third phase. Default false. */
  readonly threePhase?: boolean
}

type Corner = 'initial' | 'max' | 'min'

interface Phase {
  readonly end: number
  readonly from: Corner
  readonly to: Corner
}

/**
 * One cycle for the whole training: up to `maxLr`, then far below where it began, momentum the other way round (Smith &
 * Topin, "Super-convergence: very fast training of neural networks using large learning rates", 2018). Steps are counted in
 * batches; there are exactly `totalSteps`, after which `step()` throws a {@link ValueError}.
 */
export class OneCycleLR extends LRScheduler {
  private readonly totalSteps: number
  private readonly phases: Phase[]
  private readonly annealStrategy: 'cos' | 'linear'
  private readonly corners: Record<Corner, number>[]
  private readonly cycleMomentum: boolean
  private readonly baseMomentums: number[]
  private readonly maxMomentums: number[]

  /** `maxLr` is a number, or one number a group. */
  constructor(
    optimizer: Schedulable,
    maxLr: number | readonly number[],
    {
      totalSteps,
      epochs = 0,
      stepsPerEpoch = 0,
      pctStart = 0.3,
      annealStrategy = 'cos',
      cycleMomentum = true,
      baseMomentum = 0.85,
      maxMomentum = 0.95,
      divFactor = 25,
      finalDivFactor = 1e4,
      threePhase = false,
      lastEpoch = -1,
    }: OneCycleLROptions,
  ) {
    super(optimizer, lastEpoch)
    const steps = totalSteps ?? epochs * stepsPerEpoch
    checkCount('OneCycleLR', totalSteps === undefined ? 'epochs · stepsPerEpoch' : 'totalSteps', steps, 1)
    if (!(pctStart >= 0 && pctStart <= 1)) {
      throw new ValueError('OneCycleLR', `pctStart must be in [0, 1], received ${pctStart}`)
    }
    if (cycleMomentum) checkHasMomentum('OneCycleLR', optimizer)
    this.totalSteps = steps
    this.phases = phasesOf(steps, pctStart, threePhase)
    this.annealStrategy = annealStrategy
    this.cycleMomentum = cycleMomentum
    this.baseMomentums = this.perGroup('baseMomentum', baseMomentum)
    this.maxMomentums = this.perGroup('maxMomentum', maxMomentum)
    this.corners = this.perGroup('maxLr', maxLr).map((max) => {
      const initial = max / divFactor
      return { initial, max, min: initial / finalDivFactor }
    })
    this.baseLrs = this.corners.map(({ initial }) => initial)
    for (const [i, group] of optimizer.paramGroups.entries()) group.initialLr = this.baseLrs[i] ?? 0
    this.begin()
  }

  protected rates(): number[] {
    const { lastEpoch, phases } = this
    if (lastEpoch > this.totalSteps) {
      throw new ValueError('OneCycleLR', `step ${lastEpoch} is after the last one; totalSteps is ${this.totalSteps}`)
    }
    const found = phases.findIndex(({ end }) => lastEpoch <= end)
    const at = found < 0 ? phases.length - 1 : found
    const { from, to, end } = phases[at] as Phase
    const start = phases[at - 1]?.end ?? 0
    const share = (lastEpoch - start) / (end - start)
    if (this.cycleMomentum) {
      for (const [i, group] of this.optimizer.paramGroups.entries()) {
        const momentum = (corner: Corner): number => (corner === 'max' ? this.baseMomentums : this.maxMomentums)[i] ?? 0
        setMomentum(group, this.between(momentum(from), momentum(to), share))
      }
    }
    return this.corners.map((corner) => this.between(corner[from], corner[to], share))
  }

  private between(start: number, end: number, share: number): number {
    if (this.annealStrategy === 'linear') return (end - start) * share + start
    return end + ((start - end) / 2) * (Math.cos(Math.PI * share) + 1)
  }
}

function phasesOf(steps: number, pctStart: number, threePhase: boolean): Phase[] {
  const up: Phase = { end: pctStart * steps - 1, from: 'initial', to: 'max' }
  if (!threePhase) return [up, { end: steps - 1, from: 'max', to: 'min' }]
  const down: Phase = { end: 2 * pctStart * steps - 2, from: 'max', to: 'initial' }
  return [up, down, { end: steps - 1, from: 'initial', to: 'min' }]
}
