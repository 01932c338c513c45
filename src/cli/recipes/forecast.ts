import * as v from 'valibot'
import { FileError } from '../../core/errors.ts'
import { seriesWindows } from '../../data/windows.ts'
import { Forecaster, naiveErrors } from '../../models/sequence/forecaster.ts'
import { mseLoss } from '../../nn/functional/losses/regression.ts'
import { tensor } from '../../tensor/creation.ts'
import { mae, rmse } from '../../train/regression-metrics.ts'
import { UsageError } from '../failure.ts'
import { count } from '../terminal/format.ts'
import type { Recipe, RecipeModel } from './recipe.ts'
import { isTable, readColumns } from './rows.ts'
import { type CommonSettings, commonSettings, setting } from './settings.ts'

interface Settings extends CommonSettings {
  readonly data: string
  readonly target: string
  readonly past: number
  readonly ahead: number
  readonly season: number
  readonly hidden: number
}

interface SeriesModel extends RecipeModel {
  readonly target: string
  readonly end: readonly number[]
}

interface Known {
  readonly mean: number
  readonly deviation: number
  /** The last steps of the series, to foretell from. */
  readonly end: readonly number[]
}

/** A series, from its own past; measured against two forecasts that need no learning. */
export const forecastRecipe: Recipe<Settings, Known, SeriesModel> = {
  name: 'forecast',
  description: 'an LSTM that foretells a series of a CSV file from its past',
  settings: v.strictObject({
    ...commonSettings({ epochs: 6, batchSize: 64, lr: 1e-3, clipNorm: 1 }),
    data: setting.text('CSV, TSV or JSONL file, one row a step; its last fifth is for testing'),
    target: setting.text('column to foretell'),
    past: v.optional(setting.whole(1, 'steps that are seen'), 96),
    ahead: v.optional(setting.whole(1, 'steps to foretell'), 24),
    season: v.optional(setting.whole(1, 'steps of a season, for the seasonal forecast to compare with'), 24),
    hidden: v.optional(setting.whole(1, 'size of the state'), 64),
  }),
  known: v.strictObject({ mean: v.number(), deviation: v.number(), end: v.array(v.number()) }),
  async prepare(settings) {
    const { data, target, past, ahead, season } = settings
    const series = await readSeries(data, target)
    const [validationFrom, testFrom] = [Math.floor(0.7 * series.length), Math.floor(0.8 * series.length)]
    const shortest = Math.min(validationFrom - past, testFrom - validationFrom, series.length - testFrom)
    if (shortest < ahead || testFrom < season) {
      throw new FileError(
        'forecast',
        `${data}: ${series.length} steps are too few for ${past} past, ${ahead} ahead and a season of ${season}; shorten them`,
      )
    }
    // Nothing of what is watched or tested takes part in mean and deviation.
    const known = series.subarray(0, validationFrom)
    const mean = known.reduce((sum, x) => sum + x, 0) / known.length
    const deviation = Math.sqrt(known.reduce((sum, x) => sum + (x - mean) ** 2, 0) / known.length) || 1
    const windows = (from: number, to: number): ReturnType<typeof seriesWindows> =>
      seriesWindows(tensor(Float32Array.from(series.subarray(from, to))), { length: past, horizon: ahead })
    const train = windows(0, validationFrom)
    const validation = windows(validationFrom - past, testFrom)
    const test = windows(testFrom - past, series.length)
    const seen = { mean, deviation, end: Array.from(series.subarray(-past)) }
    return {
      ...seriesModel(settings, seen),
      ...{ known: seen, train, validation, test },
      facts: [
        `${count(series.length)} steps of ${target}; ${count(train.length)} windows to train, ${count(validation.length)} to watch, ${count(test.length)} to test`,
        `${ahead} steps ahead from ${past}; losses are mean squared errors in units of the deviation, ${deviation.toPrecision(4)}`,
      ],
      async measure({ loss = Number.NaN }) {
        const standard = series.map((x) => x / deviation)
        const starts = Array.from({ length: test.length }, (_, i) => testFrom + i)
        const { naive, seasonal } = naiveErrors(standard, starts, { horizon: ahead, season })
        const better = Math.min(naive, seasonal)
        const times = (loss / better).toPrecision(3)
        return {
          figures: { naive, seasonalNaive: seasonal },
          lines: [
            `naive: nothing changes; seasonalNaive: as ${season} steps before`,
            `The network's loss is ${times} times that of the better of the two.`,
          ],
        }
      },
    }
  },
  restore: async (settings, known) => seriesModel(settings, known),
  async predict({ model, target, end, inputShape }, input) {
    const past = inputShape[1]!
    const known = await seriesOf(input, target, end)
    if (known.length < past)
      throw new UsageError(`expects at least ${past} steps of ${target}, received ${known.length}`)
    const y = model.forward(tensor(Float32Array.from(known).slice(-past), { shape: [1, past, 1] }))
    const prediction = Array.from(await y.data())
    const width = String(prediction.length).length
    return {
      lines: prediction.map((value, i) => `${target} +${String(i + 1).padEnd(width)}  ${value.toPrecision(5)}`),
      data: { target, prediction },
    }
  },
}

function seriesModel({ target, past, ahead, hidden }: Settings, { mean, deviation, end }: Known): SeriesModel {
  return {
    ...{ target, end },
    model: new Forecaster({ horizon: ahead, hidden, mean, deviation }),
    inputShape: [1, past, 1],
    loss: (y, t) => mseLoss(y.div(deviation), t.div(deviation)),
    metrics: { mae: mae(), rmse: rmse() },
    headline: 'loss',
    monitors: { loss: 'min', mae: 'min', rmse: 'min' },
  }
}

/** A file with the same column, the numbers themselves, or `end`: the end of the series that was learned from. */
async function seriesOf(input: string, target: string, learned: readonly number[]): Promise<ArrayLike<number>> {
  if (input === 'end') return learned
  if (isTable(input)) return readSeries(input, target)
  const numbers = Float64Array.from(input.split(/[\s,]+/).filter(Boolean), Number)
  if (numbers.length > 0 && numbers.every(Number.isFinite)) return numbers
  throw new UsageError(`expects a CSV file, numbers with commas between, or 'end', received ${input}`)
}

async function readSeries(path: string, column: string): Promise<Float64Array> {
  const rows = await readColumns(path, [column])
  return Float64Array.from(rows, (row, i) => {
    const value = Number(row[column])
    if (row[column]!.trim() !== '' && Number.isFinite(value)) return value
    throw new FileError('forecast', `${path}: row ${i + 1}: ${column} expects a number, received '${row[column]}'`)
  })
}
