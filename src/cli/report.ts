import type { Callback, EpochRecord, StepProgress } from '../train/fit-options.ts'
import { UsageError } from './failure.ts'
import { bestEpoch, type Monitored } from './outcome.ts'
import { count, duration } from './terminal/format.ts'
import { type Progress, startProgress } from './terminal/progress.ts'
import type { Screen } from './terminal/screen.ts'
import { type Column, heading, row } from './terminal/table.ts'

export interface EpochReportOptions {
  readonly epochs: number
  readonly batchSize: number
  readonly headline: string
  readonly monitored: Monitored
}

/** What a training prints: one row an epoch, and on a terminal a bar below them. */
export class EpochReport implements Callback {
  private readonly screen: Screen
  private readonly barScreen: Screen
  private readonly epochs: number
  private readonly batchSize: number
  private readonly headline: string
  private readonly monitored: Monitored
  private best: EpochRecord | undefined
  private columns: readonly (Column & { readonly of: (record: EpochRecord) => string })[] | undefined
  private bar: Progress | undefined
  private started = 0
  private firstStep: number | undefined

  constructor(screen: Screen, barScreen: Screen, { epochs, batchSize, headline, monitored }: EpochReportOptions) {
    this.screen = screen
    this.barScreen = barScreen
    this.epochs = epochs
    this.batchSize = batchSize
    this.headline = headline
    this.monitored = monitored
  }

  onTrainBegin({ epochs }: { readonly epochs: readonly EpochRecord[] }): void {
    for (const record of epochs) this.line(record)
  }

  onStep({ epoch, step, stepsPerEpoch, totalSteps, recent }: StepProgress): void {
    const loss = recent['loss'] ?? Number.NaN
    if (!Number.isFinite(loss)) {
      throw new UsageError(`the training diverged in epoch ${epoch}: the loss is ${loss}; lower --lr`)
    }
    if (this.firstStep === undefined) {
      // Time is counted from the first reading on: what came before was loading and compiling.
      this.firstStep = totalSteps
      this.started = performance.now()
    }
    const done = totalSteps - this.firstStep
    const stepSeconds = done > 0 ? (performance.now() - this.started) / 1000 / done : Number.NaN
    const left = duration(stepSeconds * (this.epochs * stepsPerEpoch - totalSteps))
    const rate = done > 0 ? `${count(Math.round(this.batchSize / stepSeconds))}/s` : ''
    const captions = {
      before: `epoch ${epoch}/${this.epochs}`,
      after: [rate, `ETA ${left}`, `loss ${loss.toFixed(3)}`, this.figure(recent[this.headline])]
        .filter(Boolean)
        .join('  '),
    }
    this.bar ??= startProgress(this.barScreen, stepsPerEpoch, captions)
    this.bar.update(step, captions)
  }

  onEpoch(record: EpochRecord): void {
    this.clear()
    this.line(record)
  }

  /** Removes the bar. */
  clear(): void {
    this.bar?.stop()
    this.bar = undefined
  }

  private figure(value: number | undefined): string {
    if (value === undefined || this.headline === 'loss') return ''
    return this.headline === 'accuracy' ? `acc. ${(100 * value).toFixed(0)} %` : `${this.headline} ${value.toFixed(3)}`
  }

  private line(record: EpochRecord): void {
    if (!this.columns) {
      this.columns = this.columnsFor()
      this.screen.line(this.screen.colors.bold(heading(this.columns)))
    }
    this.best = bestEpoch(this.best ? [this.best, record] : [record], this.monitored)
    const line = row(
      this.columns.map(({ of }) => of(record)),
      this.columns,
    )
    this.screen.line(this.best === record ? `${line}  ${this.screen.colors.green('*')}` : line)
  }

  private columnsFor(): (Column & { readonly of: (record: EpochRecord) => string })[] {
    const { headline } = this
    const isShare = headline === 'accuracy'
    const decimals = (value: number | undefined): string => value?.toFixed(4) ?? '-'
    const main = (value: number | undefined): string =>
      value === undefined ? '-' : isShare ? `${(100 * value).toFixed(2)} %` : value.toFixed(4)
    // A headline that is the loss has its columns already.
    const own = (...columns: (Column & { readonly of: (record: EpochRecord) => string })[]): typeof columns =>
      headline === 'loss' ? [] : columns
    return [
      { title: 'epoch', width: 7, of: ({ epoch }) => String(epoch) },
      { title: 'steps', width: 8, of: ({ steps }) => count(steps) },
      { title: 'loss', width: 10, of: ({ train }) => decimals(train['loss']) },
      ...own({ title: headline, width: Math.max(10, headline.length + 4), of: ({ train }) => main(train[headline]) }),
      { title: 'val. loss', width: 12, of: ({ validation }) => decimals(validation?.['loss']) },
      ...own({
        title: `val. ${isShare ? 'acc.' : headline}`,
        width: 12,
        of: ({ validation }) => main(validation?.[headline]),
      }),
      { title: 'time', width: 8, of: ({ seconds }) => duration(seconds) },
    ]
  }
}
