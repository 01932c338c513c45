import type { EpochRecord, StepProgress } from '../../train/fit-options.ts'
import { count, duration, percent } from '../terminal/format.ts'
import { drawDigits, type Picture, picturesPerRow } from '../terminal/digits.ts'
import { type Captions, type Progress, startProgress } from '../terminal/progress.ts'
import type { Screen } from '../terminal/screen.ts'
import { type Column, heading, row } from '../terminal/table.ts'
import type { Reading } from './reading.ts'

const epochColumns: readonly Column[] = [
  { title: 'epoch', width: 7 },
  { title: 'steps', width: 8 },
  { title: 'loss', width: 10 },
  { title: 'accuracy', width: 11 },
  { title: 'val. loss', width: 12 },
  { title: 'val. acc.', width: 12 },
  { title: 'time', width: 8 },
]

/** The heading of the table of epochs. */
export function epochHeading(): string {
  return heading(epochColumns)
}

/** One epoch as a row of that table. */
export function epochRow({ epoch, steps, train, validation, seconds }: EpochRecord): string {
  const loss = (value: number | undefined): string => value?.toFixed(4) ?? '-'
  const share = (value: number | undefined): string => (value === undefined ? '-' : percent(value))
  const cells = [
    String(epoch),
    count(steps),
    loss(train['loss']),
    share(train['accuracy']),
    loss(validation?.['loss']),
    share(validation?.['accuracy']),
    duration(seconds),
  ]
  return row(cells, epochColumns)
}

/** The bar below the table while an epoch runs: how far, how fast, how long still, how good. */
export class EpochProgress {
  private readonly screen: Screen
  private readonly epochs: number
  private readonly batchSize: number
  private readonly started = performance.now()
  private bar: Progress | undefined

  constructor(screen: Screen, { epochs, batchSize }: { readonly epochs: number; readonly batchSize: number }) {
    this.screen = screen
    this.epochs = epochs
    this.batchSize = batchSize
  }

  show({ epoch, step, stepsPerEpoch, totalSteps, recent }: StepProgress): void {
    const stepSeconds = (performance.now() - this.started) / 1000 / totalSteps
    const left = duration(stepSeconds * (this.epochs * stepsPerEpoch - totalSteps))
    const captions: Captions = {
      before: `epoch ${epoch}/${this.epochs}`,
      after: [
        `${count(Math.round(this.batchSize / stepSeconds))} digits/s`,
        `ETA ${left}`,
        `loss ${recent['loss']?.toFixed(3)}`,
        `acc. ${percent(recent['accuracy'] ?? Number.NaN, 0)}`,
      ].join('  '),
    }
    this.bar ??= startProgress(this.screen, stepsPerEpoch, captions)
    this.bar.update(step, captions)
  }

  clear(): void {
    this.bar?.stop()
    this.bar = undefined
  }
}

/** Rows are what the digits are, columns what they were taken for. */
export function confusionLines(matrix: readonly (readonly number[])[], { colors }: Screen): string[] {
  const columns: Column[] = [
    { title: '', width: 7 },
    ...matrix.map((_, digit) => ({ title: String(digit), width: 5 })),
    { title: 'right', width: 10 },
  ]
  const lines = matrix.map((counts, digit) => {
    const cells = counts.map((n, taken) => {
      if (taken === digit) return colors.green(String(n))
      return n === 0 ? colors.dim('·') : colors.red(String(n))
    })
    const total = counts.reduce((sum, n) => sum + n, 0)
    const right = total === 0 ? '-' : percent((counts[digit] ?? 0) / total)
    return row([colors.bold(String(digit)), ...cells, right], columns)
  })
  return [colors.bold(heading(columns)), ...lines]
}

/** Two rows of digits: some that were read right, and the mistakes that the network was surest of. */
export function readingLines(readings: readonly Reading[], labels: ArrayLike<number>, screen: Screen): string[] {
  const width = picturesPerRow(screen)
  const judged = readings.map((reading, i) => ({ ...reading, label: labels[i] ?? Number.NaN }))
  const right = judged.filter(({ digit, label }) => digit === label).slice(0, width)
  const wrong = judged
    .filter(({ digit, label }) => digit !== label)
    .sort((a, b) => b.confidence - a.confidence)
    .slice(0, width)
  return [right, wrong].flatMap((chosen) =>
    chosen.length === 0 ? [] : ['', ...drawDigits(chosen.map(picture), screen)],
  )
}

function picture({ pixels, digit, confidence, label }: Reading & { readonly label: number }): Picture {
  const isRight = digit === label
  return {
    pixels,
    caption: `${digit}${isRight ? '' : `, is ${label}`}  ${percent(confidence)}`,
    tone: isRight ? 'good' : 'bad',
  }
}
