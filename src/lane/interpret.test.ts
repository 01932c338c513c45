import { describe, expect, test } from 'vitest'
import { LaneBuilder } from './builder.ts'
import { flush, fusedMultiplyAdd } from './fused.ts'
import { interpret } from './interpret.ts'

/** A float32 as an exact fraction: numerator · 2^exponent. */
function exact(x: number): { n: bigint; e: number } {
  const view = new DataView(new ArrayBuffer(8))
  view.setFloat64(0, x)
  const word = view.getBigUint64(0)
  const exponent = Number((word >> 52n) & 2047n)
  const fraction = word & ((1n << 52n) - 1n)
  const n = exponent === 0 ? fraction : fraction | (1n << 52n)
  return { n: x < 0 ? -n : n, e: Math.max(exponent, 1) - 1075 }
}

/** a·b + c rounded once to float32, by integers. */
function slowFma(a: number, b: number, c: number): number {
  const [x, y, z] = [exact(a), exact(b), exact(c)]
  const e = Math.min(x.e + y.e, z.e)
  let n = ((x.n * y.n) << BigInt(x.e + y.e - e)) + (z.n << BigInt(z.e - e))
  if (n === 0n) return a * b + c
  const negative = n < 0n
  if (negative) n = -n
  const length = n.toString(2).length
  // Keep 24 bits, or fewer where the result is denormal; ties to even.
  const drop = Math.max(length - 24, -149 - e, 0)
  const half = drop > 0 ? 1n << BigInt(drop - 1) : 0n
  let kept = n >> BigInt(drop)
  const rest = n - (kept << BigInt(drop))
  if (drop > 0 && (rest > half || (rest === half && (kept & 1n) === 1n))) kept += 1n
  const value = Number(kept) * 2 ** (e + drop)
  return Math.fround(negative ? -value : value)
}

describe('fused multiply-add', () => {
  test('equals exact arithmetic rounded once, also where the sum nearly cancels or nearly ties', () => {
    let state = 1
    const random = (): number => {
      state = (Math.imul(state, 1664525) + 1013904223) | 0
      return (state >>> 0) / 2 ** 32
    }
    const float = (range: number): number => Math.fround((random() * 2 - 1) * 2 ** Math.floor((random() - 0.5) * range))
    let different = 0
    for (let i = 0; i < 20_000; i++) {
      const [a, b] = [float(20), float(20)]
      const c = i % 3 === 0 ? float(40) : Math.fround(-a * b * (1 + (i % 5) * 2 ** -24))
      const wanted = slowFma(a, b, c)
      expect(fusedMultiplyAdd(a, b, c), `${a} · ${b} + ${c}`).toBe(wanted)
      if (wanted !== Math.fround(Math.fround(a * b) + c)) different++
    }
    expect(different).toBeGreaterThan(1000)
  })

  test('a tie broken only by what float64 rounds off', () => {
    // 1 + 2⁻²⁴ is half-way between two float32 numbers; the product adds 2⁻⁶⁰ to it, which float64 does not see.
    expect(fusedMultiplyAdd(2 ** -30, 2 ** -30, 1 + 2 ** -24)).toBe(1 + 2 ** -23)
    expect(fusedMultiplyAdd(-(2 ** -30), 2 ** -30, 1 + 2 ** -24)).toBe(1)
  })

  test('infinities and NaN', () => {
    expect(fusedMultiplyAdd(Number.POSITIVE_INFINITY, 1, Number.NEGATIVE_INFINITY)).toBeNaN()
    expect(fusedMultiplyAdd(3e38, 10, 0)).toBe(Number.POSITIVE_INFINITY)
    expect(fusedMultiplyAdd(Number.NaN, 0, 1)).toBeNaN()
  })
})

test('denormal numbers become zero of their sign', () => {
  expect(flush(1e-40)).toBe(0)
  expect(flush(-1e-40)).toBe(-0)
  expect(flush(2 ** -126)).toBe(2 ** -126)
  expect(flush(Number.NaN)).toBeNaN()
})

describe('the interpreter refuses', () => {
  test('what is out of bounds, even unverified', () => {
    const b = new LaneBuilder({ name: 'kernel', lanes: 4 })
    b.store(b.buffer('x', 'f32', 3), 0, 1)
    expect(() => interpret(b.finish(), [new Float32Array(3)])).toThrow('kernel: element 3 of x, which has 3')
  })

  test('registers that were never set', () => {
    const b = new LaneBuilder({ name: 'kernel', lanes: 4 })
    const x = b.buffer('x', 'f32', 4)
    const moved = b.add(b.load(x, 0), 1)
    b.set(b.variable(0), 2)
    b.set(b.variable(0), moved)
    expect(() => interpret(b.finish(), [new Float32Array(4)])).not.toThrow()
    const sum = b.variable(0)
    const value = b.add(b.load(x, 0), 1)
    b.set(sum, value)
    b.store(x, 0, value)
    expect(() => interpret(b.finish(), [new Float32Array(4)])).toThrow('is read before it is set')
  })
})

describe('the builder refuses', () => {
  const b = new LaneBuilder({ name: 'kernel', lanes: 4 })
  const x = b.buffer('x', 'f32', 4)

  test('values of the wrong type', () => {
    expect(() => b.add(b.int(1), 2)).toThrow('kernel: expected f32 lanes, received i32')
    expect(() => b.store(x, 0, b.int(1))).toThrow('kernel: i32 lanes stored to x, which holds f32')
    expect(() => b.select(b.lt(1, 2), 1, b.int(2))).toThrow('kernel: select needs a mask and two values of one type')
    expect(() => b.set(b.variable(0), b.int(2))).toThrow('kernel: i32 set into f32')
  })

  test('impossible loops, divisions and accesses', () => {
    expect(() => b.loop({ count: -1 }, () => {})).toThrow('a loop of -1 rounds in steps of 1 is not possible')
    expect(() => b.divide(-1, 4)).toThrow('kernel: division of -1, which may be -1')
    expect(() => b.store(x, 0, 1, { laneStride: 0 })).toThrow('kernel: lanes stored to x need a stride')
  })
})
