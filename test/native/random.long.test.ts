import fc from 'fast-check'
import { afterAll, describe, expect, test } from 'vitest'
import type { TypedArray } from '../../src/core/dtype.ts'
import { toValues } from '../../src/core/dtype.ts'
import { interpret } from '../../src/graph/interpret.ts'
import { KernelLibrary } from '../../src/runtime/native/kernel-library.ts'
import { threadPool } from '../../src/runtime/native/thread-pool.ts'
import { type Grown, nodesOf, randomProgram } from '../random/programs.ts'
import { runnableSets } from './run-lane.ts'
import { runPlan } from './run-plan.ts'

/*
 * Random programs, with their gradients, by machine code and by the interpreter; and the same bits for any number of threads, for
 * tiles of any size and between unreadable pages.
 */

const programs = fc.array(fc.nat(2 ** 31 - 1), { minLength: 2, maxLength: 9 })
const seed = 20261126

const before = runnableSets.length > 0 ? threadPool().threads : 1
afterAll(() => {
  if (runnableSets.length > 0) threadPool().setThreads(before)
})

/** What results of one program differ in, as text; undefined: in nothing. */
function difference(grown: readonly Grown[], actual: readonly TypedArray[]): string | undefined {
  const expected = interpret(nodesOf(grown))
  for (const [i, { x, tolerance }] of grown.entries()) {
    const [a, b] = [toValues(actual[i]!, x.dtype), toValues(expected[i]!, x.dtype)]
    if (a.length !== b.length) return `result ${i} has ${a.length} elements instead of ${b.length}`
    let scale = 0
    for (const value of b) scale = Math.max(scale, Math.abs(value))
    for (let k = 0; k < b.length; k++) {
      if (Object.is(a[k], b[k])) continue
      if (!(Math.abs(a[k]! - b[k]!) <= 2e-5 + (1e-5 + tolerance) * scale))
        return `result ${i} [${x.shape}], element ${k}: ${a[k]} is not ${b[k]}, the largest being ${scale}`
    }
  }
  return undefined
}

function expectSameBits(actual: readonly TypedArray[], expected: readonly TypedArray[], what: string): void {
  for (const [i, array] of actual.entries()) {
    const bytes = (x: TypedArray): Buffer => Buffer.from(x.buffer, x.byteOffset, x.byteLength)
    if (!bytes(array).equals(bytes(expected[i]!))) expect.fail(`${what}: result ${i} has other bits`)
  }
}

describe.each(runnableSets)('%s', (set) => {
  test('1000 random programs agree with the interpreter', () => {
    const library = new KernelLibrary(set)
    fc.assert(
      fc.property(programs, (choices) => {
        const grown = randomProgram(choices)
        const found = difference(grown, runPlan(nodesOf(grown), library).values)
        if (found) throw new Error(found)
      }),
      { numRuns: 1000, seed },
    )
  })

  test('results are the same to the bit for 1, 2, 3 threads, small tiles, and between unreadable pages', () => {
    const library = new KernelLibrary(set)
    const small = [
      new KernelLibrary(set, { rows: 1, vectors: 1 }),
      new KernelLibrary(set, { rows: 3, vectors: 2 }),
      new KernelLibrary(set, { rows: 5, vectors: 1 }),
    ]
    fc.assert(
      fc.property(programs, (choices) => {
        const nodes = nodesOf(randomProgram(choices))
        threadPool().setThreads(1)
        const { values } = runPlan(nodes, library)
        expectSameBits(runPlan(nodes, library, { guards: 'end' }).values, values, 'before unreadable pages')
        expectSameBits(runPlan(nodes, library, { guards: 'start' }).values, values, 'behind unreadable pages')
        const tiles = small[(choices[0] ?? 0) % small.length]!
        expectSameBits(runPlan(nodes, tiles).values, values, 'small tiles')
        for (const threads of [2, 3]) {
          threadPool().setThreads(threads)
          expectSameBits(runPlan(nodes, library, { shared: true }).values, values, `${threads} threads`)
        }
      }),
      { numRuns: 150, seed: seed + 1 },
    )
  })
})
