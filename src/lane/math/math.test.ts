import { describe, expect, test } from 'vitest'
import { runNative, runnableSets } from '../../../test/native/run-lane.ts'
import { erf64 } from '../../../test/native/erf.ts'
import { LaneBuilder, type ValueLike } from '../builder.ts'
import { interpret } from '../interpret.ts'
import type { BufferParameter, Register } from '../program.ts'
import { floorDivide as floorDivideOf, fmod as fmodOf, power, remainder as remainderOf } from '../../core/arithmetic.ts'
import { erfc as erfc64 } from '../../core/special.ts'
import { acos, asin, atan, atan2 } from './arc.ts'
import { erf } from './erf.ts'
import { erfc } from './erfc.ts'
import { exp } from './exp.ts'
import { exp2 } from './exp2.ts'
import { expm1 } from './expm1.ts'
import { floorDivide, floorRemainder, fmod } from './fmod.ts'
import { acosh, asinh, atanh, cosh, sinh } from './hyperbolic.ts'
import { log } from './log.ts'
import { log10, log2 } from './log-base.ts'
import { log1p } from './log1p.ts'
import { pow } from './pow.ts'
import { cos, sin, tan } from './sin-cos.ts'
import { sigmoid, tanh } from './tanh.ts'

type LaneFunction = (b: LaneBuilder, x: ValueLike) => Register
type LanePair = (b: LaneBuilder, x: ValueLike, y: ValueLike) => Register

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
  return evaluatePairs((b, x) => f(b, x), inputs, inputs)
}

function evaluatePairs(f: LanePair, inputs: Float32Array, others: Float32Array): Float32Array {
  const program = (lanes: number) => {
    const b = new LaneBuilder({ name: f.name, lanes })
    const [x, y, z] = ['x', 'y', 'z'].map((name) => b.buffer(name, 'f32', inputs.length)) as [
      BufferParameter,
      BufferParameter,
      BufferParameter,
    ]
    b.loop({ count: inputs.length / lanes, step: lanes }, (i) => b.store(z, i, f(b, b.load(x, i), b.load(y, i))))
    return b.finish()
  }
  const results = runnableSets.map((set) => {
    const out = new Float32Array(inputs.length)
    runNative(program(set === 'avx512' ? 16 : 8), set, [inputs, others, out])
    return out
  })
  const [first, second] = results
  if (first && second) expect(Buffer.compare(new Uint8Array(first.buffer), new Uint8Array(second.buffer))).toBe(0)
  if (first) return first
  const out = new Float32Array(inputs.length)
  interpret(program(16), [inputs, others, out])
  return out
}

/** Largest error in units of the last place of the right result; results that float32 flushes to zero count from the smallest normal. */
function worstUlp(
  f: LaneFunction,
  reference: (x: number) => number,
  inputs: Float32Array,
): { ulp: number; at: number } {
  return worstOf(
    evaluate(f, inputs),
    (i) => reference(inputs[i] as number),
    (i) => inputs[i] as number,
  )
}

function worstOf(
  results: Float32Array,
  reference: (i: number) => number,
  input: (i: number) => number,
): { ulp: number; at: number } {
  let worst = { ulp: 0, at: 0 }
  results.forEach((result, i) => {
    const right = reference(i)
    const x = input(i)
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
  { f: tan, reference: Math.tan, upTo: 30_000, bound: 4 },
  { f: expm1, reference: Math.expm1, upTo: 200, bound: 2 },
  { f: exp2, reference: (x) => 2 ** x, upTo: 300, bound: 2 },
  { f: log1p, reference: Math.log1p, upTo: 3.4e38, bound: 2 },
  { f: log2, reference: Math.log2, upTo: 3.4e38, bound: 3 },
  { f: log10, reference: Math.log10, upTo: 3.4e38, bound: 3 },
  { f: sinh, reference: Math.sinh, upTo: 100, bound: 2 },
  { f: cosh, reference: Math.cosh, upTo: 100, bound: 2 },
  { f: asinh, reference: Math.asinh, upTo: 3.4e38, bound: 4 },
  { f: acosh, reference: Math.acosh, upTo: 3.4e38, bound: 4 },
  { f: atanh, reference: Math.atanh, upTo: 2, bound: 4 },
  { f: asin, reference: Math.asin, upTo: 2, bound: 3 },
  { f: acos, reference: Math.acos, upTo: 2, bound: 3 },
  { f: atan, reference: Math.atan, upTo: 3.4e38, bound: 3 },
  { f: erfc, reference: erfc64, upTo: 20, bound: 4 },
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

/** The same numbers in another order, so that every kind meets every other. */
function shuffled(values: Float32Array): Float32Array {
  return values.map((_, i) => values[Math.imul(i, 0x9e3779b1) & (values.length - 1)] as number)
}

const pairs: readonly {
  f: LanePair
  reference: (x: number, y: number) => number
  upTo: readonly [number, number]
  bound: number
}[] = [
  { f: pow, reference: power, upTo: [1000, 20], bound: 2 },
  { f: pow, reference: power, upTo: [1.1, 1000], bound: 2 },
  { f: atan2, reference: Math.atan2, upTo: [3.4e38, 3.4e38], bound: 4 },
  { f: atan2, reference: Math.atan2, upTo: [10, 10], bound: 4 },
  { f: fmod, reference: fmodOf, upTo: [1e30, 1e30], bound: 0 },
  { f: floorRemainder, reference: (x, y) => Math.fround(remainderOf(x, y)), upTo: [100, 100], bound: 0.5 },
]

describe('functions of two arguments stay within their bound', () => {
  for (const { f, reference, upTo, bound } of pairs) {
    test(`${f.name}: ${bound} ULP up to ±${upTo[0]}, ±${upTo[1]}`, () => {
      const least = f === fmod || f === floorRemainder ? 1e-8 : 2 ** -126
      const xs = spread(least, upTo[0], count)
      const ys = shuffled(spread(Math.max(least, upTo[1] * 1e-30), upTo[1], count))
      const at = (i: number): number => i
      const { ulp, at: i } = worstOf(evaluatePairs(f, xs, ys), (k) => reference(xs[k] as number, ys[k] as number), at)
      expect(ulp, `${f.name} of ${xs[i]}, ${ys[i]}`).toBeLessThanOrEqual(bound)
    })
  }

  test('floorDivide agrees with remainder', () => {
    const xs = Float32Array.from({ length: 4096 }, (_, i) => ((i * 37) % 1001) / 10 - 50)
    const ys = Float32Array.from({ length: 4096 }, (_, i) => ((i * 53) % 101) / 10 - 5)
    const results = evaluatePairs(floorDivide, xs, ys)
    for (const [i, result] of results.entries())
      expect(result, `${xs[i]}, ${ys[i]}`).toEqual(floorDivideOf(xs[i] as number, ys[i] as number))
  })

  test('special values are those of the interpreter', () => {
    const { NaN: nan, POSITIVE_INFINITY: inf } = Number
    const values = [0, -0, 1, -1, 2, -2, 3, 0.5, -0.5, 1e10, -1e10, 16777217, inf, -inf, nan, -3]
    const xs = Float32Array.from({ length: 256 }, (_, i) => values[i >> 4] as number)
    const ys = Float32Array.from({ length: 256 }, (_, i) => values[i & 15] as number)
    const named = [
      [pow, power],
      [atan2, Math.atan2],
      [fmod, fmodOf],
      [floorRemainder, remainderOf],
    ] as const
    for (const [f, reference] of named) {
      const results = evaluatePairs(f, xs, ys)
      for (const [i, result] of results.entries()) {
        const right = Math.fround(reference(xs[i] as number, ys[i] as number))
        const close = Object.is(result, right) || Math.abs(result - right) <= 1e-6 * Math.abs(right)
        if (!close) expect.fail(`${f.name}(${xs[i]}, ${ys[i]}) gave ${result}, not ${right}`)
        if (right === 0) expect(Object.is(result, right), `${f.name}(${xs[i]}, ${ys[i]}): sign of ${right}`).toBe(true)
      }
    }
  })
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
  test('tan', () => expect(at(tan, 0, -0, inf, -inf, nan)).toEqual([0, -0, nan, nan, nan]))
  test('expm1', () => expect(at(expm1, 0, -0, inf, -inf, nan, 89, -88)).toEqual([0, -0, inf, -1, nan, inf, -1]))
  test('exp2', () => expect(at(exp2, 0, 10, inf, -inf, nan, 128, -127)).toEqual([1, 1024, inf, 0, nan, inf, 0]))
  test('log1p', () => expect(at(log1p, 0, -0, -1, -2, inf, -inf, nan)).toEqual([0, -0, -inf, nan, inf, nan, nan]))
  test('log2', () => expect(at(log2, 1, 8, 0, -1, inf, nan)).toEqual([0, 3, -inf, nan, inf, nan]))
  test('log10', () => expect(at(log10, 1, 0, -1, inf, nan)).toEqual([0, -inf, nan, inf, nan]))
  test('sinh', () => expect(at(sinh, 0, -0, inf, -inf, nan, 90)).toEqual([0, -0, inf, -inf, nan, inf]))
  test('cosh', () => expect(at(cosh, 0, inf, -inf, nan, -90)).toEqual([1, inf, inf, nan, inf]))
  test('asinh', () => expect(at(asinh, 0, -0, inf, -inf, nan)).toEqual([0, -0, inf, -inf, nan]))
  test('acosh', () => expect(at(acosh, 1, 0.5, -3, inf, nan)).toEqual([0, nan, nan, inf, nan]))
  test('atanh', () => expect(at(atanh, 0, -0, 1, -1, 2, inf, nan)).toEqual([0, -0, inf, -inf, nan, nan, nan]))
  test('asin', () => expect(at(asin, 0, -0, 1.5, inf, nan)).toEqual([0, -0, nan, nan, nan]))
  test('acos', () => expect(at(acos, 1, -1, -1.5, nan)).toEqual([0, Math.fround(Math.PI), nan, nan]))
  test('atan', () => expect(at(atan, 0, -0, nan, inf)).toEqual([0, -0, nan, Math.fround(Math.PI / 2)]))
  test('erfc', () => expect(at(erfc, 0, inf, -inf, nan, 11)).toEqual([1, 0, 2, nan, 0]))
  test('cos', () => expect(at(cos, 0, -0, inf, -inf, nan)).toEqual([1, 1, nan, nan, nan]))
})
