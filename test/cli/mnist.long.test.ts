import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import sharp from 'sharp'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { readDrawing } from '../../src/cli/mnist/drawing.ts'
import { LeNet } from '../../src/cli/mnist/lenet.ts'
import { readingsOf } from '../../src/cli/mnist/reading.ts'
import { loadStateDict } from '../../src/io/state-dict.ts'
import { tensor } from '../../src/tensor/creation.ts'
import { gradus } from './command.ts'

/** Digits as somebody draws them with a mouse. */
const strokes: Readonly<Record<number, string>> = {
  0: 'M150 40 C90 40 80 210 150 210 C220 210 210 40 150 40',
  1: 'M165 35 L140 215',
  2: 'M95 80 C110 30 210 40 195 100 C185 140 120 170 90 205 H215',
  3: 'M95 55 C160 20 220 80 145 115 C230 120 205 230 90 200',
  4: 'M160 40 L85 150 H210 M180 100 V215',
  5: 'M200 45 H110 L100 115 C150 90 215 110 200 165 C185 220 110 215 90 190',
  6: 'M190 45 C120 60 90 140 105 185 C125 235 210 210 200 160 C185 120 125 130 105 170',
  7: 'M90 50 H205 L135 215',
  8: 'M150 120 C90 100 110 35 155 40 C210 45 200 100 150 120 C90 145 90 215 150 215 C215 210 210 145 150 120',
  9: 'M195 90 C180 140 100 130 105 85 C115 35 200 30 195 90 C195 140 185 180 170 215',
}

let folder = ''
const accuracies: number[] = []
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'gradus-mnist-'))
})
afterAll(() => rm(folder, { recursive: true }))

test.each([0, 1, 2])('the whole training, seed %i: 96.5 % or better', async (seed) => {
  const { code, stdout } = await gradus(
    'train',
    'mnist',
    '--seed',
    `${seed}`,
    '--run',
    join(folder, `${seed}`),
    '--json',
  )
  expect(code).toBe(0)
  const { testAccuracy } = JSON.parse(stdout)
  accuracies.push(testAccuracy)
  expect(testAccuracy).toBeGreaterThanOrEqual(0.965)
})

test('97.7 % or better on average', () => {
  expect(accuracies).toHaveLength(3)
  expect(accuracies.reduce((sum, accuracy) => sum + accuracy, 0) / 3).toBeGreaterThanOrEqual(0.977)
})

test('nine or more of ten drawn digits are read right', async () => {
  const model = new LeNet()
  await loadStateDict(model, join(folder, '0', 'model.safetensors'))
  model.eval()
  const drawn = await Promise.all(Object.entries(strokes).map(([digit, path]) => draw(digit, path)))
  const images = tensor(Float32Array.from(drawn.flatMap((pixels) => [...pixels])), { shape: [10, 1, 28, 28] })
  const readings = await readingsOf(images, model.forward(images))
  const right = readings.filter(({ digit }, i) => digit === Number(Object.keys(strokes)[i]))
  expect(right.length).toBeGreaterThanOrEqual(9)
  // The command says the same.
  const { stdout } = await gradus('predict', join(folder, '0'), join(folder, '3.png'), '--json')
  expect(JSON.parse(stdout).prediction).toBe(readings[3]!.digit)
})

/** The pixels that the command makes of a drawing. */
async function draw(digit: string, path: string): Promise<Float32Array> {
  const svg = `<svg xmlns="http://www.w3.org/2000/svg" width="400" height="300"><rect width="400" height="300" fill="#fefefa"/>
    <path d="${path}" fill="none" stroke="#222" stroke-width="18" stroke-linecap="round" stroke-linejoin="round"/></svg>`
  const file = join(folder, `${digit}.png`)
  await sharp(Buffer.from(svg)).toFile(file)
  return readDrawing(file)
}
