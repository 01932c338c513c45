import { describe, expect, test } from 'vitest'
import { runEverywhere } from '../../../test/native/run-lane.ts'
import { integerPower } from '../../core/arithmetic.ts'
import { bfloat16ToFloat32, float16ToFloat32, float32ToBfloat16, float32ToFloat16 } from '../../core/half.ts'
import type { LaneBuilder } from '../builder.ts'
import type { Register } from '../program.ts'
import { integerPow } from './pow.ts'
import { roundToBfloat16, roundToFloat16 } from './round-half.ts'
import { shiftLeft, shiftRight, shiftRightLogical } from './shift.ts'

const n = 1024

/** f of pairs by the interpreter of lane code and natively, for both widths. */
function results(
  f: (b: LaneBuilder, x: Register, y: Register) => Register,
  xs: Int32Array,
  ys: Int32Array,
): Int32Array[] {
  const write = (b: LaneBuilder): void => {
    const [x, y, z] = [b.buffer('x', 'i32', n), b.buffer('y', 'i32', n), b.buffer('z', 'i32', n)]
    b.loop({ count: n / b.lanes, step: b.lanes }, (i) => b.store(z, i, f(b, b.load(x, i), b.load(y, i))))
  }
  return runEverywhere(write, [xs, ys, new Int32Array(n)]).flatMap(({ interpreter, results: native }) =>
    [interpreter, ...native].map(({ bindings }) => bindings[2] as Int32Array),
  )
}

const words = Int32Array.from({ length: n }, (_, i) => Math.imul(i * 7919 + 13, 0x9e3779b1))
const counts = Int32Array.from({ length: n }, (_, i) => (i % 48) - 8)

describe('whole numbers', () => {
  const inRange = (count: number): boolean => count >= 0 && count < 32
  const cases = [
    [shiftLeft, (x: number, c: number) => (inRange(c) ? x << c : 0)],
    [shiftRight, (x: number, c: number) => x >> (inRange(c) ? c : 31)],
    [shiftRightLogical, (x: number, c: number) => (inRange(c) ? (x >>> c) | 0 : 0)],
  ] as const
  for (const [f, reference] of cases) {
    test(f.name, () => {
      const right = words.map((x, i) => reference(x, counts[i] as number))
      for (const result of results(f, words, counts)) expect(result).toEqual(right)
    })
  }

  test('integerPow', () => {
    const bases = Int32Array.from({ length: n }, (_, i) => (i % 23) - 11)
    const right = bases.map((x, i) => integerPower(x, counts[i] as number))
    for (const result of results(integerPow, bases, counts)) expect(result).toEqual(right)
  })
})

describe('rounding to half precision', () => {
  const float = (word: number): number => new Float32Array(Int32Array.of(word).buffer)[0] as number
  const bits = (value: number): number => new Int32Array(Float32Array.of(value).buffer)[0] as number
  // Numbers of every magnitude that half precision has, ties among them, and the edges of its range.
  const edges = [
    0,
    -0,
    65504,
    65519.99,
    65520,
    -1e10,
    2 ** -24,
    2 ** -25,
    1.5 * 2 ** -25,
    6e-5,
    1,
    1 + 2 ** -11,
    1 + 3 * 2 ** -11,
  ]
  const inputs = Int32Array.from({ length: n }, (_, i) => {
    if (i < edges.length) return bits(edges[i] as number)
    const sign = i % 2 === 0 ? 0 : -(2 ** 31)
    const exponent = 97 + (i % 50)
    const mantissa = i % 3 === 0 ? ((i << 13) & 0x7fe000) | 0x1000 : (words[i] as number) & 0x7fffff
    return sign | (exponent << 23) | mantissa
  })
  const cases = [
    [roundToFloat16, (x: number) => float16ToFloat32(float32ToFloat16(x))],
    [roundToBfloat16, (x: number) => bfloat16ToFloat32(float32ToBfloat16(x))],
  ] as const
  for (const [f, reference] of cases) {
    test(f.name, () => {
      const right = inputs.map((word) => bits(reference(float(word))))
      const rounded = (b: LaneBuilder, x: Register): Register => b.bitsOf(f(b, b.fromBits(x)))
      for (const result of results(rounded, inputs, inputs)) expect(result).toEqual(right)
    })
  }
})
