/** The recipes for texts, pairs and series, on tiny data that a network learns within seconds; run in this process, to save starting others. */
import { cp, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { answerOf, gradusHere } from './command.ts'

vi.setConfig({ testTimeout: 120_000 })

let folder = ''
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'gradus-sequences-'))
})
afterAll(() => rm(folder, { recursive: true }))

/** Trains and returns the figures on the test data, or on what was watched where there is none. */
async function train(recipe: string, name: string, ...options: string[]): Promise<Record<string, number>> {
  const answer = await answerOf('train', recipe, ...options, '--run', join(folder, name))
  return (answer['test'] ?? answer['validation']) as Record<string, number>
}

async function predict(name: string, input: string): Promise<Record<string, unknown>> {
  return answerOf('predict', join(folder, name), input)
}

async function file(name: string, lines: readonly string[]): Promise<string> {
  const path = join(folder, name)
  await writeFile(path, `${lines.join('\n')}\n`)
  return path
}

/** Takes a run up again from before its last epoch, and says whether it ends with the same bits. */
async function endsAlike(name: string): Promise<boolean> {
  const copy = join(folder, `${name}-again`)
  await cp(join(folder, name), copy, { recursive: true })
  const checkpoints = (await readdir(join(copy, 'checkpoints'))).sort()
  await rm(join(copy, 'checkpoints', checkpoints.at(-1)!), { recursive: true })
  const weights = join(copy, 'model.safetensors')
  await rm(weights)
  expect((await gradusHere('resume', copy)).code).toBe(0)
  return (await readFile(weights)).equals(await readFile(join(folder, name, 'model.safetensors')))
}

describe('text-classifier', () => {
  const words = { praise: ['good', 'fine', 'lovely'], blame: ['bad', 'poor', 'dull'] } as const
  const texts = Array.from({ length: 240 }, (_, i) => {
    const label = i % 2 === 0 ? 'praise' : 'blame'
    return {
      label,
      text: `A ${words[label][(i >> 1) % 3]} film, ${['truly', 'simply'][(i % 3) % 2]} ${words[label][i % 3]}`,
    }
  })
  const options = ['--epochs', '3', '--lr', '0.02', '--size', '8', '--length', '12', '--batch-size', '24']

  test('tells kinds of texts of a CSV file apart, also taken up again', async () => {
    const data = await file('films.csv', ['text,label', ...texts.map(({ text, label }) => `"${text}",${label}`)])
    expect((await train('text-classifier', 'text', '--data', data, ...options))['accuracy']).toBeGreaterThan(0.9)
    const answer = await predict('text', 'A lovely film, zounds')
    expect(answer).toMatchObject({ prediction: 'praise', unknownWords: ['zounds'] })
    const tested = JSON.parse((await gradusHere('eval', join(folder, 'text'), '--json')).stdout)
    const { test: figures, confusion } = JSON.parse(await readFile(join(folder, 'text', 'result.json'), 'utf8'))
    expect(tested).toEqual(figures)
    const [[right, wrong], [missed, found]] = confusion.counts
    expect([confusion.classes, right + wrong + missed + found]).toEqual([['blame', 'praise'], 36])
    expect((right + found) / 36).toBeCloseTo(figures.accuracy, 6)
    const { files } = JSON.parse(
      (await gradusHere('plot', join(folder, 'text'), '--out', join(folder, 'plots'), '--json')).stdout,
    )
    expect(files.slice(-2)).toEqual(['svg', 'png'].map((kind) => join(folder, 'plots', `confusion.${kind}`)))
    expect(await readFile(files.at(-2), 'utf8')).toMatch(/^<svg [\s\S]*taken for[\s\S]*praise/)
    expect(await endsAlike('text')).toBe(true)
  })

  test('reads JSONL and lines with a label first, by a Transformer, in the files that are named', async () => {
    const data = await file(
      'films.jsonl',
      texts.map(({ text, label }) => JSON.stringify({ review: text, kind: label })),
    )
    const held = await file(
      'films.dev',
      texts.slice(0, 30).map(({ text, label }) => `${label} ${text}`),
    )
    const named = ['--validation', held, '--test', held, '--model', 'transformer']
    const refused = await gradusHere('train', 'text-classifier', '--data', data)
    expect(refused).toMatchObject({ code: 2, stderr: `gradus: ${data} has no column 'text'; it has review, kind\n` })
    const figures = await train(
      'text-classifier',
      't',
      '--data',
      data,
      '--text',
      'review',
      '--label',
      'kind',
      ...named,
      ...options,
    )
    expect(figures['accuracy']).toBeGreaterThan(0.9)
  })

  test.each<[string[], string[], string]>([
    [['1 a fine film', 'film'], [], "line 2: expected a label and a text, received 'film'"],
    [['1 a', '1 b', '1 c', '1 d', '1 e', '1 f', '1 g'], [], "all texts have the label '1'"],
    [['1 a', '0 b'], [], '2 texts leave none for validation'],
    [['1 a'], ['--model', 'gru'], 'field \'model\' expects lstm or transformer, received "gru"'],
    [['1 a'], ['--dropout', '1'], "field 'dropout' expects a number from 0 to below 1, received 1"],
    [['1 a'], ['--size', '6'], "field 'size' expects a multiple of 4, received 6"],
  ])('refuses %j with %j', async (lines, more, message) => {
    const { code, stderr } = await gradusHere(
      'train',
      'text-classifier',
      '--data',
      await file('bad.txt', lines),
      ...more,
    )
    expect(stderr).toMatch(/^gradus: [^\n]+\n$/)
    expect(stderr).toContain(message)
    expect(code).toBe(2)
  })
})

describe('char-lm', () => {
  test.each(['gpt', 'lstm'])('a %s learns to write, also taken up again', async (model) => {
    const data = await file('question.txt', Array(60).fill('to be or not to be, that is the question.'))
    const options = [
      '--epochs',
      '3',
      '--lr',
      '0.02',
      '--size',
      '16',
      '--layers',
      '1',
      '--context',
      '12',
      '--model',
      model,
    ]
    const { loss, perplexity } = await train('char-lm', model, '--data', data, ...options, '--write', '30')
    expect(loss).toBeLessThan(1.6)
    expect(perplexity).toBeCloseTo(Math.exp(loss!), 10)
    const { text } = await predict(model, 'to be')
    expect(text).toHaveLength(30)
    expect(await gradusHere('predict', join(folder, model), 'Zürich')).toMatchObject({
      code: 2,
      stderr: "gradus: the text that it learned from has no 'Z', 'ü', 'c'\n",
    })
    expect(await endsAlike(model)).toBe(true)
  })

  test('refuses a text that is too short', async () => {
    const { code, stderr } = await gradusHere('train', 'char-lm', '--data', await file('short.txt', ['to be']))
    expect([code, stderr]).toEqual([
      2,
      expect.stringContaining('6 characters are too few for a context of 64; at least 650'),
    ])
  })
})

describe('seq2seq', () => {
  const spelled = (word: string): string => `${word}\t${[...word].map((letter) => letter.toUpperCase()).join(' ')}`
  const words = Array.from({ length: 400 }, (_, i) => i.toString(3).replaceAll(/\d/g, (digit) => 'abc'[Number(digit)]!))

  test('translates what it has not seen, also taken up again', async () => {
    const data = await file('pairs.tsv', [...words.map(spelled), spelled('abcabcabc')])
    const options = [
      '--epochs',
      '6',
      '--lr',
      '0.01',
      '--size',
      '16',
      '--layers',
      '1',
      '--max-length',
      '8',
      '--batch-size',
      '40',
    ]
    const figures = await train('seq2seq', 'pairs', '--data', data, ...options)
    expect(figures['tokenErrorRate']).toBeLessThan(0.4)
    expect(Object.keys(figures)).toEqual(['loss', 'tokenErrorRate', 'exact'])
    expect((await predict('pairs', 'cab'))['prediction']).toMatch(/^[ABC]( [ABC])*$/)
    expect(await gradusHere('predict', join(folder, 'pairs'), 'abcabcabc')).toMatchObject({
      code: 2,
      stderr: 'gradus: expects 1 to 8 source tokens, received 9\n',
    })
    expect((await gradusHere('summary', join(folder, 'pairs'))).stdout).toMatch(
      /translator: Seq2Seq +1×8×\d+|translator: Seq2Seq +\[1, 8, \d+\]/,
    )
    expect(await endsAlike('pairs')).toBe(true)
  })

  test('refuses a line without a target', async () => {
    const data = await file('half.tsv', [spelled('abc'), 'abc'])
    const { code, stderr } = await gradusHere('train', 'seq2seq', '--data', data)
    expect([code, stderr]).toEqual([
      2,
      expect.stringContaining("line 2: expected a source, a tab and a target, received 'abc'"),
    ])
  })
})

describe('forecast', () => {
  const value = (t: number): number => 500 + 20 * Math.sin((2 * Math.PI * t) / 12) + 3 * Math.sin(t * t)
  const series = Array.from({ length: 400 }, (_, t) => `${t},${value(t).toFixed(3)}`)
  const sizes = ['--past', '12', '--ahead', '6', '--season', '12']

  test('foretells a series in its units and compares itself with what needs no learning', async () => {
    const data = await file('load.csv', ['time,load', ...series])
    const options = ['--epochs', '12', '--lr', '0.02', '--hidden', '8', '--batch-size', '16', ...sizes]
    const figures = await train('forecast', 'load', '--data', data, '--target', 'load', ...options)
    expect(Object.keys(figures)).toEqual(['loss', 'mae', 'rmse', 'naive', 'seasonalNaive'])
    expect(figures['loss']).toBeLessThan(0.5 * figures['naive']!)
    // By hand: the test part begins at 320, the deviation is that of the first 280 steps.
    const known = Array.from({ length: 280 }, (_, t) => value(t))
    const mean = known.reduce((sum, x) => sum + x) / 280
    const variance = known.reduce((sum, x) => sum + (x - mean) ** 2, 0) / 280
    let [sum, count] = [0, 0]
    for (let start = 320; start + 6 <= 400; start++) {
      for (let i = 0; i < 6; i++, count++) sum += (value(start + i - 12) - value(start + i)) ** 2 / variance
    }
    expect(figures['seasonalNaive']).toBeCloseTo(sum / count, 3)
    const known12 = Array.from({ length: 12 }, (_, i) => value(400 + i))
    const answer = await predict('load', known12.join(','))
    const prediction = answer['prediction'] as number[]
    expect(prediction).toHaveLength(6)
    for (const [i, x] of prediction.entries()) expect(Math.abs(x - value(412 + i))).toBeLessThan(20)
    expect(await predict('load', data)).toEqual(await predict('load', 'end'))
    expect(await endsAlike('load')).toBe(true)
  })

  test('refuses gaps, short series and columns that are not there', async () => {
    const gaps = await file('gaps.csv', ['time,load', ...series.slice(0, 9), '9,', ...series.slice(10)])
    const complaint = async (...options: string[]): Promise<string> => {
      const { code, stderr } = await gradusHere('train', 'forecast', ...options)
      expect(code).toBe(2)
      return stderr
    }
    expect(await complaint('--data', gaps, '--target', 'load')).toContain("row 10: load expects a number, received ''")
    expect(await complaint('--data', gaps, '--target', 'price')).toContain("has no column 'price'; it has time, load")
    const short = await file('short.csv', ['time,load', ...series.slice(0, 90)])
    expect(await complaint('--data', short, '--target', 'load')).toContain('90 steps are too few for 96 past, 24 ahead')
  })
})
