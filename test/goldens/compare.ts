import { expect } from 'vitest'
import type { Tensor } from '../../src/tensor/tensor.ts'
import { type GoldenTensor, toNumber } from './format.ts'

/** |a − b| ≤ 1e-6 + relative · |b|, element by element; NaN equals NaN, infinities their like. */
export function expectClose(
  actual: ArrayLike<number>,
  expected: ArrayLike<number>,
  relative: number,
  what: string,
): void {
  expect(actual.length, `${what}: number of elements`).toBe(expected.length)
  for (let i = 0; i < actual.length; i++) {
    const [a, b] = [actual[i]!, expected[i]!]
    if (Object.is(a, b) || a === b) continue
    const allowed = 1e-6 + relative * Math.abs(b)
    if (!(Math.abs(a - b) <= allowed)) {
      expect.fail(`${what}[${i}]: ${a} is not ${b} (difference ${Math.abs(a - b)}, allowed ${allowed})`)
    }
  }
}

/** What float16 and bfloat16 allow: two units in the last place, since the order of rounding is the library's own. */
const relativeOf: Readonly<Record<string, number>> = { float16: 2 ** -9, bfloat16: 2 ** -6 }

export function expectTensor(actual: Tensor, golden: GoldenTensor, relative: number, what: string): void {
  expect([...actual.shape], `${what}: shape`).toEqual([...golden.shape])
  expect(actual.dtype, `${what}: dtype`).toBe(golden.dtype)
  expectClose(actual.dataSync(), golden.data.map(toNumber), relativeOf[golden.dtype] ?? relative, what)
}
