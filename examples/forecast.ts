/**
 * The next 24 hours of a measured series, by an LSTM, against two forecasts that need no learning: that nothing changes, and that
 * tomorrow is like today: `npm run ts examples/forecast.ts [file.csv] [column] [epochs] [seeds]`. The default is the oil temperature
 * of ETTh1 in the folder that GRADUS_DATA names. The last fifth is for testing and is looked at once, at the end; means and
 * deviations are those of the training part alone.
 */
import { F, manualSeed, nn, optim, tensor } from 'gradus'
import { csv, DataLoader, seriesWindows } from 'gradus/data'
import { Forecaster, naiveErrors } from 'gradus/models'
import { evaluate } from 'gradus/train'
import { dataFile } from './data-files.ts'

const file = process.argv[2] ?? dataFile('series/ETTh1.csv')
const column = process.argv[3] ?? 'OT'
const epochs = Number(process.argv[4] ?? 4)
const seeds = Array.from({ length: Number(process.argv[5] ?? 3) }, (_, seed) => seed)
const [past, ahead, season, hidden, batch] = [96, 24, 24, 64, 64]

const rows = await csv(file, { columns: { [column]: 'number' } }).toArray()
const raw = rows.map((row) => Number(row[column]))
const testFrom = Math.floor(0.8 * raw.length)
const validationFrom = Math.floor(0.7 * raw.length)

const known = raw.slice(0, validationFrom)
const mean = known.reduce((sum, x) => sum + x, 0) / known.length
const deviation = Math.sqrt(known.reduce((sum, x) => sum + (x - mean) ** 2, 0) / known.length)
const series = Float32Array.from(raw, (x) => (x - mean) / deviation)
console.log(`${raw.length} values of ${column}: ${validationFrom} to learn from, ${raw.length - testFrom} for testing`)

/** Beginnings of forecasts whose targets all lie in [from, to). */
const startsIn = (from: number, to: number): number[] =>
  Array.from({ length: to - ahead - from + 1 }, (_, i) => from + i)

/** The windows with these beginnings of forecasts, which follow each other. */
const windowsOf = (starts: readonly number[]): ReturnType<typeof seriesWindows> => {
  const [first = 0, last = 0] = [starts[0], starts.at(-1)]
  return seriesWindows(tensor(series.slice(first - past, last + ahead)), { length: past, horizon: ahead })
}

const limited = epochs < 1 ? 600 : Number.POSITIVE_INFINITY
const train = startsIn(past, validationFrom).slice(0, limited)
const validation = startsIn(validationFrom, testFrom).slice(0, limited)
const test = startsIn(testFrom, raw.length).slice(0, limited)
const { naive, seasonal } = naiveErrors(series, test, { horizon: ahead, season })

/** Mean squared error of all forecasts with these beginnings. */
async function error(model: Forecaster, starts: readonly number[]): Promise<number> {
  return (await evaluate(model, windowsOf(starts), { loss: F.mseLoss }))['loss'] ?? Number.NaN
}

const errors: number[] = []
for (const seed of seeds) {
  manualSeed(seed)
  const model = new Forecaster({ horizon: ahead, hidden })
  const optimizer = new optim.AdamW(model.parameters(), { lr: 1e-3, weightDecay: 1e-3 })
  let best = { validation: Number.POSITIVE_INFINITY, state: model.stateDict() }
  const batches = new DataLoader(windowsOf(train), { batchSize: batch, seed, shuffle: true, dropLast: true })
  for (let epoch = 1; epoch <= Math.ceil(epochs); epoch++) {
    for await (const [x, y] of batches) {
      const loss = F.mseLoss(model.forward(x), y)
      optimizer.zeroGrad()
      loss.backward()
      nn.utils.clipGradNorm(model.parameters(), 1)
      optimizer.step()
    }
    const reached = await error(model, validation)
    console.log(`seed ${seed}, epoch ${epoch}: validation MSE ${reached.toFixed(4)}`)
    if (reached < best.validation) best = { validation: reached, state: model.stateDict() }
  }
  model.loadStateDict(best.state)
  errors.push(await error(model, test))
}

const lstm = errors.reduce((sum, x) => sum + x, 0) / errors.length
console.log(`MSE over all ${test.length} windows of the test part, ${ahead} hours ahead, standardised:`)
console.log(`  nothing changes          ${naive.toFixed(4)}`)
console.log(`  as ${season} hours before       ${seasonal.toFixed(4)}`)
console.log(
  `  LSTM, mean of ${errors.length} seeds    ${lstm.toFixed(4)} (${errors.map((x) => x.toFixed(4)).join(', ')})`,
)
console.log(
  lstm < Math.min(naive, seasonal)
    ? 'the LSTM is better than both'
    : lstm < seasonal
      ? 'the LSTM is better than the seasonal forecast alone'
      : 'the LSTM does not beat the seasonal forecast',
)
