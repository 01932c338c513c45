import { readdirSync, readFileSync } from 'node:fs'
import { beforeEach, describe, expect, test, vi } from 'vitest'
import { firstAbsent } from '../../examples/data-files.ts'
import { atLeast, atMost, between, exactly, figuresText, results, show } from '../../examples/fundamentals/show.ts'
import { expectToHold, slow } from './holds.ts'

const folder = new URL('../../examples/fundamentals/', import.meta.url)
const read = (path: string): string => readFileSync(new URL(path, folder), 'utf8')

beforeEach(() => {
  vi.spyOn(console, 'log').mockImplementation(() => {})
})

const quick: [script: string, claims: number, figures: number][] = [
  ['neuron', 1, 3],
  ['xor', 2, 3],
  ['linear-regression', 1, 3],
  ['maximum-margin', 1, 3],
  ['vanishing-gradient', 2, 3],
  ['softmax', 2, 3],
  ['oscillation', 4, 1],
  ['moving-target', 2, 3],
  ['sparsity', 3, 3],
  ['order', 2, 3],
  ['parallel', 4, 1],
]

describe('fundamentals hold', () => {
  test.each(quick)('%s', (script, claims, figures) => expectToHold(script, claims, figures), 60_000)
})

const scripts = readdirSync(folder)
  .filter((file) => file.endsWith('.ts') && !['show.ts', 'digits.ts', 'all.ts'].includes(file))
  .map((file) => file.replace('.ts', ''))

test('every script is tested, run by all.ts and in the documentation', () => {
  expect([...quick.map(([script]) => script), ...slow].sort()).toEqual(scripts.sort())
  const [all, document] = [read('all.ts'), read('../../docs/fundamentals.md')]
  expect(scripts.filter((script) => !all.includes(`'${script}'`))).toEqual([])
  expect(scripts.filter((script) => !document.includes(`(../examples/fundamentals/${script}.ts)`))).toEqual([])
})

test('a claim whose data is absent is skipped and says so', () => {
  const absent = firstAbsent(import.meta.filename, '/nowhere/weights')
  show('x.ts', ['claim', '结论'], [], atLeast(90, ' %'), { absent })
  const result = results.pop()
  expect(result && [figuresText(result), result.holds]).toEqual(['needs /nowhere/weights', false])
  expect(vi.mocked(console.log).mock.lastCall?.[0]).toMatch(/needs \/nowhere\/weights +≥ 90 % +skipped/)
  expect(firstAbsent(import.meta.filename)).toBeUndefined()
})

test('the documentation says what the scripts claim, in both languages', () => {
  const document = read('../../docs/fundamentals.md')
  for (const { english, chinese, bar } of results) {
    for (const claim of [english, chinese]) {
      const line = document.split('\n').find((text) => text.includes(`| ${claim.replaceAll('|', '\\|')} |`))
      expect(line, claim).toContain(`| ${bar.text} |`)
    }
  }
  expect(document).not.toMatch(/fails|不成立/)
})

test('one figure that misses the bar fails a claim, and so does having none', () => {
  const holds = (figures: number[], bar: ReturnType<typeof atMost>): boolean | undefined => {
    show('x.ts', ['claim', '结论'], figures, bar)
    return results.pop()?.holds
  }
  expect(holds([75, 75, 75], atMost(75, ' %'))).toBe(true)
  expect(holds([75, 75.1, 75], atMost(75, ' %'))).toBe(false)
  expect(holds([95, 94.9], atLeast(95))).toBe(false)
  expect(holds([64, 63], exactly(64))).toBe(false)
  expect(holds([0.05], between(0.1, 10))).toBe(false)
  expect(holds([11], between(0.1, 10))).toBe(false)
  expect(holds([Number.NaN], atMost(1))).toBe(false)
  expect(holds([], atMost(1))).toBe(false)
})
