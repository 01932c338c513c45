/**
 * The next 24 hours of a measured series, by an LSTM, against two forecasts that need no learning: that nothing changes, and that
 * tomorrow is like today: `npm run ts examples/forecast.ts [file.csv] [column] [epochs] [seeds]`. The default is the oil temperature
 * of ETTh1 in the folder that GRADUS_DATA names. The last fifth is for testing and is looked at once, at the end; means and
 * deviations are those of the training part alone.
 */
import { readFile } from 'node:fs/promises'
import { F, manualSeed, nn, noGrad, optim, type Tensor, tensor } from 'gradus'

const file = process.argv[2] ?? `${process.env['GRADUS_DATA'] ?? '../shared/data'}/series/ETTh1.csv`
const column = process.argv[3] ?? 'OT'
const epochs = Number(process.argv[4] ?? 4)
const seeds = Array.from({ length: Number(process.argv[5] ?? 3) }, (_, seed) => seed)
const [past, ahead, season, hidden, batch] = [96, 24, 24, 64, 64]

const [header = '', ...lines] = (await readFile(file, 'utf8')).trim().split(/\r?\n/)
const at = header.split(',').indexOf(column)
if (at < 0) throw new Error(`${file} has no column '${column}'; there are ${header}`)
const raw = lines.map((line) => Number(line.split(',')[at]))
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

/** Pasts [N, past, 1], and targets [N, ahead] as differences from the last value that is known. */
function windowsAt(starts: readonly number[]): [Tensor, Tensor] {
  const x = new Float32Array(starts.length * past)
  const y = new Float32Array(starts.length * ahead)
  for (const [n, start] of starts.entries()) {
    const last = series[start - 1] ?? 0
    for (let i = 0; i < past; i++) x[n * past + i] = (series[start - past + i] ?? 0) - last
    for (let i = 0; i < ahead; i++) y[n * ahead + i] = (series[start + i] ?? 0) - last
  }
  return [tensor(x, { shape: [starts.length, past, 1] }), tensor(y, { shape: [starts.length, ahead] })]
}

class Forecaster extends nn.Module {
  lstm = new nn.LSTM(1, hidden, { batchFirst: true })
  head = new nn.Linear(hidden, ahead)
  forward(x: Tensor): Tensor {
    return this.head.forward(this.lstm.forward(x)[1][0].squeeze(0))
  }
}

async function error(model: Forecaster, starts: readonly number[]): Promise<number> {
  let sum = 0
  for (let i = 0; i < starts.length; i += 256) {
    const [x, y] = windowsAt(starts.slice(i, i + 256))
    sum += await noGrad(() => F.mseLoss(model.forward(x), y, { reduction: 'sum' })).item()
  }
  return sum / (starts.length * ahead)
}

/** MSE of a forecast that says of hour `start + i` what `source` names. */
function baseline(source: (start: number, i: number) => number, starts: readonly number[]): number {
  let sum = 0
  for (const start of starts)
    for (let i = 0; i < ahead; i++) sum += ((series[source(start, i)] ?? 0) - (series[start + i] ?? 0)) ** 2
  return sum / (starts.length * ahead)
}

const limited = epochs < 1 ? 600 : Number.POSITIVE_INFINITY
const train = startsIn(past, validationFrom).slice(0, limited)
const validation = startsIn(validationFrom, testFrom).slice(0, limited)
const test = startsIn(testFrom, raw.length).slice(0, limited)
const naive = baseline((start) => start - 1, test)
const seasonal = baseline((start, i) => start + i - season, test)

const errors: number[] = []
for (const seed of seeds) {
  manualSeed(seed)
  const model = new Forecaster()
  const optimizer = new optim.AdamW(model.parameters(), { lr: 1e-3, weightDecay: 1e-3 })
  let best = { validation: Number.POSITIVE_INFINITY, state: model.stateDict() }
  for (let epoch = 1; epoch <= Math.ceil(epochs); epoch++) {
    const order = [...train].sort(() => Math.random() - 0.5)
    for (let i = 0; i + batch <= order.length; i += batch) {
      const [x, y] = windowsAt(order.slice(i, i + batch))
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
