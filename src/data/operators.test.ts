import { describe, expect, test } from 'vitest'
import { IndexError, ValueError } from '../core/errors.ts'
import { DataLoader } from './data-loader.ts'
import { arrayDataset, cacheSamples, concatDatasets, filterSamples, mapSamples } from './operators.ts'
import { Random } from './random.ts'
import { balancedSampler, weightedSampler } from './sampler.ts'

const numbers = arrayDataset([10, 11, 12, 13])
const all = async <T>(data: { length: number; get(i: number): T | Promise<T> }): Promise<T[]> =>
  Promise.all(Array.from({ length: data.length }, (_, i) => data.get(i)))

describe('datasets from datasets', () => {
  test('arrays, and whatever can be iterated', async () => {
    expect(await all(arrayDataset(new Set(['a', 'b'])))).toEqual(['a', 'b'])
    expect(() => numbers.get(4)).toThrow(IndexError)
  })

  test('mapSamples computes at once or later, and draws by visit and index', async () => {
    expect(await all(mapSamples(numbers, (n) => 2 * n))).toEqual([20, 22, 24, 26])
    expect(await all(mapSamples(numbers, async (n, _, i) => `${i}:${n}`))).toEqual(['0:10', '1:11', '2:12', '3:13'])
    const drawn = mapSamples(numbers, (_, random) => random.next())
    const draw = (index: number, epoch: number): number => drawn.get(index, { seed: 1, epoch }) as number
    expect(draw(2, 0)).toBe(draw(2, 0))
    expect(new Set([draw(2, 0), draw(2, 1), draw(3, 0)]).size).toBe(3)
    const twice = mapSamples(drawn, (inner, random) => [inner, random.next()] as const)
    const [inner, outer] = twice.get(2, { seed: 1, epoch: 0 }) as [number, number]
    expect(inner).not.toBe(outer)
  })

  test('filterSamples, concatDatasets and names of samples', async () => {
    const named = { ...numbers, nameOf: (i: number) => `n${i}` }
    const even = await filterSamples(named, async (n) => n % 2 === 0)
    const both = concatDatasets(
      mapSamples(even, (n) => -n),
      named,
    )
    expect(await all(both)).toEqual([-10, -12, 10, 11, 12, 13])
    expect([both.nameOf?.(1), both.nameOf?.(3)]).toEqual(['n2', 'n1'])
    expect(() => both.get(6)).toThrow(IndexError)
    expect(() => concatDatasets()).toThrow(ValueError)
  })

  test('cacheSamples loads once, and again after a failure', async () => {
    let calls = 0
    const flaky = cacheSamples({
      length: 2,
      get: async (i: number) => {
        if (++calls === 1) throw new Error('once')
        return i
      },
    })
    await expect(flaky.get(0)).rejects.toThrow('once')
    expect(await Promise.all([flaky.get(0), flaky.get(0), flaky.get(1)])).toEqual([0, 0, 1])
    expect([await flaky.get(1), calls]).toEqual([1, 3])
  })
})

describe('Random', () => {
  test('is uniform, normal and beta where it says so', () => {
    const random = new Random(7)
    const draws = <T>(draw: () => T): T[] => Array.from({ length: 20_000 }, draw)
    const mean = (values: number[]): number => values.reduce((sum, x) => sum + x, 0) / values.length
    const variance = (values: number[]): number => mean(values.map((x) => x * x)) - mean(values) ** 2
    const uniform = draws(() => random.uniform(-1, 3))
    expect([Math.min(...uniform) >= -1, Math.max(...uniform) < 3]).toEqual([true, true])
    expect(mean(uniform)).toBeCloseTo(1, 1)
    expect(variance(uniform)).toBeCloseTo(16 / 12, 1)
    const normal = draws(() => random.normal(2, 3))
    expect(Math.abs(mean(normal) - 2)).toBeLessThan(0.1)
    expect(Math.abs(variance(normal) - 9)).toBeLessThan(0.4)
    for (const [a, b] of [
      [0.4, 0.4],
      [2, 5],
    ] as const) {
      const beta = draws(() => random.beta(a, b))
      expect(mean(beta)).toBeCloseTo(a / (a + b), 1)
      expect(variance(beta)).toBeCloseTo((a * b) / ((a + b) ** 2 * (a + b + 1)), 1)
    }
    expect(draws(() => random.integer(3)).filter((n) => n === 2).length).toBeGreaterThan(6300)
    expect([...random.permutation(5)].sort()).toEqual([0, 1, 2, 3, 4])
    expect(random.pick(['only'])).toBe('only')
  })
})

describe('samplers', () => {
  const labels = [...new Array(90).fill(0), ...new Array(10).fill(1)]
  const counts = (indices: ArrayLike<number>): number => Array.from(indices).filter((i) => labels[i] === 1).length

  test('weightedSampler draws in proportion, never what weighs nothing', () => {
    const drawn = weightedSampler([0, 3, 1, 0], 8000).indices(0, 0)
    const times = [0, 1, 2, 3].map((i) => Array.from(drawn).filter((index) => index === i).length)
    expect([times[0], times[3]]).toEqual([0, 0])
    expect(times[1]! / times[2]!).toBeCloseTo(3, 0)
    expect(() => weightedSampler([1, -1])).toThrow('received -1 at 1')
    expect(() => weightedSampler([0])).toThrow('above 0')
  })

  test('balancedSampler draws classes equally often, in another order each epoch', () => {
    const sampler = balancedSampler(labels, 1000)
    expect(Math.abs(counts(sampler.indices(1, 0)) - 500)).toBeLessThan(60)
    expect(sampler.indices(1, 0)).toEqual(sampler.indices(1, 0))
    expect(sampler.indices(1, 0)).not.toEqual(sampler.indices(1, 1))
    const loader = new DataLoader({ length: 100, get: (i) => [i] }, { batchSize: 10, sampler })
    expect([loader.length, [...loader].length]).toEqual([100, 100])
    expect(() => new DataLoader({ length: 1, get: (i) => [i] }, { shuffle: true, sampler })).toThrow('received both')
  })
})
