import { StateDictError, ValueError } from '../../core/errors.ts'

/** What schedules change in a parameter group. */
export interface SchedulableGroup {
  lr: number
  /** The learning rate that schedules start from. */
  initialLr?: number
  momentum?: number
  betas?: readonly [number, number]
}

/** What schedules need of an optimizer; every optimizer is one. */
export interface Schedulable {
  readonly paramGroups: readonly SchedulableGroup[]
}

/** A schedule's own numbers, as plain data that JSON can hold. */
export type SchedulerState = { readonly [name: string]: unknown }

export interface ResumeOptions {
  /**
   * The epoch to go on after, when the optimizer's groups were loaded from a state dict and have an `initialLr`.
   * Default −1: from the beginning.
   */
  readonly lastEpoch?: number
}

/**
 * Base class of learning-rate schedules. A schedule sets the learning rate of each group when it is made, and again with
 * each `step()`, to be called after the optimizer's own (once an epoch, or once a batch, as the schedule counts).
 */
export abstract class LRScheduler {
  readonly optimizer: Schedulable
  /** Number of steps since the beginning. */
  lastEpoch: number
  /** The learning rates that the schedule starts from, one a group. */
  protected baseLrs: number[]
  protected lastLr: number[]
  /** Whether the first value is being set. */
  protected isInitial = false

  /** `initialLrs` stand in for the groups' learning rates where no schedule came before. */
  constructor(optimizer: Schedulable, lastEpoch = -1, initialLrs: number | readonly number[] = []) {
    this.optimizer = optimizer
    for (const [i, group] of optimizer.paramGroups.entries()) {
      const initialLr = typeof initialLrs === 'number' ? initialLrs : initialLrs[i]
      if (lastEpoch === -1) group.initialLr ??= initialLr ?? group.lr
      else if (group.initialLr === undefined) {
        throw new ValueError(
          this.constructor.name,
          `group ${i} has no initialLr to resume after epoch ${lastEpoch} from; load the optimizer's state dict first`,
        )
      }
    }
    this.baseLrs = optimizer.paramGroups.map((group) => group.initialLr ?? group.lr)
    this.lastEpoch = lastEpoch
    this.lastLr = optimizer.paramGroups.map((group) => group.lr)
  }

  /** The learning rates at `lastEpoch`, one a group; may look at the present ones. */
  protected abstract rates(): number[]

  /** Moves on by one epoch (or batch). */
  step(): void {
    this.lastEpoch++
    this.apply(this.rates())
  }

  /** The learning rates that were set last, one a group. */
  getLastLr(): number[] {
    return [...this.lastLr]
  }

  /** The schedule's own numbers. Functions and the optimizer are left out. */
  stateDict(): SchedulerState {
    return structuredClone(Object.fromEntries(Object.entries(this).filter(([name, value]) => isData(name, value))))
  }

  /** Takes over what {@link stateDict} gave. Throws a {@link StateDictError} when the names are not those of this schedule. */
  loadStateDict(state: SchedulerState): void {
    const wanted = Object.keys(this.stateDict()).sort().join(', ')
    const received = Object.keys(state).sort().join(', ')
    if (wanted !== received) {
      throw new StateDictError(this.constructor.name, `expects the entries ${wanted}; received ${received}`)
    }
    Object.assign(this, structuredClone(state))
  }

  /** Sets the first values; called at the end of each constructor, and when a sequence begins. */
  begin(): void {
    this.initially(() => this.step())
  }

  /** Starts from epoch 0, from the initial learning rates, whatever the present ones are. */
  restart(): void {
    for (const [i, group] of this.optimizer.paramGroups.entries()) group.lr = this.baseLrs[i] ?? group.lr
    this.lastEpoch = 0
    this.initially(() => this.apply(this.rates()))
  }

  /** Takes back the epoch that {@link begin} counted. */
  undo(): void {
    this.lastEpoch--
  }

  protected initially(set: () => void): void {
    this.isInitial = true
    set()
    this.isInitial = false
  }

  protected apply(rates: readonly number[]): void {
    for (const [i, group] of this.optimizer.paramGroups.entries()) group.lr = rates[i] ?? group.lr
    this.lastLr = this.present()
  }

  /** The present learning rates of all groups. */
  protected present(): number[] {
    return this.optimizer.paramGroups.map((group) => group.lr)
  }

  /** The present learning rates, each times `factor`. */
  protected scaled(factor: number): number[] {
    return this.optimizer.paramGroups.map((group) => group.lr * factor)
  }

  /** One value a group: the list itself, or the number repeated. Throws a {@link ValueError} for a list of another length. */
  protected perGroup<T extends number | ((epoch: number) => number)>(name: string, value: T | readonly T[]): T[] {
    const count = this.optimizer.paramGroups.length
    const list = Array.isArray(value) ? [...(value as readonly T[])] : new Array<T>(count).fill(value as T)
    if (list.length === count) return list
    throw new ValueError(
      this.constructor.name,
      `${name} has ${list.length} values, the optimizer has ${count} parameter groups`,
    )
  }
}

function isData(name: string, value: unknown): boolean {
  if (name === 'optimizer' || name === 'isInitial' || typeof value === 'function') return false
  return !(Array.isArray(value) && value.some((item) => typeof item === 'function' || item instanceof LRScheduler))
}
