import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { gradus } from './command.ts'

/** How far 398 cars of the years 1970 to 1982 go on a gallon, from their weight, power, origin and so on. */

let folder = ''
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'gradus-cars-'))
  // The package does not export its files.
  const data = new URL('../../node_modules/vega-datasets/data/cars.json', import.meta.url)
  const cars: Record<string, string | number | null>[] = JSON.parse(await readFile(data, 'utf8'))
  const names = Object.keys(cars[0]!)
  const rows = cars.filter((car) => car['Miles_per_Gallon'] !== null)
  const lines = rows.map((car) => names.map((name) => car[name] ?? '').join(','))
  await writeFile(join(folder, 'cars.csv'), [names.join(','), ...lines].join('\n'))
})
afterAll(() => rm(folder, { recursive: true }))

test.each([0, 1, 2])('a table of cars explains how far they go, seed %i', async (seed) => {
  const run = join(folder, `run-${seed}`)
  const settings = ['--data', join(folder, 'cars.csv'), '--target', 'Miles_per_Gallon', '--ignore', 'Name']
  const trained = await gradus('train', 'tabular', ...settings, '--seed', `${seed}`, '--run', run, '--json')
  expect(trained.code, trained.stderr).toBe(0)
  expect(JSON.parse(trained.stdout).test.r2).toBeGreaterThanOrEqual(0.8)
  const light =
    'Cylinders=4,Displacement=97,Horsepower=60,Weight_in_lbs=1900,Acceleration=18,Year=1980-01-01,Origin=Japan'
  const heavy =
    'Cylinders=8,Displacement=430,Horsepower=200,Weight_in_lbs=4600,Acceleration=10,Year=1970-01-01,Origin=USA'
  const [far, near] = await Promise.all(
    [light, heavy].map(async (car) => JSON.parse((await gradus('predict', run, car, '--json')).stdout).prediction),
  )
  // In miles per gallon, as the table has them.
  expect(far).toBeGreaterThan(30)
  expect(far).toBeLessThan(50)
  expect(near).toBeGreaterThan(5)
  expect(near).toBeLessThan(17)
})
