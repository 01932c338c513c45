import { describe, expect, test } from 'vitest'
import { runNative, runnableSets } from '../../../test/native/run-lane.ts'
import { erf64 } from '../../../test/native/erf.ts'
import { LaneBuilder, type ValueLike } from '../builder.ts'
import { interpret } from '../interpret.ts'
import type { Register } from '../program.ts'
import { erf } from './erf.ts'
import { exp } from './exp.ts'
import { log } from './log.ts'
import { cos, sin } from './sin-cos.ts'
import { sigmoid, tanh } from './tanh.ts'

type LaneFunction = (b: LaneBuilder, x: ValueLike) => Register

const words = new Int32Array(1)
const float = new Float32Array(words.buffer)

/** Numbers in (low, high) of either sign: evenly spread over their bits, so every magnitude gets as many. */
function spread(low: number, high: number, count: number): Float32Array {
  float[0] = low
  const first = words[0] as number
  float[0] = high
  const last = words[0] as number
  return Float32Array.from({ length: count }, (_, i) => {
    words[0] = Math.floor(first + ((last - first) * Math.floor(i / 2)) / (count / 2))
    return i % 2 === 0 ? (float[0] as number) : -(float[0] as number)
  })
}

/** f of all inputs: by this machine's instruction sets, which must agree to the bit, or by the interpreter. */
function evaluate(f: LaneFunction, inputs: Float32Array): Float32Array {
  const program = (lanes: number) => {
    const b = new LaneBuilder({ name: f.name, lanes })
    const [x, y] = [b.buffer('x', 'f32', inputs.length), b.buffer('y', 'f32', inputs.length)]
    b.loop({ count: inputs.length / lanes, step: lanes }, (i) => b.store(y, i, f(b, b.load(x, i))))
    return b.finish()
  }
  const results = runnableSets.map((set) => {
    const out = new Float32Array(inputs.length)
    runNative(program(set === 'avx512' ? 16 : 8), set, [inputs, out])
    return out
  })
  const [first, second] = results
  if (first && second) expect(Buffer.compare(new Uint8Array(first.buffer), new Uint8Array(second.buffer))).toBe(0)
  if (first) return first
  const out = new Float32Array(inputs.length)
  interpret(program(16), [inputs, out])
  return out
}

/** Largest error in units of the last place of the right result; results that float32 flushes to zero count from the smallest normal. */
function worstUlp(
  f: LaneFunction,
  reference: (x: number) => number,
  inputs: Float32Array,
): { ulp: number; at: number } {
  const results = evaluate(f, inputs)
  let worst = { ulp: 0, at: 0 }
  inputs.forEach((x, i) => {
    const right = reference(x)
    const result = results[i] as number
    if (!Number.isFinite(right) || Math.abs(right) > 3.4028235677973366e38) {
      if (!Object.is(result, Math.fround(right))) worst = { ulp: Number.POSITIVE_INFINITY, at: x }
      return
    }
    if (Math.abs(right) < 2 ** -126 && Math.abs(result) < 2 ** -125) return
    const unit = 2 ** (Math.floor(Math.log2(Math.max(Math.abs(right), 2 ** -126))) - 23)
    const ulp = Math.abs(result - right) / unit
    if (!(ulp <= worst.ulp)) worst = { ulp, at: x }
  })
  return worst
}

const count = runnableSets.length > 0 ? 2 ** 19 : 2 ** 12

const functions: readonly {
  f: LaneFunction
  reference: (x: number) => number
  /** Largest magnitude tried. */
  upTo: number
  bound: number
}[] = [
  { f: exp, reference: Math.exp, upTo: 200, bound: 1 },
  { f: log, reference: Math.log, upTo: 3.4e38, bound: 1 },
  { f: tanh, reference: Math.tanh, upTo: 100, bound: 2 },
  { f: sigmoid, reference: (x) => 1 / (1 + Math.exp(-x)), upTo: 80, bound: 3 },
  { f: erf, reference: erf64, upTo: 100, bound: 2 },
  { f: sin, reference: Math.sin, upTo: 30_000, bound: 2 },
  { f: cos, reference: Math.cos, upTo: 30_000, bound: 2 },
]

describe('float32 functions stay within their bound over the whole range', () => {
  for (const { f, reference, upTo, bound } of functions) {
    test(`${f.name}: ${bound} ULP up to ±${upTo}`, () => {
      const { ulp, at } = worstUlp(f, reference, spread(2 ** -126, upTo, count))
      expect(ulp, `at ${at}`).toBeLessThanOrEqual(bound)
      // The busiest stretch again, evenly.
      const even = Float32Array.from({ length: count }, (_, i) => (i / count - 0.5) * Math.min(upTo, 40))
      const second = worstUlp(f, reference, even)
      expect(second.ulp, `at ${second.at}`).toBeLessThanOrEqual(bound)
    })
  }
})

describe('special values', () => {
  const at = (f: LaneFunction, ...values: number[]): number[] => {
    const inputs = Float32Array.from({ length: 16 }, (_, i) => values[i % values.length] as number)
    return Array.from(evaluate(f, inputs).slice(0, values.length))
  }
  const { NaN: nan, POSITIVE_INFINITY: inf } = Number

  test('exp', () => expect(at(exp, 0, -0, inf, -inf, nan, 89, -88, 1e30)).toEqual([1, 1, inf, 0, nan, inf, 0, inf]))
  test('log', () =>
    expect(at(log, 1, 0, -0, -1, inf, -inf, nan, 1e-40)).toEqual([0, -inf, -inf, nan, inf, nan, nan, -inf]))
  test('tanh', () => expect(at(tanh, 0, -0, inf, -inf, nan, 1e30)).toEqual([0, -0, 1, -1, nan, 1]))
  test('sigmoid', () => expect(at(sigmoid, 0, inf, -inf, nan, -100)).toEqual([0.5, 1, 0, nan, 0]))
  test('erf', () => expect(at(erf, 0, -0, inf, -inf, nan, 1e30, -5)).toEqual([0, -0, 1, -1, nan, 1, -1]))
  test('sin', () => expect(at(sin, 0, -0, inf, -inf, nan)).toEqual([0, -0, nan, nan, nan]))
  test('cos', () => expect(at(cos, 0, -0, inf, -inf, nan)).toEqual([1, 1, nan, nan, nan]))
})
