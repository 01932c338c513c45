/** The short examples, run as they stand; what they print is what they promise. */
import { afterEach, expect, test, vi } from 'vitest'

/** Runs an example and returns the lines it prints. */
async function linesOf(name: string): Promise<string[]> {
  const log = vi.spyOn(console, 'log').mockImplementation(() => {})
  await import(`../../examples/${name}.ts`)
  return log.mock.calls.flatMap((args) => args.join(' ').split('\n'))
}

afterEach(() => vi.restoreAllMocks())

/** All numbers of a line. */
const numbers = (line: string | undefined): number[] => (line?.match(/-?\d+(\.\d+)?(e-?\d+)?/g) ?? []).map(Number)

test('xor: the table is learned', async () => {
  const lines = await linesOf('xor')
  const rows = lines.slice(-4).map(numbers)
  expect(rows.map(([a, b]) => [a, b])).toEqual([
    [0, 0],
    [0, 1],
    [1, 0],
    [1, 1],
  ])
  expect(rows.map((row) => Math.round(row[2]!))).toEqual([0, 1, 1, 0])
  expect(Math.max(...rows.map((row) => Math.abs(row[2]! - Math.round(row[2]!))))).toBeLessThan(0.05)
})

test('linear regression: descent reaches the closed form', async () => {
  const [descent, closed] = (await linesOf('linear-regression')).map(numbers)
  expect(descent).toEqual(closed)
  expect(Math.abs(closed![0]! - 2)).toBeLessThan(0.1)
})

test('compile: the same loss with and without', async () => {
  const [plain, compiled] = (await linesOf('compile')).map(numbers)
  expect(compiled!.slice(0, 2)).toEqual(plain!.slice(0, 2))
  expect(plain![0]).toBeLessThan(0.7)
})

test('custom gradient: all signs are found', async () => {
  expect((await linesOf('custom-gradient')).at(-1)).toBe('16 of 16 hidden signs found')
})

test('transfer: what was learned before helps', async () => {
  const lines = await linesOf('transfer')
  expect(lines[1]).toBe('copied the body: 0 missing, 0 unexpected')
  const [scratch, transferred] = lines.slice(-2).map((line) => numbers(line)[0]!)
  expect(transferred!).toBeLessThan(0.5 * scratch!)
})

test('csv: rents are foretold to within their noise', async () => {
  const lines = await linesOf('csv')
  const [determination, off] = numbers(lines.at(-2)?.replace('R²', ''))
  expect(determination!).toBeGreaterThan(0.97)
  expect(off!).toBeLessThan(40)
  expect(Math.abs(numbers(lines.at(-1)?.split(':')[1])[0]! - (300 + 180 + 630))).toBeLessThan(40)
})

test('lora: a second task is learned beside frozen weights', async () => {
  const lines = await linesOf('lora')
  const loss = (line: string | undefined): number => numbers(line?.split('loss')[1])[0]!
  expect(loss(lines[3])).toBeLessThan(0.3 * loss(lines[1]))
  expect(lines[2]).toBe('adapters: 1072 of 4996 weights')
  expect(lines[4]).toBe('merged: outputs differ by less than 1e-5')
})
