import { PassThrough } from 'node:stream'
import { stripVTControlCharacters } from 'node:util'
import { describe, expect, test } from 'vitest'
import { drawDigits, picturesPerRow } from './digits.ts'
import { count, duration, percent } from './format.ts'
import { startProgress } from './progress.ts'
import { type Screen, screenOn } from './screen.ts'
import { heading, row } from './table.ts'

/** A stream that remembers what was written to it. */
function fakeStream(properties: { isTTY?: boolean; columns?: number } = {}): {
  stream: NodeJS.WriteStream
  text: () => string
} {
  let text = ''
  const stream = new PassThrough()
  stream.on('data', (chunk) => {
    text += chunk
  })
  return { stream: Object.assign(stream, properties) as unknown as NodeJS.WriteStream, text: () => text }
}

const terminal = (columns = 80, env: NodeJS.ProcessEnv = {}): Screen =>
  screenOn(fakeStream({ isTTY: true, columns }).stream, env)
const pipe = (): Screen => screenOn(fakeStream().stream, {})

describe('screenOn', () => {
  test('colours only a terminal, and only with consent', () => {
    expect(terminal().colors.red('x')).toBe('\u001b[31mx\u001b[39m')
    expect(pipe().colors.red('x')).toBe('x')
    expect(terminal(80, { NO_COLOR: '1' }).colors.red('x')).toBe('x')
    expect(terminal(80, { NO_COLOR: '' }).colors.red('x')).not.toBe('x')
    expect(terminal(80, { TERM: 'dumb' }).colors.red('x')).toBe('x')
    expect(screenOn(fakeStream().stream, { CI: 'true', FORCE_COLOR: '1' }).colors.red('x')).toBe('x')
  })

  test('knows its width and writes lines', () => {
    expect([terminal(132).columns, pipe().columns, terminal(0).columns]).toEqual([132, 80, 80])
    const { stream, text } = fakeStream()
    screenOn(stream, {}).line('a')
    screenOn(stream, {}).line()
    expect(text()).toBe('a\n\n')
  })
})

test('numbers as text', () => {
  expect([count(0), count(1234567)]).toEqual(['0', '1,234,567'])
  expect([percent(0.98249), percent(1, 0)]).toEqual(['98.2 %', '100 %'])
  expect([0, 7.4, 59.6, 3723, Number.POSITIVE_INFINITY].map(duration)).toEqual([
    '0:00',
    '0:07',
    '1:00',
    '1:02:03',
    '-:--',
  ])
})

test('rows of a table stand below each other, coloured or not', () => {
  const columns = [
    { title: 'a', width: 4 },
    { title: 'long', width: 8 },
  ]
  expect(heading(columns)).toBe('   a    long')
  expect(row(['1', '22'], columns)).toBe('   1      22')
  expect(stripVTControlCharacters(row([terminal().colors.red('1'), '22'], columns))).toBe('   1      22')
})

describe('startProgress', () => {
  test('draws within the width of the terminal', async () => {
    for (const columns of [40, 60, 80, 200]) {
      const { stream, text } = fakeStream({ isTTY: true, columns })
      const bar = startProgress(screenOn(stream, {}), 10, { before: 'epoch 1/6', after: 'ETA 0:10' })
      bar.update(5, { before: 'epoch 1/6', after: 'ETA 0:05' })
      bar.stop()
      // Each frame begins with the cursor going to the first column.
      const frames = text().split('\u001b[1G').map(stripVTControlCharacters)
      expect(frames).toContainEqual(expect.stringMatching(/^ {2}epoch 1\/6 .* 0 % {2}ETA 0:10$/))
      const widths = frames.map((frame) => frame.trimEnd().length)
      expect(Math.max(...widths)).toBeLessThanOrEqual(columns)
      expect(Math.max(...widths)).toBeGreaterThan(Math.min(columns, 70) - 10)
    }
  })

  test('writes nothing where there is no terminal', () => {
    const { stream, text } = fakeStream()
    const bar = startProgress(screenOn(stream, {}), 10, { before: 'a', after: 'b' })
    bar.update(5, { before: 'a', after: 'b' })
    bar.stop()
    expect(text()).toBe('')
  })
})

describe('drawDigits', () => {
  /** A vertical stroke of 2 × 20 pixels, off centre. */
  const stroke = Float32Array.from({ length: 784 }, (_, i) => {
    const [y, x] = [Math.floor(i / 28), i % 28]
    return y >= 6 && y < 26 && (x === 20 || x === 21) ? 1 : 0
  })
  const picture = { pixels: stroke, caption: '1  99.0 %', tone: 'good' as const }

  test('half blocks without colours, the ink in the middle', () => {
    const lines = drawDigits([picture, picture], pipe())
    const ink = `${' '.repeat(2 + 9)}██${' '.repeat(9 + 3 + 9)}██`
    expect(lines.slice(0, 10)).toEqual(new Array(10).fill(ink))
    expect(lines[10]).toBe(`${' '.repeat(2 + 5)}1  99.0 %${' '.repeat(6 + 3 + 5)}1  99.0 %`)
  })

  test('greys with colours, every line ended', () => {
    const [line = ''] = drawDigits([picture], terminal())
    expect(line).toContain('\u001b[38;5;255;48;5;255m█')
    expect(line).toContain('\u001b[38;5;232;48;5;232m ')
    expect(line.endsWith('\u001b[0m')).toBe(true)
    expect(stripVTControlCharacters(line)).toBe(`${' '.repeat(2 + 9)}██${' '.repeat(9)}`)
    const half = Float32Array.from(stroke, (ink, i) => (i >= 7 * 28 ? 0.25 * ink : ink))
    expect(drawDigits([{ ...picture, pixels: half }], terminal()).join('')).toContain('\u001b[38;5;255;48;5;238m▀')
  })

  test('an empty picture is empty', () => {
    expect(drawDigits([{ ...picture, pixels: new Float32Array(784), caption: '' }], pipe()).join('')).toBe('')
  })

  test('as many as fit', () => {
    expect([10, 24, 48, 80, 100, 500].map((columns) => picturesPerRow({ columns }))).toEqual([1, 1, 2, 3, 4, 6])
  })
})
