import { confusion } from '../train/classification-metrics.ts'
import { evaluate } from '../train/evaluate.ts'
import type { Callback, EpochRecord, ValidationRecord } from '../train/fit-options.ts'
import type { Figures } from '../train/running-figures.ts'
import type { StreamingMetric } from '../train/streaming-metric.ts'
import type { Measured, RecipeModel, Training } from './recipes/recipe.ts'
import type { Confusion } from './run-folder.ts'
import { percent } from './terminal/format.ts'
import type { Screen } from './terminal/screen.ts'

/** What a trained model is worth. */
export interface Outcome extends Measured {
  /** On which data. */
  readonly part: 'test' | 'validation'
  /** Of a classifier. */
  readonly confusion?: Confusion
}

/** What is measured. */
export type Measurable = RecipeModel & Pick<Training, 'learner' | 'validation' | 'test' | 'measure'>

/** All figures on the test data, or where there is none on the data that was watched; of a classifier, which class was taken for which. */
export async function measured(trained: Measurable): Promise<Outcome> {
  const { model, learner = model, validation, test, loss, metrics, classes } = trained
  const matrix = classes && confusion({ classes: classes.length })
  // The very one that is read afterwards.
  const kept = matrix && { matrix: { ...matrix, fresh: () => matrix } }
  const { matrix: _, ...figures } = await evaluate(learner, test ?? validation, {
    loss,
    metrics: { ...metrics, ...kept },
  })
  model.eval()
  return outcomeOf(trained, figures, matrix?.state())
}

/** What the data that was watched came to in the best epoch, where it is all that there is to measure on: nothing is computed a second time. */
export class BestValidation implements Callback {
  /** Takes the place of the accuracy of a classifier, of which it is a part. */
  readonly metrics: Readonly<Record<string, StreamingMetric>>
  private readonly trained: Measurable
  private matrix: StreamingMetric | undefined
  private best: { readonly figures: Figures; readonly counts: readonly number[] | undefined } | undefined

  constructor(trained: Measurable) {
    this.trained = trained
    const { classes } = trained
    this.metrics = classes ? { accuracy: this.remembered(confusion({ classes: classes.length })) } : {}
  }

  onValidation({ isBest, figures }: ValidationRecord): void {
    if (isBest) this.best = { figures, counts: this.matrix?.state() }
  }

  /** Measures again only where the best epoch was before the training was taken up again. */
  async outcome(): Promise<Outcome> {
    if (!this.best) return measured(this.trained)
    this.trained.model.eval()
    return outcomeOf(this.trained, this.best.figures, this.best.counts)
  }

  private remembered(metric: StreamingMetric): StreamingMetric {
    return {
      ...metric,
      fresh: () => {
        this.matrix = metric.fresh()
        return this.matrix
      },
    }
  }
}

async function outcomeOf(
  { test, measure, classes }: Measurable,
  figures: Figures,
  counts: readonly number[] | undefined,
): Promise<Outcome> {
  const further = await measure?.(figures)
  const rows = classes?.map((_, row) => counts?.slice(row * classes.length, (row + 1) * classes.length) ?? [])
  return {
    part: test ? 'test' : 'validation',
    figures: { ...figures, ...further?.figures },
    lines: further?.lines ?? [],
    ...(classes && rows && { confusion: { classes, counts: rows } }),
  }
}

/** `Test accuracy 98.20 %` and a line for each other figure. */
export function figureLines(
  { part, figures }: Pick<Outcome, 'part' | 'figures'>,
  headline: string,
  colors: Screen['colors'],
): string[] {
  const main = figures[headline]!
  const shown = headline === 'accuracy' ? percent(main, 2) : main.toFixed(4)
  const others = Object.entries(figures).filter(([name]) => name !== headline)
  const title = part === 'test' ? 'Test' : 'Validation'
  return [
    `${title} ${headline} ${colors.bold(colors.green(shown))}`,
    ...others.map(([name, value]) => `${title} ${name} ${value.toFixed(4)}`),
  ]
}

/** A figure of the validation, and which end of it is good. */
export interface Monitored {
  readonly monitor: string
  readonly mode: 'min' | 'max'
}

/** The first of the epochs with the best figure; undefined where none was validated. */
export function bestEpoch(epochs: readonly EpochRecord[], { monitor, mode }: Monitored): EpochRecord | undefined {
  const sign = mode === 'max' ? 1 : -1
  const worth = ({ validation }: EpochRecord): number => sign * (validation?.[monitor] ?? Number.NaN)
  return epochs.reduce<EpochRecord | undefined>((best, record) => {
    const isBetter = best ? worth(record) > worth(best) : !Number.isNaN(worth(record))
    return isBetter ? record : best
  }, undefined)
}
