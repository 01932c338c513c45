/** Recipes as processes: trained, stopped, resumed, tested, asked, compared and drawn. */
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import sharp from 'sharp'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { gradus, type Outcome, start } from './command.ts'

// Processes take their time when others need the processor.
vi.setConfig({ testTimeout: 240_000 })

let folder = ''
let trained: Outcome
const table = (): string => join(folder, 'rents.csv')
const settings = (): string[] => ['--data', table(), '--target', 'rent', '--epochs', '60', '--lr', '0.01']

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'gradus-recipes-'))
  const towns = ['north', 'south', 'west']
  const rows = Array.from({ length: 300 }, (_, i) => {
    const [rooms, town, area] = [1 + (i % 5), i % 3, 20 + ((i * 37) % 90)]
    return `${i},${rooms},${towns[town]},${i % 60 === 0 ? '' : area},${(300 + 9 * area + 60 * rooms + 150 * town).toFixed(0)}`
  })
  await writeFile(table(), ['id,rooms,town,area,rent', ...rows].join('\n'))
  trained = await gradus('train', 'tabular', ...settings(), '--ignore', 'id', '--run', join(folder, 'first'), '--json')
}, 240_000)
afterAll(() => rm(folder, { recursive: true }))

describe('gradus train tabular', () => {
  test('foretells a column, in its units', async () => {
    expect(trained.code).toBe(0)
    const result = JSON.parse(trained.stdout)
    expect(result).toMatchObject({ run: join(folder, 'first'), ended: 'complete', seed: 0 })
    expect(result.test.r2).toBeGreaterThan(0.8)
    expect(trained.stderr).toContain('210 rows to train, 45 to watch, 45 to test')
    expect(trained.stderr).toMatch(/^ {2}epoch {3}steps {6}loss/m)
    expect((await readdir(join(folder, 'first'))).sort()).toEqual([
      ...['checkpoints', 'config.json', 'history.jsonl', 'logs', 'model.safetensors', 'result.json'],
    ])
    expect((await readFile(join(folder, 'first', 'history.jsonl'), 'utf8')).trim().split('\n')).toHaveLength(60)
    const answer = await gradus('predict', join(folder, 'first'), 'rooms=2,town=south,area=50', '--json')
    expect(Math.abs(JSON.parse(answer.stdout).prediction - (300 + 450 + 120 + 150))).toBeLessThan(150)
    const unknown = await gradus('predict', join(folder, 'first'), 'room=2')
    expect(unknown).toMatchObject({
      code: 2,
      stderr: "gradus: the model knows no column 'room'; it knows rooms, town, area\n",
    })
  })

  test('is tested again, listed and drawn', async () => {
    const [tested, runs, plots] = await Promise.all([
      gradus('eval', join(folder, 'first'), '--json'),
      gradus('runs', folder),
      gradus('plot', join(folder, 'first'), '--out', join(folder, 'plots'), '--json'),
    ])
    expect(JSON.parse(tested.stdout).r2).toBe(JSON.parse(trained.stdout).test.r2)
    expect(runs.stdout).toMatch(/first +\d{4}-\d\d-\d\d \d\d:\d\d +0 +60 +R² 0\.\d\d/)
    const files: string[] = JSON.parse(plots.stdout).files
    expect(files.map((path) => path.slice(join(folder, 'plots').length + 1))).toEqual(
      ['loss', 'r2', 'mae', 'rmse', 'lr'].flatMap((name) => [`${name}.svg`, `${name}.png`]),
    )
    expect(await readFile(files[0]!, 'utf8')).toMatch(/^<svg [\s\S]*validation/)
    expect((await sharp(files[1]!).metadata()).width).toBeGreaterThan(500)
  })

  test('stopped and resumed, it ends with the same bits; a configuration file says the same as options', async () => {
    const config = join(folder, 'config.json')
    const [data, run] = [table(), join(folder, 'second')]
    await writeFile(
      config,
      JSON.stringify({ recipe: 'tabular', data, target: 'rent', ignore: 'id', epochs: 60, lr: 0.01 }),
    )
    const training = start(['train', config, '--run', run])
    await training.shows('\n      2')
    training.process.kill('SIGINT')
    const stopped = await training.outcome
    expect([stopped.code, stopped.stderr]).toEqual([0, ''])
    expect(stopped.stdout).toContain(`go on with: gradus resume ${run}`)
    const resumed = await gradus('resume', run)
    expect(resumed.code).toBe(0)
    const weights = (name: string): Promise<Buffer> => readFile(join(folder, name, 'model.safetensors'))
    expect((await weights('second')).equals(await weights('first'))).toBe(true)
  })

  test.each<[string[], string]>([
    [['--target', 'price'], "rents.csv has no column 'price'; it has id, rooms, town, area, rent"],
    [
      ['--target', 'rent', '--epochs', 'many'],
      "train tabular: field 'epochs' expects a whole number ≥ 1, received NaN",
    ],
    [
      ['--target', 'rent', '--monitor', 'accuracy'],
      "field 'monitor' expects loss or r2 or mae or rmse, received accuracy",
    ],
    [['--target', 'rent', '--lr', '-1'], "field 'lr' expects a number above 0, received -1"],
  ])('refuses %j', async (options, message) => {
    const { code, stdout, stderr } = await gradus('train', 'tabular', '--data', table(), ...options)
    expect(stderr).toMatch(/^gradus: [^\n]+\n$/)
    expect(stderr).toContain(message)
    expect([code, stdout]).toEqual([2, ''])
  })

  test('configuration files are checked field by field', async () => {
    const config = join(folder, 'bad.json')
    const complaint = async (content: string): Promise<string> => {
      await writeFile(config, content)
      const { code, stderr } = await gradus('train', config)
      expect(code).toBe(2)
      return stderr
    }
    expect(await complaint('{"recipe": "tabular", "data": 3, "epoch": 1}')).toBe(
      "gradus: train tabular: field 'data' expects a text, received 3; field 'target' is missing; unknown field 'epoch'; there are epochs, batchSize, lr, weightDecay, seed, ema, clipNorm, accumulate, patience, monitor, data, target, ignore, hidden\n",
    )
    expect(await complaint('{"recipe": ')).toContain('not valid JSON')
    expect(await complaint('{"recipe": "poetry"}')).toContain(
      "there is no recipe 'poetry'; there are mnist, fashion-mnist",
    )
  })
})

describe('gradus train image-classifier', () => {
  test('trains on pictures by worker threads, and leaves damaged ones out', async () => {
    const photos = join(folder, 'photos')
    for (const [name, colour] of [
      ['leaf', '#2a2'],
      ['sky', '#38f'],
    ] as const) {
      await mkdir(join(photos, name), { recursive: true })
      for (let i = 0; i < 10; i++) {
        const shade = Math.round(255 * (i / 10))
        const svg = `<svg xmlns="http://www.w3.org/2000/svg" width="48" height="40"><rect width="48" height="40" fill="${colour}"/><circle cx="${10 + 2 * i}" cy="20" r="8" fill="rgb(${shade},${shade},${shade})"/></svg>`
        await sharp(Buffer.from(svg))
          .jpeg()
          .toFile(join(photos, name, `${i}.jpg`))
      }
    }
    await writeFile(join(photos, 'leaf', 'damaged.jpg'), 'no picture')
    const run = join(folder, 'pictures')
    const options = [
      '--data',
      photos,
      '--size',
      '32',
      '--epochs',
      '6',
      '--batch-size',
      '4',
      '--workers',
      '2',
      '--seed',
      '1',
    ]
    const { code, stdout, stderr } = await gradus('train', 'image-classifier', ...options, '--run', run)
    expect([code, stderr]).toEqual([0, ''])
    expect(stdout).toContain('2 classes: leaf, sky')
    expect(stdout).toMatch(/Test accuracy \d+\.\d\d %/)
    const answer = await gradus('predict', run, join(photos, 'sky', '3.jpg'), '--json')
    expect(JSON.parse(answer.stdout).prediction).toBe('sky')
    const refused = await gradus(
      'train',
      'image-classifier',
      ...options,
      '--no-skip-damaged',
      '--run',
      join(folder, 'none'),
    )
    expect([refused.code, refused.stderr]).toEqual([2, expect.stringContaining('damaged.jpg')])
  })

  test('gradus augment draws a sheet', async () => {
    const out = join(folder, 'sheet.png')
    const { code, stdout } = await gradus(
      'augment',
      join(folder, 'photos', 'sky', '3.jpg'),
      '--out',
      out,
      '--size',
      '32',
    )
    expect([code, stdout]).toEqual([0, `  11 transforms, 8 draws of each: ${out}\n`])
    expect(await sharp(out).metadata()).toMatchObject({ width: 8 * 38 + 6, height: 11 * 54 + 6, format: 'png' })
  })
})
