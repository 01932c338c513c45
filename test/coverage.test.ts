import { readFileSync } from 'node:fs'
import { beforeAll, expect, test } from 'vitest'
import { type Coverage, type Entry, measureCoverage, renderCoverage, share } from '../scripts/coverage.ts'
import { aliases, omissions, renamed } from '../scripts/pytorch-map.ts'

let coverage: Coverage

beforeAll(async () => {
  coverage = await measureCoverage()
})

/** How much of each module of PyTorch must be here and tested. */
test.each([
  ['Tensor', 0.75],
  ['nn', 0.65],
  ['nn.functional', 0.75],
  ['nn.init', 0.75],
  ['optim', 0.75],
  ['optim.lr_scheduler', 1],
])('of %s a share of at least %d is here and tested', (module, bar) => {
  expect(share(coverage.get(module) ?? [])).toBeGreaterThanOrEqual(bar)
})

test('docs/coverage.md is up to date: npm run coverage-docs', () => {
  expect(readFileSync(new URL('../docs/coverage.md', import.meta.url), 'utf8')).toBe(renderCoverage(coverage))
})

test('names are mapped that PyTorch has, and left out only if they are not here', () => {
  const entries = [...coverage].flatMap(([module, list]) =>
    list.map((entry) => [`${module}.${entry.name}`, entry] as const),
  )
  const known = new Map<string, Entry>(entries)
  const mapped = [...Object.keys(aliases), ...Object.values(aliases), ...Object.keys(renamed)]
  const omitted = omissions.flatMap(({ names }) => names)
  expect([...mapped, ...omitted].filter((name) => !known.has(name))).toEqual([])
  expect(omitted.filter((name) => known.get(name)?.here !== undefined)).toEqual([])
})
