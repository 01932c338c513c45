import { StateDictError, ValueError } from '../../core/errors.ts'
import { ReduceLROnPlateau } from './plateau.ts'
import { LRScheduler, type Schedulable, type SchedulerState } from './scheduler.ts'

/** A schedule made of others, which all belong to one optimizer. */
abstract class CombinedScheduler extends LRScheduler {
  protected readonly schedulers: readonly LRScheduler[]

  constructor(optimizer: Schedulable | undefined, schedulers: readonly LRScheduler[], op: string) {
    const [first] = schedulers
    if (!first) throw new ValueError(op, 'needs at least one schedule')
    const common = optimizer ?? first.optimizer
    for (const [i, scheduler] of schedulers.entries()) {
      if (scheduler instanceof ReduceLROnPlateau) {
        throw new ValueError(op, `schedule ${i} is a ReduceLROnPlateau, whose step() needs a metric; step it yourself`)
      }
      if (scheduler.optimizer !== common) throw new ValueError(op, `schedule ${i} belongs to another optimizer`)
    }
    super(common)
    this.schedulers = schedulers
  }

  protected rates(): number[] {
    return this.present()
  }

  override undo(): void {
    for (const scheduler of this.schedulers) scheduler.undo()
  }

  override stateDict(): SchedulerState {
    return { ...super.stateDict(), schedulers: this.schedulers.map((scheduler) => scheduler.stateDict()) }
  }

  override loadStateDict(state: SchedulerState): void {
    const { schedulers, ...own } = state
    if (!Array.isArray(schedulers) || schedulers.length !== this.schedulers.length) {
      throw new StateDictError(this.constructor.name, `expects the states of ${this.schedulers.length} schedules`)
    }
    const wanted = Object.keys(super.stateDict()).sort().join(', ')
    if (Object.keys(own).sort().join(', ') !== wanted) {
      throw new StateDictError(this.constructor.name, `expects the entries ${wanted}, schedulers`)
    }
    for (const [i, scheduler] of this.schedulers.entries()) scheduler.loadStateDict(schedulers[i])
    Object.assign(this, structuredClone(own))
  }
}

/** One schedule after the other: `schedulers[i + 1]` begins, from its own epoch 0, when epoch `milestones[i]` is reached. */
export class SequentialLR extends CombinedScheduler {
  private readonly milestones: readonly number[]

  constructor(optimizer: Schedulable, schedulers: readonly LRScheduler[], milestones: readonly number[]) {
    super(optimizer, schedulers, 'SequentialLR')
    if (milestones.length !== schedulers.length - 1) {
      throw new ValueError(
        'SequentialLR',
        `${schedulers.length} schedules need ${schedulers.length - 1} milestones, received ${milestones.length}`,
      )
    }
    this.milestones = [...milestones]
    this.lastEpoch = 0
    // Each schedule has set its first value already; only the one that begins may.
    for (const group of optimizer.paramGroups) group.lr = group.initialLr ?? group.lr
    this.undo()
    this.current().begin()
    this.lastLr = this.present()
  }

  override step(): void {
    this.lastEpoch++
    const scheduler = this.current()
    if (this.milestones.includes(this.lastEpoch)) scheduler.restart()
    else scheduler.step()
    this.lastLr = scheduler.getLastLr()
  }

  override restart(): void {
    this.lastEpoch = 0
    this.current().restart()
    this.lastLr = this.present()
  }

  private current(): LRScheduler {
    const passed = this.milestones.filter((milestone) => milestone <= this.lastEpoch).length
    return this.schedulers[passed] as LRScheduler
  }
}

/** All schedules at once: each changes what the ones before it left. */
export class ChainedScheduler extends CombinedScheduler {
  constructor(schedulers: readonly LRScheduler[], optimizer?: Schedulable) {
    super(optimizer, schedulers, 'ChainedScheduler')
  }

  override step(): void {
    for (const scheduler of this.schedulers) scheduler.step()
    this.lastLr = this.present()
  }

  override restart(): void {
    for (const scheduler of this.schedulers) scheduler.restart()
    this.lastLr = this.present()
  }
}
