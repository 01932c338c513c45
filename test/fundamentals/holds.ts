import { setThreads } from 'gradus'
import { expect } from 'vitest'
import { figuresText, type Result, results } from '../../examples/fundamentals/show.ts'

/** Scripts that take longer than a unit test may. */
export const slow: readonly string[] = [
  'dying-relu',
  'dropout',
  'batch-norm',
  'convolution',
  'rotation',
  'annealing',
  'augmentation',
  'recall',
  'transfer-images',
  'transfer-sentences',
]

/** Runs a script of examples/fundamentals and expects `claims` claims, each with its figures, to hold. */
export async function expectToHold(script: string, claims: number, figures: number): Promise<void> {
  // Other tests run beside this one, and bits do not depend on it.
  setThreads(1)
  const before = results.length
  await import(`../../examples/fundamentals/${script}.ts`)
  const shown = results.slice(before)
  expect(shown.map((result) => result.figures.length)).toEqual(new Array(claims).fill(figures))
  expect(shown.filter(({ holds }) => !holds).map(describe)).toEqual([])
}

function describe(result: Result): string {
  return `${result.english}: ${figuresText(result)}, expected ${result.bar.text}`
}
