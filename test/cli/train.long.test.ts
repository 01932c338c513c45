import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import sharp from 'sharp'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { loadSafetensors } from '../../src/io/safetensors.ts'
import { gradus, hiding, type Outcome, start } from './command.ts'

// Processes take their time when others need the processor.
vi.setConfig({ testTimeout: 60_000 })

/** A training of a second. */
const quick = ['train', 'mnist', '--epochs', '2', '--batch-size', '64', '--samples', '192']

const shapes = {
  'classifier.0.bias': [84],
  'classifier.0.weight': [84, 400],
  'classifier.2.bias': [10],
  'classifier.2.weight': [10, 84],
  'features.0.bias': [6],
  'features.0.weight': [6, 1, 5, 5],
  'features.3.bias': [16],
  'features.3.weight': [16, 6, 5, 5],
}

/** A seven. */
const drawing = (ink: string, paper: string): string =>
  `<svg xmlns="http://www.w3.org/2000/svg" width="300" height="200"><rect width="300" height="200" fill="${paper}"/>
   <path d="M110 30 H190 L140 170" fill="none" stroke="${ink}" stroke-width="16" stroke-linecap="round"/></svg>`

let folder = ''
let first: Outcome
let second: Outcome
let third: Outcome

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'gradus-train-'))
  ;[first, second, third] = await Promise.all([
    gradus(...quick, '--run', join(folder, 'first')),
    gradus(...quick, '--run', join(folder, 'second'), '--json'),
    gradus(...quick, '--run', join(folder, 'third'), '--seed', '1'),
  ])
}, 120_000)
afterAll(() => rm(folder, { recursive: true }))

describe('gradus train mnist', () => {
  test('prints plain lines where there is no terminal', () => {
    expect([first.code, first.stderr]).toEqual([0, ''])
    expect(first.stdout).not.toMatch(/[^\P{Cc}\n]/u)
    expect(first.stdout).toMatch(/^ {2}epoch {3}steps {6}loss {3}accuracy/m)
    expect(first.stdout.match(/^ +\d +3 +\d\.\d{4} +\d+\.\d % +\d\.\d{4} +\d+\.\d % +0:\d\d$/gm)).toHaveLength(2)
    expect(first.stdout).toMatch(/Test accuracy \d+\.\d %/)
    expect(first.stdout).toContain('█')
  })

  test('its confusion matrix counts every test digit once', () => {
    const rows = first.stdout.match(/^ +\d(?: +(?:\d+|·)){10} +\d+\.\d %$/gm) ?? []
    expect(rows).toHaveLength(10)
    const counts = rows.map((line) => line.trim().replaceAll('·', '0').split(/ +/).slice(1, 11).map(Number))
    expect(counts.flat().reduce((sum, n) => sum + n, 0)).toBe(1000)
    const right = counts.reduce((sum, row, digit) => sum + (row[digit] ?? 0), 0)
    expect(first.stdout).toContain(`Test accuracy ${(right / 10).toFixed(1)} %`)
  })

  test('with --json standard output is one JSON object, and all else is on standard error', () => {
    expect(second.code).toBe(0)
    const lines = second.stdout.trimEnd().split('\n')
    expect(lines).toHaveLength(1)
    expect(JSON.parse(lines[0] ?? '')).toEqual({
      testAccuracy: expect.any(Number),
      seconds: expect.any(Number),
      run: join(folder, 'second'),
      ended: 'complete',
      seed: 0,
    })
    expect(second.stderr).toContain('Test accuracy')
  })

  test('leaves weights, settings and history', async () => {
    const run = join(folder, 'second')
    expect((await readdir(run)).sort()).toEqual(['config.json', 'history.jsonl', 'model.safetensors'])
    const { tensors, metadata } = await loadSafetensors(join(run, 'model.safetensors'))
    expect(metadata).toEqual({ format: 'pt' })
    expect(Object.fromEntries([...tensors].map(([name, { shape }]) => [name, shape]))).toEqual(shapes)
    expect(JSON.parse(await readFile(join(run, 'config.json'), 'utf8'))).toMatchObject({
      recipe: 'mnist',
      settings: { epochs: 2, batchSize: 64, lr: 0.01, seed: 0, samples: 192 },
      parameters: 37_106,
      device: expect.any(String),
    })
    const history = (await readFile(join(run, 'history.jsonl'), 'utf8'))
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line))
    const figures = { loss: expect.any(Number), accuracy: expect.any(Number) }
    expect(history).toEqual([
      { epoch: 1, steps: 3, train: figures, validation: figures, lr: expect.any(Number), seconds: expect.any(Number) },
      { epoch: 2, steps: 3, train: figures, validation: figures, lr: expect.any(Number), seconds: expect.any(Number) },
      { test: { accuracy: JSON.parse(second.stdout).testAccuracy }, ended: 'complete', seconds: expect.any(Number) },
    ])
  })

  test('the same seed gives the same bits, another seed gives others', async () => {
    const weights = (run: string): Promise<Buffer> => readFile(join(folder, run, 'model.safetensors'))
    expect((await weights('first')).equals(await weights('second'))).toBe(true)
    expect(third.code).toBe(0)
    expect((await weights('first')).equals(await weights('third'))).toBe(false)
  })

  test('Ctrl-C stops, saves and tests', async () => {
    const run = join(folder, 'stopped')
    const training = start(['train', 'mnist', '--epochs', '1000', '--samples', '128', '--run', run, '--json'])
    await training.shows('\n      2')
    training.process.kill('SIGINT')
    const { code, stdout, stderr } = await training.outcome
    expect(stderr).toContain('stopping and saving; Ctrl-C once more quits at once')
    expect(code).toBe(0)
    expect(JSON.parse(stdout)).toMatchObject({ ended: 'aborted', run })
    expect((await readdir(run)).sort()).toEqual(['config.json', 'history.jsonl', 'model.safetensors'])
    expect((await gradus('predict', run, '0')).code).toBe(0)
  })
})

test('a training that diverges says so', async () => {
  const { code, stderr } = await gradus(...quick, '--lr', '1e30', '--run', join(folder, 'diverged'))
  expect(stderr).toMatch(/^gradus: the training diverged in epoch 1: the loss is (NaN|Infinity); lower --lr\n$/)
  expect(code).toBe(2)
})

describe('gradus predict', () => {
  test('reads test digits', async () => {
    const { code, stdout } = await gradus('predict', join(folder, 'first'), '2', '--json')
    expect(code).toBe(0)
    const { prediction, confidence, probabilities, label } = JSON.parse(stdout)
    expect(label).toBe(5)
    expect(probabilities).toHaveLength(10)
    expect(probabilities.reduce((sum: number, p: number) => sum + p, 0)).toBeCloseTo(1, 5)
    expect(probabilities[prediction]).toBe(confidence)
    expect(Math.max(...probabilities)).toBe(confidence)
    const shown = await gradus('predict', join(folder, 'first'), '2')
    expect(shown.stdout).toContain(`  ${prediction}  `)
    expect(shown.stdout).not.toContain('\u001b')
  })

  test('makes the same of a picture dark on light and light on dark', async () => {
    const read = async (name: string, ink: string, paper: string): Promise<number[]> => {
      const path = join(folder, name)
      await sharp(Buffer.from(drawing(ink, paper))).toFile(path)
      const { code, stdout } = await gradus('predict', join(folder, 'first'), path, '--json')
      expect(code).toBe(0)
      return JSON.parse(stdout).probabilities
    }
    const [dark, light] = await Promise.all([read('dark.png', '#111', '#eee'), read('light.jpg', '#eee', '#111')])
    expect(Math.max(...dark.map((p, digit) => Math.abs(p - (light[digit] ?? 0))))).toBeLessThan(0.01)
  })

  test.each([
    ['1000', 'there are 1000 test digits, 0 to 999; received 1000'],
    ['absent.png', 'absent.png'],
    ['package.json', 'package.json: Input file contains unsupported image format'],
  ])('refuses %s in one line', async (image, message) => {
    const { code, stdout, stderr } = await gradus('predict', join(folder, 'first'), image)
    expect(stderr).toMatch(/^gradus: [^\n]+\n$/)
    expect(stderr).toContain(message)
    expect([code, stdout]).toEqual([2, ''])
  })

  test('without sharp: the one command that installs it, exit code 2', async () => {
    const reading = start(['predict', join(folder, 'first'), 'digit.png'], { node: hiding('sharp') })
    const { code, stdout, stderr } = await reading.outcome
    expect(stderr).toMatch(/^gradus: [^\n]+ install it with: npm install sharp\n$/)
    expect([code, stdout]).toEqual([2, ''])
  })

  test('refuses a run whose weights are damaged', async () => {
    const run = join(folder, 'third')
    const path = join(run, 'model.safetensors')
    const weights = await readFile(path)
    await writeFile(path, weights.subarray(0, -1))
    expect(await gradus('predict', run, '0')).toMatchObject({ code: 2, stderr: expect.stringContaining('truncated') })
  })
})

describe('gradus runs', () => {
  test('lists them, oldest first', async () => {
    const { code, stdout } = await gradus('runs', folder, '--json')
    expect(code).toBe(0)
    const runs: { run: string; started: string }[] = JSON.parse(stdout).runs
    expect(runs.map(({ run }) => basename(run))).toEqual(expect.arrayContaining(['first', 'second', 'third']))
    expect(runs.map(({ started }) => started)).toEqual(runs.map(({ started }) => started).sort())
    expect(runs.find(({ run }) => run === join(folder, 'second'))).toEqual({
      ...{ run: join(folder, 'second'), recipe: 'mnist', started: expect.any(String), seed: 0, epochs: 2 },
      ...{ testAccuracy: JSON.parse(second.stdout).testAccuracy, seconds: expect.any(Number) },
    })
    expect((await gradus('runs', folder)).stdout).toMatch(/first +\d{4}-\d\d-\d\d \d\d:\d\d +0 +2 +\d+\.\d % +0:\d\d/)
  })
})
