/**
 * Writes docs/coverage.md: which of PyTorch's names exist here, under which name, and which do not (`npm run coverage-docs`).
 * A name counts only if what it maps to is held against PyTorch's values by a golden, or by the test that
 * test/goldens/elsewhere.ts names.
 */
import { readFileSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { caseFiles, readCases } from '../test/goldens/cases.ts'
import { testedElsewhere } from '../test/goldens/elsewhere.ts'
import { observe } from '../test/goldens/observe.ts'
import { publicSurface } from '../test/goldens/surface.ts'
import { aliases, omissions, places, renamed } from './pytorch-map.ts'

export interface Entry {
  /** PyTorch's name inside its module. */
  readonly name: string
  /** The path here; undefined where there is none. */
  readonly here: string | undefined
  /** Why it is left out on purpose. */
  readonly omitted: string | undefined
}

export type Coverage = ReadonlyMap<string, readonly Entry[]>

/** Letters alone: `log_softmax` and `logSoftmax` are the same name. */
function bare(name: string): string {
  return name.replaceAll('_', '').toLowerCase()
}

/** Maps every name of docs/pytorch-names.json to what is public and tested here. */
export async function measureCoverage(): Promise<Coverage> {
  const text = readFileSync(new URL('../docs/pytorch-names.json', import.meta.url), 'utf8')
  const modules = JSON.parse(text) as Record<string, string[]>
  const tested = await testedNames()
  const omitted = new Map(omissions.flatMap(({ reason, names }) => names.map((name) => [name, reason] as const)))
  const find = (module: string, name: string): string | undefined => {
    const full = `${module}.${name}`
    const own = renamed[full]
    if (own !== undefined) return tested.get(own)
    const alias = aliases[full]
    if (alias !== undefined) return find(module, alias.slice(module.length + 1))
    for (const place of places[module] ?? []) {
      const found = tested.get(bare(`${place}${name}`))
      if (found !== undefined) return found
    }
    return undefined
  }
  return new Map(
    Object.entries(modules).map(([module, names]) => [
      module,
      names.map((name) => ({ name, here: find(module, name), omitted: omitted.get(`${module}.${name}`) })),
    ]),
  )
}

/** Paths of what is public and tested, by themselves and by their letters alone. */
async function testedNames(): Promise<Map<string, string>> {
  const { called } = await observe(caseFiles().flatMap(readCases))
  const elsewhere = testedElsewhere()
  const tested = new Map<string, string>()
  for (const [path, value] of publicSurface()) {
    if (!called.has(value) && !elsewhere.has(path)) continue
    tested.set(bare(path), path)
    tested.set(path, path)
  }
  return tested
}

export function share(entries: readonly Entry[]): number {
  return entries.filter(({ here }) => here !== undefined).length / entries.length
}

function percent(part: number): string {
  return `${Math.floor(part * 1000) / 10} %`
}

/** The page docs/coverage.md. */
export function renderCoverage(coverage: Coverage): string {
  const lines = [
    '# What a PyTorch user finds here',
    '',
    'Written by `npm run coverage-docs` from the public names of PyTorch 2.13 in [pytorch-names.json](pytorch-names.json). A name counts',
    "only if it is tested against PyTorch's values. Names keep their letters and take camelCase; second names that PyTorch keeps for",
    'compatibility (`absolute`, `arccos`, `greater` ...) exist once, under the first.',
    '',
    '| module | names | here | share |',
    '|---|--:|--:|--:|',
  ]
  for (const [module, entries] of coverage) {
    const here = entries.filter((entry) => entry.here !== undefined).length
    lines.push(`| [${module}](#${anchor(module)}) | ${entries.length} | ${here} | ${percent(share(entries))} |`)
  }
  for (const [module, entries] of coverage) lines.push('', ...renderModule(module, entries))
  return `${lines.join('\n')}\n`
}

function anchor(module: string): string {
  return module.toLowerCase().replaceAll('.', '')
}

function renderModule(module: string, entries: readonly Entry[]): string[] {
  const lines = [`## ${module}`, '', '| PyTorch | here |', '|---|---|']
  for (const { name, here } of entries) if (here !== undefined) lines.push(`| \`${name}\` | \`${here}\` |`)
  const missing = entries.filter(({ here, omitted }) => here === undefined && omitted === undefined)
  if (missing.length > 0) lines.push('', `Not yet: ${missing.map(({ name }) => `\`${name}\``).join(', ')}.`)
  const reasons = new Map<string, string[]>()
  for (const { name, here, omitted } of entries) {
    if (here === undefined && omitted !== undefined) reasons.set(omitted, [...(reasons.get(omitted) ?? []), name])
  }
  if (reasons.size > 0) lines.push('', 'Left out on purpose:', '')
  for (const [reason, names] of reasons) lines.push(`- ${names.map((name) => `\`${name}\``).join(', ')}: ${reason}`)
  return lines
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const coverage = await measureCoverage()
  writeFileSync(new URL('../docs/coverage.md', import.meta.url), renderCoverage(coverage))
  for (const [module, entries] of coverage) console.log(`${module}: ${percent(share(entries))}`)
}
