import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { beforeAll, describe, expect, test } from 'vitest'
import type { Op } from '../../src/graph/node.ts'
import { opTable } from '../../src/graph/table.ts'
import { caseFiles, readCases } from './cases.ts'
import { elsewhere, gradientOps, linearOps, opsElsewhere, testedElsewhere } from './elsewhere.ts'
import { type Observation, observe } from './observe.ts'
import { publicSurface } from './surface.ts'

/*
 * Nothing is public, and nothing is in the op table, that no test holds against PyTorch's values or, where there is no such
 * value, names and asserts.
 */

let seen: Observation

beforeAll(async () => {
  seen = await observe(caseFiles().flatMap(readCases))
}, 60_000)

/** What the op modules define, whether or not the table lists it. */
async function definedOps(): Promise<Op[]> {
  const files = readdirSync(new URL('../../src/graph/ops', import.meta.url)).filter((file) => !file.includes('.test.'))
  const modules = await Promise.all(files.map((file) => import(`../../src/graph/ops/${file.replace('.ts', '')}.ts`)))
  const members = modules.flatMap((module: object) => Object.values(module) as { op?: Op }[])
  const ops = members.map((member) => ('infer' in member ? (member as unknown as Op) : member.op))
  return ops.filter((op) => op !== undefined)
}

/** Back-propagation passes through the op. */
function isDifferentiable({ name, derivative, decompose }: Op): boolean {
  return (derivative !== undefined || decompose !== undefined) && !(name in opsElsewhere)
}

describe('the op table', () => {
  test('lists every op that is defined', async () => {
    const unlisted = (await definedOps()).filter(({ name }) => !opTable.has(name))
    expect(unlisted.map(({ name }) => name)).toEqual([])
  })

  test('holds no op whose values no golden compares', () => {
    const missing = [...opTable.keys()].filter((name) => !seen.recorded.has(name) && !(name in opsElsewhere))
    expect(missing).toEqual([])
  })

  test('holds no derivative that is not compared with central differences', () => {
    const ops = [...opTable.values()].filter(isDifferentiable)
    expect(ops.filter(({ name }) => !seen.differentiated.has(name)).map(({ name }) => name)).toEqual([])
  })

  test('holds no smooth op whose second derivative is not', () => {
    const excepted = new Set([...linearOps, ...gradientOps])
    const ops = [...opTable.values()].filter((op) => isDifferentiable(op) && !excepted.has(op.name))
    expect(ops.filter(({ name }) => !seen.differentiatedTwice.has(name)).map(({ name }) => name)).toEqual([])
  })

  test('knows every op that is excepted', () => {
    expect([...linearOps, ...gradientOps, ...Object.keys(opsElsewhere)].filter((name) => !opTable.has(name))).toEqual(
      [],
    )
  })
})

describe('public names', () => {
  test('are all called by a golden, or held by the test that is named for them', () => {
    const exceptions = testedElsewhere()
    const missing = [...publicSurface()].filter(([path, value]) => !seen.called.has(value) && !exceptions.has(path))
    expect(missing.map(([path]) => path)).toEqual([])
  })

  test('are excepted only if they exist and no golden calls them', () => {
    const surface = publicSurface()
    const names = elsewhere.flatMap((group) => group.names)
    expect(names.filter((name) => !surface.has(name) || seen.called.has(surface.get(name)))).toEqual([])
    expect(names.filter((name, i) => names.indexOf(name) !== i)).toEqual([])
  })

  test.each([...elsewhere, ...Object.entries(opsElsewhere).map(([op, file]) => ({ test: file, names: [op] }))])(
    'are named in $test',
    ({ test: file, names }) => {
      const path = new URL(`../../${file}`, import.meta.url)
      expect(existsSync(path), file).toBe(true)
      const words = new Set(readFileSync(path, 'utf8').match(/\w+/g))
      expect(names.filter((name) => !words.has(name.split('.').at(-1) ?? name))).toEqual([])
    },
  )
})
