/** A run that was moved elsewhere, away from the data that it learned from, predicts and exports. */
import { mkdtemp, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { loadOnnx } from '../../src/io/onnx/onnx.ts'
import { zeros } from '../../src/tensor/creation.ts'
import { answerOf, gradusHere } from './command.ts'
import { writePictures } from './pictures.ts'

vi.setConfig({ testTimeout: 240_000 })

let folder = ''
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'gradus-moved-'))
})
afterAll(() => rm(folder, { recursive: true }))

const words = ['fine', 'warm', 'witty', 'dull', 'cold', 'empty']
const lines = (count: number, line: (i: number) => string): string =>
  Array.from({ length: count }, (_, i) => line(i)).join('\n')

interface Case {
  readonly recipe: string
  /** The data: a file's content, or what makes a folder. */
  readonly data: string | ((path: string) => Promise<void>)
  readonly options: readonly string[]
  readonly input: string
  /** Shape of the tensor that the exported model takes. */
  readonly shape: readonly number[]
  readonly dtype?: 'int32'
  /** Whether it can be tested on other data. */
  readonly isTested?: true
}

const cases: readonly Case[] = [
  {
    recipe: 'tabular',
    data: `rooms,town,name,rent\n${lines(80, (i) => `${1 + (i % 5)},${['north', 'south'][i % 2]},flat ${i},${300 + 60 * (i % 5) + 90 * (i % 2)}`)}`,
    options: ['--target', 'rent', '--epochs', '3'],
    input: 'rooms=2,town=south',
    shape: [3, 3],
    isTested: true,
  },
  {
    recipe: 'text-classifier',
    data: lines(60, (i) => `${i % 6 < 3 ? 'praise' : 'blame'} a ${words[i % 6]} film`),
    options: ['--epochs', '1', '--size', '8', '--length', '6'],
    input: 'a witty film',
    shape: [3, 6],
    isTested: true,
    dtype: 'int32',
  },
  {
    recipe: 'char-lm',
    data: lines(40, (i) => `the ${words[i % 6]} film, the end`),
    options: ['--epochs', '1', '--size', '8', '--layers', '1', '--context', '8', '--write', '20'],
    input: 'the',
    shape: [3, 8],
    dtype: 'int32',
  },
  {
    recipe: 'seq2seq',
    data: lines(60, (i) => `${words[i % 6]}\t${[...words[i % 6]!].reverse().join(' ')}`),
    options: ['--epochs', '1', '--size', '8', '--layers', '1', '--max-length', '8'],
    input: 'dull',
    shape: [3, 16],
    dtype: 'int32',
  },
  {
    recipe: 'forecast',
    data: `load\n${lines(200, (i) => String(10 + Math.sin(i / 4)))}`,
    options: ['--target', 'load', '--epochs', '1', '--past', '12', '--ahead', '4', '--season', '12', '--hidden', '8'],
    input: 'end',
    shape: [3, 12, 1],
  },
  {
    recipe: 'image-classifier',
    data: writePictures,
    options: ['--epochs', '1', '--size', '32', '--workers', '0'],
    input: 'sky.png',
    shape: [3, 3, 32, 32],
    isTested: true,
  },
]

test.each(cases)('a run of $recipe', async ({ recipe, data, options, input, shape, dtype, isTested }) => {
  const [source, trained, moved] = ['data', 'run', 'moved'].map((name) => join(folder, `${recipe}-${name}`)) as [
    string,
    string,
    string,
  ]
  if (typeof data === 'string') await writeFile(source, data)
  else await data(source)
  const file = recipe === 'tabular' || recipe === 'forecast' ? `${source}.csv` : source
  if (file !== source) await rename(source, file)
  await answerOf('train', recipe, '--data', file, ...options, '--run', trained)
  let given = input
  if (input.endsWith('.png')) {
    given = join(folder, input)
    await rename(join(source, 'sky', '3.png'), given)
  }
  const before = await answerOf('predict', trained, given)

  const other = file.replace('-data', '-other')
  await rename(file, other)
  await rename(trained, moved)
  expect(await answerOf('predict', moved, given)).toEqual(before)
  const shown = await gradusHere('summary', moved)
  expect([shown.code, shown.stdout.includes(' parameters')]).toEqual([0, true])
  const exported = await answerOf('export', moved, '--onnx')
  expect(exported['files']).toContain('model.onnx')
  const graph = await loadOnnx(join(moved, 'export', 'model.onnx'))
  expect(graph.forward(zeros([...shape], { dtype: dtype ?? 'float32' })).shape[0]).toBe(3)
  expect(JSON.parse(await readFile(join(moved, 'export', 'config.json'), 'utf8')).recipe).toBe(recipe)

  // What needs the data says that it is not there; other data may be all there is.
  const { code, stderr } = await gradusHere('eval', moved)
  expect([code, stderr]).toEqual([2, expect.stringMatching(/^gradus: [^\n]+\n$/)])
  expect(stderr).toContain(file)
  const tested = await gradusHere('eval', moved, other, '--json')
  if (isTested) expect(Object.keys(JSON.parse(tested.stdout))).toContain('loss')
  else expect([tested.code, tested.stderr]).toEqual([2, expect.stringContaining('are tested on their own test data')])
})

test('other data must be of the classes that a run knows', async () => {
  const strange = join(folder, 'strange')
  await writeFile(strange, 'joy a fine film\n')
  const text = await gradusHere('eval', join(folder, 'text-classifier-moved'), strange)
  expect([text.code, text.stderr]).toEqual([2, `gradus: ${strange}: label 'joy' is none of the run's: blame, praise\n`])
  await rename(join(folder, 'image-classifier-other', 'sky'), join(folder, 'image-classifier-other', 'sea'))
  const image = await gradusHere('eval', join(folder, 'image-classifier-moved'), join(folder, 'image-classifier-other'))
  expect(image.stderr).toContain("class 'sea' is none of the run's: leaf, sky")
})
