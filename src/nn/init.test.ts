import { describe, expect, test } from 'vitest'
import { ShapeError, ValueError } from '../core/errors.ts'
import { tensor, zeros } from '../tensor/creation.ts'
import { Generator, manualSeed } from '../tensor/random.ts'
import type { Tensor } from '../tensor/tensor.ts'
import * as init from './init.ts'
import { Parameter } from './parameter.ts'

interface Moments {
  readonly mean: number
  readonly std: number
  readonly min: number
  readonly max: number
  /** Fourth moment over squared variance: 1.8 for a uniform, 3 for a normal distribution. */
  readonly kurtosis: number
}

function moments(x: Tensor): Moments {
  const values = [...x.dataSync()]
  const n = values.length
  const mean = values.reduce((sum, v) => sum + v, 0) / n
  const second = values.reduce((sum, v) => sum + (v - mean) ** 2, 0) / n
  const fourth = values.reduce((sum, v) => sum + (v - mean) ** 4, 0) / n
  let [min, max] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY]
  for (const v of values) {
    min = Math.min(min, v)
    max = Math.max(max, v)
  }
  return { mean, std: Math.sqrt(second), min, max, kurtosis: fourth / second ** 2 }
}

/** The sample of 20,000 numbers has these moments, within five standard errors or so. */
function expectUniform(x: Tensor, low: number, high: number): void {
  const { mean, std, min, max, kurtosis } = moments(x)
  const width = high - low
  expect(min).toBeGreaterThanOrEqual(Math.fround(low))
  expect(max).toBeLessThanOrEqual(Math.fround(high))
  expect(Math.abs(min - low)).toBeLessThan(width * 1e-3)
  expect(Math.abs(mean - (low + high) / 2)).toBeLessThan(width * 0.011)
  expect(std / (width / Math.sqrt(12))).toBeCloseTo(1, 1.5)
  expect(kurtosis).toBeCloseTo(1.8, 1)
}

function expectNormal(x: Tensor, mean: number, std: number): void {
  const seen = moments(x)
  expect(Math.abs(seen.mean - mean)).toBeLessThan(std * 0.036)
  expect(Math.abs(seen.std / std - 1)).toBeLessThan(0.026)
  expect(Math.abs(seen.kurtosis - 3)).toBeLessThan(0.18)
}

const matrix = (): Parameter => new Parameter(zeros([100, 200]))
const kernel = (): Parameter => new Parameter(zeros([40, 20, 5, 5]))

describe('random initialisers', () => {
  test('uniform and normal', () => {
    manualSeed(1)
    const x = matrix()
    expect(init.uniform(x)).toBe(x)
    expectUniform(x, 0, 1)
    expectUniform(init.uniform(x, { a: -3, b: -1 }), -3, -1)
    expectNormal(init.normal(x), 0, 1)
    expectNormal(init.normal(x, { mean: 5, std: 0.1 }), 5, 0.1)
    expect(x.requiresGrad).toBe(true)
    expect(() => init.uniform(x, { a: 1, b: 0 })).toThrow(ValueError)
    expect(() => init.normal(x, { std: -1 })).toThrow('init.normal: the standard deviation must be ≥ 0, received -1')
  })

  test('truncNormal stays between its bounds and has the moments of the cut distribution', () => {
    manualSeed(2)
    const x = matrix()
    const wide = moments(init.truncNormal(x))
    expect([wide.min >= -2, wide.max <= 2, wide.max > 1.99]).toEqual([true, true, true])
    expect(Math.abs(wide.mean)).toBeLessThan(0.036)
    // Variance of the standard normal cut at ±2: 1 − 4 φ(2) / (2 Φ(2) − 1) = 0.77374.
    expect(Math.abs(wide.std ** 2 - 0.77374)).toBeLessThan(0.03)
    const skewed = moments(init.truncNormal(x, { mean: 1, std: 2, a: 0, b: 1 }))
    expect([skewed.min >= 0, skewed.max <= 1]).toEqual([true, true])
    // Mean of N(1, 4) between 0 and 1: 1 + 2 (φ(−½) − φ(0)) / (Φ(0) − Φ(−½)) = 0.51039.
    expect(Math.abs(skewed.mean - 0.51039)).toBeLessThan(0.011)
    expect(() => init.truncNormal(x, { a: 1, b: 1 })).toThrow(ValueError)
  })

  test('xavier', () => {
    manualSeed(3)
    const x = matrix()
    const bound = Math.sqrt(6 / 300)
    expectUniform(init.xavierUniform(x), -bound, bound)
    expectUniform(init.xavierUniform(x, { gain: 2 }), -2 * bound, 2 * bound)
    expectNormal(init.xavierNormal(x), 0, Math.sqrt(2 / 300))
    expectNormal(init.xavierNormal(kernel(), { gain: 3 }), 0, 3 * Math.sqrt(2 / (60 * 25)))
  })

  test('kaiming', () => {
    manualSeed(4)
    const x = kernel()
    const bound = Math.sqrt(6 / (20 * 25))
    expectUniform(init.kaimingUniform(x), -bound, bound)
    expectUniform(init.kaimingUniform(x, { a: Math.sqrt(5) }), -1 / Math.sqrt(500), 1 / Math.sqrt(500))
    expectUniform(init.kaimingUniform(x, { nonlinearity: 'linear' }), -Math.sqrt(3 / 500), Math.sqrt(3 / 500))
    expectNormal(init.kaimingNormal(x, { mode: 'fanOut', nonlinearity: 'relu' }), 0, Math.sqrt(2 / 1000))
    expectNormal(init.kaimingNormal(x), 0, Math.sqrt(2 / 500))
    const mode = 'fan_in' as 'fanIn'
    expect(() => init.kaimingNormal(x, { mode })).toThrow("mode must be 'fanIn' or 'fanOut', received 'fan_in'")
  })

  test('sparse leaves the same number of zeros in each column', () => {
    manualSeed(5)
    const x = init.sparse(matrix(), 0.333, { std: 0.5 })
    const values = x.dataSync()
    for (let column = 0; column < 200; column++) {
      let count = 0
      for (let row = 0; row < 100; row++) if (values[row * 200 + column] === 0) count++
      expect(count).toBe(34)
    }
    const rest = tensor(values.filter((v) => v !== 0))
    expectNormal(rest, 0, 0.5)
    const places = new Set<string>()
    for (let column = 0; column < 20; column++) {
      places.add(Array.from({ length: 100 }, (_, row) => (values[row * 200 + column] === 0 ? 1 : 0)).join(''))
    }
    expect(places.size).toBe(20)
    expect(() => init.sparse(kernel(), 0.5)).toThrow(ShapeError)
    expect(() => init.sparse(matrix(), 1.5)).toThrow('init.sparse: sparsity is a fraction from 0 to 1, received 1.5')
  })

  test('a generator of one’s own makes them repeatable', () => {
    const x = matrix()
    const draw = (fn: (generator: Generator) => Tensor): unknown => fn(new Generator(7)).toArraySync()
    for (const fn of [
      (generator: Generator) => init.uniform(x, { generator }),
      (generator: Generator) => init.normal(x, { generator }),
      (generator: Generator) => init.truncNormal(x, { generator }),
      (generator: Generator) => init.xavierUniform(x, { generator }),
      (generator: Generator) => init.xavierNormal(x, { generator }),
      (generator: Generator) => init.kaimingUniform(x, { generator }),
      (generator: Generator) => init.kaimingNormal(x, { generator }),
      (generator: Generator) => init.orthogonal(x, { generator }),
      (generator: Generator) => init.sparse(x, 0.1, { generator }),
    ]) {
      expect(draw(fn)).toEqual(draw(fn))
      expect(fn(new Generator(8)).toArraySync()).not.toEqual(draw(fn))
    }
  })
})

describe('orthogonal', () => {
  const product = (x: Tensor): Tensor => {
    const flat = x.reshape(x.shape[0]!, -1)
    const [rows, columns] = flat.shape as readonly [number, number]
    return rows <= columns ? flat.matmul(flat.transpose(0, 1)) : flat.transpose(0, 1).matmul(flat)
  }
  const expectScaledIdentity = (x: Tensor, scale: number): void => {
    const n = x.shape[0]!
    const values = x.dataSync()
    for (let i = 0; i < n; i++) {
      for (let j = 0; j < n; j++) {
        expect(Math.abs(values[i * n + j]! - (i === j ? scale : 0))).toBeLessThan(1e-6 * Math.max(1, scale))
      }
    }
  }

  test('rows or columns, whichever are fewer, are orthonormal', () => {
    manualSeed(6)
    for (const shape of [
      [30, 30],
      [8, 50],
      [50, 8],
      [6, 3, 2, 2],
    ]) {
      expectScaledIdentity(product(init.orthogonal(new Parameter(zeros(shape)))), 1)
      expectScaledIdentity(product(init.orthogonal(new Parameter(zeros(shape)), { gain: 3 })), 9)
    }
  })

  test('is uniform over rotations: elements of a large one are normal with variance 1 / n', () => {
    manualSeed(7)
    expectNormal(init.orthogonal(new Parameter(zeros([142, 142]))), 0, 1 / Math.sqrt(142))
    const signs = Array.from({ length: 200 }, () => Math.sign(init.orthogonal(new Parameter(zeros([1, 1]))).itemSync()))
    const positive = signs.filter((sign) => sign > 0).length
    expect(positive).toBeGreaterThan(60)
    expect(positive).toBeLessThan(140)
  })

  test('takes at least a matrix, nothing included', () => {
    expect(() => init.orthogonal(new Parameter(zeros([3])))).toThrow(ShapeError)
    expect(init.orthogonal(new Parameter(zeros([0, 3]))).shape).toEqual([0, 3])
  })
})

test('zeros, ones, constant and eye', async () => {
  const x = new Parameter(zeros([2, 3]))
  expect(await init.ones(x).toArray()).toEqual([
    [1, 1, 1],
    [1, 1, 1],
  ])
  expect(await init.zeros(x).toArray()).toEqual([
    [0, 0, 0],
    [0, 0, 0],
  ])
  expect(await init.constant(x, 2.5).toArray()).toEqual([
    [2.5, 2.5, 2.5],
    [2.5, 2.5, 2.5],
  ])
  expect(await init.eye(x).toArray()).toEqual([
    [1, 0, 0],
    [0, 1, 0],
  ])
  expect(() => init.eye(kernel())).toThrow(ShapeError)
})

test('fans and gains', () => {
  expect(init.calculateFans(kernel())).toEqual({ fanIn: 500, fanOut: 1000 })
  expect(() => init.kaimingNormal(new Parameter(zeros([3])))).toThrow(
    'init.kaimingNormal: fans need a weight [out, in, ...] of at least 2 dimensions, received [3]',
  )
  expect(() => init.calculateGain('rectifier' as 'relu')).toThrow("calculateGain: unknown nonlinearity 'rectifier'")
})

test('nothing is computed before it is asked for', () => {
  const x = init.normal(new Parameter(zeros([3, 3])))
  expect(x.isRealized).toBe(false)
})
