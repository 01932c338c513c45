/** The examples about sequences, with settings that are over in seconds; computed by machine code. */
import { writeFileSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, test } from 'vitest'
import { registerTarget, setDevice } from '../../src/runtime/device.ts'
import { NativeTarget, nativeTarget } from '../../src/runtime/native/target.ts'
import { outputOf } from './output.ts'

const target = nativeTarget()
const folder = mkdtempSync(join(tmpdir(), 'gradus-sequences-'))

afterAll(() => rmSync(folder, { recursive: true }))

const figure = (text: string, pattern: RegExp): number => Number(pattern.exec(text)?.[1])

describe.skipIf('reason' in target)('examples', () => {
  if (!(target instanceof NativeTarget)) return
  registerTarget(target)
  setDevice('native')

  test('char-gpt learns from Moby Dick and writes', async () => {
    const text = await outputOf('char-gpt', '-', 30)
    expect(figure(text, /step 30 of 30.*loss ([\d.]+)/)).toBeLessThan(3.6)
    expect(figure(text, /validation loss ([\d.]+) nats/)).toBeLessThan(3.7)
    expect(text.split('sample:\n')[1]?.length).toBe(63)
  })

  test('char-lstm learns from a file and writes', async () => {
    const file = join(folder, 'text.txt')
    writeFileSync(file, 'to be or not to be, that is the question. '.repeat(1000))
    const text = await outputOf('char-lstm', file, 15)
    expect(figure(text, /step 15 of 15.*loss ([\d.]+)/)).toBeLessThan(2.7)
    expect(text.split('sample:\n')[1]?.length).toBe(20)
  })

  test('sentences tells praise from blame where a word gives it away', async () => {
    const line = (i: number): string => (i % 2 === 0 ? '1 a good fine film' : '0 a bad poor film')
    const file = join(folder, 'sentences.txt')
    writeFileSync(file, Array.from({ length: 640 }, (_, i) => line(i)).join('\n'))
    const text = await outputOf('sentences', file, file, file, 3)
    expect(figure(text, /LSTM: test accuracy ([\d.]+)/)).toBe(100)
    expect(figure(text, /Transformer: test accuracy ([\d.]+)/)).toBe(100)
  })

  test('phonemes pronounces unseen words, wrongly at first', async () => {
    const text = await outputOf('phonemes', 20, 2000)
    expect(figure(text, /step 20 of 20: loss ([\d.]+)/)).toBeLessThan(3.6)
    expect(figure(text, /unseen words: ([\d.]+) %/)).toBeGreaterThan(0)
  })

  test('forecast compares itself with what needs no learning', async () => {
    const file = join(folder, 'series.csv')
    const value = (t: number): number => 10 + Math.sin((2 * Math.PI * t) / 24) + 0.1 * Math.sin(t * t)
    writeFileSync(file, `time,load\n${Array.from({ length: 2000 }, (_, t) => `${t},${value(t)}`).join('\n')}\n`)
    const text = await outputOf('forecast', file, 'load', 1, 1)
    const seasonal = figure(text, /as 24 hours before +([\d.]+)/)
    expect(seasonal).toBeGreaterThan(0)
    expect(figure(text, /nothing changes +([\d.]+)/)).toBeGreaterThan(seasonal)
    expect(figure(text, /mean of 1 seeds +([\d.]+)/)).toBeGreaterThan(0)
  })
})
