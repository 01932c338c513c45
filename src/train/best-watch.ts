import type { Module } from '../nn/module.ts'
import type { StateDict } from '../nn/state-dict.ts'

/** How a watch stands, as plain data. */
export interface WatchState {
  /** The best figure so far. */
  readonly best: number
  /** Checks since then. */
  readonly stale: number
  /** Steps done when it was measured. */
  readonly bestStep: number
}

/** Watches a figure of the validation: keeps the best weights, and tells when it gets no better. */
export class BestWatch {
  private best: number
  private stale = 0
  private bestStep = 0
  private weights: StateDict | undefined
  private readonly mode: 'min' | 'max'
  private readonly minDelta: number

  /**
   * @param mode whether the lowest or the highest figure is the best
   * @param minDelta by how much a figure must be better to count as better
   */
  constructor(mode: 'min' | 'max' = 'min', minDelta = 0) {
    this.best = mode === 'min' ? Number.POSITIVE_INFINITY : Number.NEGATIVE_INFINITY
    this.mode = mode
    this.minDelta = minDelta
  }

  /** Takes in a check; returns whether it is the best one. */
  see(figure: number, step: number): boolean {
    const { mode, best, minDelta } = this
    const isBetter = mode === 'min' ? figure < best - minDelta : figure > best + minDelta
    if (!isBetter) {
      this.stale++
      return false
    }
    this.best = figure
    this.stale = 0
    this.bestStep = step
    return true
  }

  /** Keeps the model's present weights as the best. */
  keep(model: Module): void {
    this.weights = model.stateDict()
  }

  /** Gives the model the best weights back, where some were kept. */
  giveBack(model: Module): void {
    if (this.weights) model.loadStateDict(this.weights)
  }

  /** Whether the last `patience` checks brought nothing better. */
  hasRunOut(patience: number): boolean {
    return this.stale >= patience
  }

  get bestWeights(): StateDict | undefined {
    return this.weights
  }

  state(): WatchState {
    const { best, stale, bestStep } = this
    return { best, stale, bestStep }
  }

  restore({ best, stale, bestStep }: WatchState, weights: StateDict | undefined): void {
    this.best = best
    this.stale = stale
    this.bestStep = bestStep
    this.weights = weights
  }
}
