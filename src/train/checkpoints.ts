import { type FileError, StateDictError, ValueError } from '../core/errors.ts'
import { CheckpointFolder } from '../io/checkpoint-folder.ts'
import type { StateTree } from '../io/checkpoint-file.ts'
import type { StateDict } from '../nn/state-dict.ts'
import { defaultGenerator, type GeneratorState } from '../tensor/random.ts'
import type { WatchState } from './best-watch.ts'
import type { Training } from './fit.ts'
import type { CheckpointOptions, EpochRecord } from './fit-options.ts'
import type { Figures, FiguresState } from './running-figures.ts'
import type { AverageState } from './weight-average.ts'

/** Everything that a training needs to go on, bit for bit. */
interface SavedTraining {
  readonly epoch: number
  readonly step: number
  readonly batch: number
  readonly totalSteps: number
  readonly lr: number
  readonly seconds: number
  readonly epochs: readonly EpochRecord[]
  readonly running: FiguresState
  readonly validated: Figures | null
  readonly best: WatchState
  readonly bestWeights: StateDict | null
  readonly random: GeneratorState
  readonly model: StateDict
  readonly optimizer: StateTree
  readonly schedule: StateTree
  readonly average: AverageState | null
}

/** Has its state saved: every optimizer and schedule of `gradus/optim`. */
interface Stateful {
  stateDict(): unknown
  loadStateDict(state: never): unknown
}

/** Saves a training under way and takes it up again. */
export class TrainingCheckpoints {
  /** Newer checkpoints that were damaged when the training was taken up again. */
  refused: readonly FileError[] = []
  private readonly training: Training
  private readonly options: CheckpointOptions
  private readonly folder: CheckpointFolder

  constructor(training: Training, options: CheckpointOptions) {
    const { optimizer, schedule } = training.options
    for (const [name, part] of Object.entries({ optimizer, schedule })) {
      if (part && !isStateful(part)) {
        throw new ValueError(
          'fit',
          `checkpoints need the ${name} to have stateDict() and loadStateDict(), as those of gradus/optim`,
        )
      }
    }
    this.training = training
    this.options = options
    this.folder = new CheckpointFolder(options.folder, { ...(options.keep !== undefined && { keep: options.keep }) })
  }

  /** Makes the folder ready and, where that was asked for, takes up the newest whole checkpoint. */
  async begin(): Promise<void> {
    await this.folder.prepare()
    const found = this.options.resume ? await this.folder.latest() : undefined
    if (!found) return
    this.refused = found.refused
    try {
      this.restore(found.state as unknown as SavedTraining)
    } catch (error) {
      if (!(error instanceof StateDictError || error instanceof TypeError)) throw error
      const reason = error instanceof StateDictError ? error.message : 'it is of another training'
      throw new StateDictError('checkpoint', `${found.path} does not fit: ${reason}`, { cause: error })
    }
  }

  /** Whether a checkpoint is to follow this step. */
  isDue(totalSteps: number): boolean {
    return this.options.every !== undefined && totalSteps % this.options.every === 0
  }

  /** Whether checkpoints follow epochs. */
  get isPerEpoch(): boolean {
    return this.options.every === undefined
  }

  /** Saves the present state. */
  async save(): Promise<void> {
    await this.folder.save(this.training.totalSteps, this.state() as unknown as StateTree)
  }

  private state(): SavedTraining {
    const { model, options, epoch, step, batch, totalSteps, lr, seconds, epochs, running, validated, best, average } =
      this.training
    return {
      ...{ epoch, step, batch, totalSteps, lr, seconds, epochs },
      running: running.state(),
      validated: validated ?? null,
      best: best.state(),
      bestWeights: best.bestWeights ?? null,
      random: defaultGenerator.state(),
      model: model.stateDict(),
      optimizer: stateOf(options.optimizer),
      schedule: stateOf(options.schedule),
      average: average?.state() ?? null,
    }
  }

  private restore(saved: SavedTraining): void {
    const { training } = this
    const { optimizer, schedule } = training.options
    training.model.loadStateDict(saved.model)
    restoreTo(optimizer, saved.optimizer)
    restoreTo(schedule, saved.schedule)
    if (saved.average) training.average?.restore(saved.average)
    training.best.restore(saved.best, saved.bestWeights ?? undefined)
    training.running.restore(saved.running)
    training.validated = saved.validated ?? undefined
    training.epochs.push(...saved.epochs)
    training.epoch = saved.epoch
    training.step = saved.step
    training.batch = saved.batch
    training.totalSteps = saved.totalSteps
    training.lr = saved.lr
    training.secondsBefore = saved.step > 0 ? saved.seconds : 0
    defaultGenerator.setState(saved.random)
  }
}

function isStateful(part: unknown): part is Stateful {
  return typeof part === 'object' && part !== null && 'stateDict' in part && 'loadStateDict' in part
}

function stateOf(part: unknown): StateTree {
  return isStateful(part) ? (part.stateDict() as StateTree) : null
}

function restoreTo(part: unknown, state: StateTree): void {
  if (isStateful(part) && state !== null) part.loadStateDict(state as never)
}
