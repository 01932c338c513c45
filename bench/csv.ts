/**
 * Whether a table far larger than memory can be learned from: writes a CSV file (5 million rows by default), trains a perceptron on it as
 * it streams by, and says how fast, and how much memory at most (`npm run ts bench/csv.ts [rows]`). The bar: less than 500 MB.
 * Then a row in the last tenth is damaged: the error must name its line.
 */
import { once } from 'node:events'
import { createWriteStream } from 'node:fs'
import { mkdtemp, open, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { finished } from 'node:stream/promises'
import { csv } from '../src/data/csv.ts'
import { Random } from '../src/data/random.ts'
import type { Stream } from '../src/data/stream.ts'
import { ReLU } from '../src/nn/activations/rectifiers.ts'
import { Sequential } from '../src/nn/containers.ts'
import { huberLoss } from '../src/nn/functional/losses/regression.ts'
import { Linear } from '../src/nn/layers/linear.ts'
import { AdamW } from '../src/optim/adam.ts'
import { tensor } from '../src/tensor/creation.ts'
import { manualSeed } from '../src/tensor/random.ts'
import type { Tensor } from '../src/tensor/tensor.ts'
import { fit } from '../src/train/fit.ts'

const rows = Number(process.argv[2] ?? 5_000_000)
const bar = 500
const batchSize = 1024
const towns = ['north', 'south', 'east', 'west']
const columns = { area: 'number', rooms: 'integer', age: 'number', town: 'string', rent: 'number' } as const

/** Rents by a formula, with noise. Returns the number of bytes before row `marked`. */
async function writeTable(path: string, marked: number): Promise<number> {
  const file = createWriteStream(path, { highWaterMark: 2 ** 20 })
  const random = new Random(1)
  let [text, bytes, place] = ['area,rooms,age,town,rent\n', 0, 0]
  for (let row = 0; row < rows; row++) {
    const [area, rooms, age, town] = [20 + 130 * random.next(), 1 + (row % 6), row % 97, (row * 7) % towns.length]
    const rent = 200 + 9 * area + 60 * rooms - 2 * age + 120 * town + 40 * (random.next() - 0.5)
    if (row === marked) place = bytes + text.length
    text += `${area.toFixed(1)},${rooms},${age},${towns[town]},${rent.toFixed(2)}\n`
    if (text.length < 2 ** 18) continue
    bytes += text.length
    if (!file.write(text)) await once(file, 'drain')
    text = ''
  }
  file.end(text)
  await finished(file)
  return place
}

/** Inputs [N, 7], scaled, and rents [N, 1] in hundreds. */
function batches(path: string): Stream<readonly [Tensor, Tensor]> {
  return csv(path, { columns })
    .map(({ area, rooms, age, town, rent }) => {
      const inputs = [area / 150, rooms / 6, age / 97, ...towns.map((name) => (name === town ? 1 : 0))]
      return [tensor(Float32Array.from(inputs)), tensor([rent / 100])] as const
    })
    .shuffle({ buffer: 10_000 })
    .batch(batchSize)
}

const folder = await mkdtemp(join(tmpdir(), 'gradus-csv-'))
try {
  const path = join(folder, 'rents.csv')
  const marked = Math.floor(0.95 * rows)
  const place = await writeTable(path, marked)
  const megabytes = (await stat(path)).size / 1e6
  console.log(`${rows.toLocaleString('en')} rows, ${megabytes.toFixed(0)} MB`)

  manualSeed(0)
  const model = new Sequential(new Linear(7, 32), new ReLU(), new Linear(32, 32), new ReLU(), new Linear(32, 1))
  const optimizer = new AdamW(model.parameters(), { lr: 3e-3 })
  const started = performance.now()
  const train = batches(path)
  const { epochs } = await fit(model, {
    ...{ train, optimizer, loss: huberLoss, epochs: 1, readEvery: 50 },
  })
  const seconds = (performance.now() - started) / 1000
  const loss = epochs[0]?.train['loss'] ?? Number.NaN
  console.log(
    `one epoch in ${seconds.toFixed(1)} s: ${Math.round(rows / seconds).toLocaleString('en')} rows/s, mean loss ${loss.toFixed(4)}`,
  )
  const most = (process.resourceUsage().maxRSS * 1024) / 1e6
  const held = most < bar
  console.log(`at most ${most.toFixed(0)} MB resident (bar ${bar}): ${held ? 'held' : 'MISSED'}`)

  const file = await open(path, 'r+')
  await file.write('?!', place)
  await file.close()
  const wanted = `line ${marked + 2}: column 'area' expects a number`
  const failure = await (async () => {
    for await (const row of csv(path, { columns })) if (row.rooms === 0) throw new Error('no row has no rooms')
  })().catch((error: unknown) => (error as Error).message)
  const named = typeof failure === 'string' && failure.includes(wanted)
  console.log(`damaged row ${marked + 1}: ${failure}: ${named ? 'held' : 'MISSED'}`)
  process.exitCode = held && named ? 0 : 1
} finally {
  await rm(folder, { recursive: true })
}
