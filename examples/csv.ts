/** Rents foretold from a CSV file that is read as a stream, as files larger than memory are (`npm run ts examples/csv.ts`). */
import { writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { F, manualSeed, nn, optim, tensor } from 'gradus'
import { csv, Random } from 'gradus/data'
import { evaluate, fit, mae, r2 } from 'gradus/train'

// A table, as it might have come from anywhere: rooms, area, and a rent with some noise.
const path = join(tmpdir(), `rents-${process.pid}.csv`)
const random = new Random(0)
const lines = Array.from({ length: 2000 }, () => {
  const [rooms, area] = [1 + random.integer(5), random.uniform(20, 120)]
  return `${rooms},${area.toFixed(1)},${(300 + 60 * rooms + 9 * area + random.normal(0, 30)).toFixed(0)}`
})
await writeFile(path, ['rooms,area,rent', ...lines].join('\n'))

const samples = csv(path, { columns: { rooms: 'number', area: 'number', rent: 'number' } }).map(
  ({ rooms, area, rent }) => [tensor([rooms / 5, area / 100]), tensor([rent / 1000])] as const,
)
const train = samples.take(1800).shuffle({ buffer: 500 }).batch(32)
const held = samples.skip(1800).batch(100)

manualSeed(0)
const model = new nn.Sequential(new nn.Linear(2, 16), new nn.ReLU(), new nn.Linear(16, 1))
await fit(model, {
  train,
  validation: held,
  optimizer: new optim.Adam(model.parameters(), { lr: 1e-2 }),
  loss: F.mseLoss,
  patience: 2, // until the loss on other rows gets no better
  minDelta: 1e-4,
  onEpoch: ({ epoch, validation }) => console.log(`epoch ${epoch}: ${validation?.['loss']?.toFixed(5)}`),
})
const figures = await evaluate(model, held, { metrics: { r2: r2(), mae: mae() } })
console.log(`R² ${figures['r2']?.toFixed(3)}, off by ${(1000 * (figures['mae'] ?? 0)).toFixed(0)} on average`)
console.log(`a flat of 3 rooms and 70 m²: ${(1000 * (await model.forward(tensor([[3 / 5, 0.7]])).item())).toFixed(0)}`)
