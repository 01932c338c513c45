import { describe, expect, test } from 'vitest'
import { threefry } from '../graph/ops/leaves.ts'
import {
  bernoulli,
  defaultGenerator,
  full,
  Generator,
  manualSeed,
  rand,
  randint,
  randn,
  randperm,
  type Tensor,
  tensor,
} from '../index.ts'

const hex = (words: Int32Array): string[] => Array.from(words, (word) => (word >>> 0).toString(16).padStart(8, '0'))

/** Largest distance of the samples' distribution function from `cdf` (Kolmogorov–Smirnov). */
function distance(samples: ArrayLike<number>, cdf: (x: number) => number): number {
  const sorted = Float64Array.from(samples).sort()
  let worst = 0
  sorted.forEach((x, i) => {
    worst = Math.max(worst, Math.abs(cdf(x) - i / sorted.length), Math.abs(cdf(x) - (i + 1) / sorted.length))
  })
  return worst
}

/** Below this a sample of n passes the Kolmogorov–Smirnov test at the 0.1 % level. */
const critical = (n: number): number => 1.95 / Math.sqrt(n)

function moments(x: Tensor): { mean: number; variance: number } {
  const wide = x.to('float64')
  return { mean: wide.mean().itemSync(), variance: wide.var().itemSync() }
}

const normalCdf = (x: number): number =>
  0.5 *
  tensor([-x * Math.SQRT1_2], { dtype: 'float64' })
    .erfc()
    .itemSync()

describe('threefry', () => {
  // kat_vectors of the Random123 distribution (Salmon et al. 2011), threefry2x32 with 20 rounds
  test.each([
    [
      [0, 0],
      [0, 0],
      ['6b200159', '99ba4efe'],
    ],
    [
      [0xffffffff, 0xffffffff],
      [0xffffffff, 0xffffffff],
      ['1cb996fc', 'bb002be7'],
    ],
    [
      [0x13198a2e, 0x03707344],
      [0x243f6a88, 0x85a308d3],
      ['c4923a9c', '483df7a0'],
    ],
  ] as const)('key %j, counter %j gives %j', ([k0, k1], [c0, c1], expected) => {
    const out = new Int32Array(2)
    threefry(k0 | 0, k1 | 0, c0 | 0, c1 | 0, out)
    expect(hex(out)).toEqual(expected)
  })
})

describe('Generator', () => {
  test('gives the same numbers for the same seed, and new ones with each call', () => {
    manualSeed(7)
    const first = [rand([3]), randn([3])].map((x) => x.toArraySync())
    const later = rand([3]).toArraySync()
    manualSeed(7)
    expect([rand([3]), randn([3])].map((x) => x.toArraySync())).toEqual(first)
    expect(later).not.toEqual(first[0])
  })

  test('draws differ although their graphs are equal, and stay when read again', () => {
    const generator = new Generator(1)
    const [a, b] = [rand([4], { generator }), rand([4], { generator })]
    expect(a.sub(b).abs().amax().itemSync()).toBeGreaterThan(0)
    expect(a.add(0).toArraySync()).toEqual(a.toArraySync())
  })

  test('does not depend on the order in which results are read', () => {
    const draw = (): [Tensor, Tensor] => {
      const generator = new Generator(3)
      return [rand([2], { generator }), rand([2], { generator })]
    }
    const [a, b] = draw()
    const forwards = [a.toArraySync(), b.toArraySync()]
    const [c, d] = draw()
    expect([d.toArraySync(), c.toArraySync()].reverse()).toEqual(forwards)
  })

  test('continues from a saved state', () => {
    const generator = new Generator(2 ** 40 + 5)
    rand([1], { generator })
    const state = generator.state()
    expect(state).toEqual({ seed: 2 ** 40 + 5, calls: 1 })
    const next = randn([5], { generator }).toArraySync()
    const other = new Generator(0).setState(JSON.parse(JSON.stringify(state)))
    expect(randn([5], { generator: other }).toArraySync()).toEqual(next)
  })

  test('tells the upper half of a seed', () => {
    const draw = (seed: number): unknown => rand([4], { generator: new Generator(seed) }).toArraySync()
    expect(draw(2 ** 32 + 1)).not.toEqual(draw(1))
  })

  test('is seeded by the system unless told, and manualSeed returns the default one', () => {
    expect(new Generator().state().seed).not.toBe(new Generator().state().seed)
    expect(manualSeed(3)).toBe(defaultGenerator)
    expect(defaultGenerator.state()).toEqual({ seed: 3, calls: 0 })
  })

  test.each([-1, 0.5, 2 ** 53, Number.NaN])('refuses the seed %s', (seed) => {
    expect(() => manualSeed(seed)).toThrow(`expects a whole number from 0 to 2^53 − 1, received ${seed}`)
  })
})

describe('rand', () => {
  test.each(['float32', 'float64', 'float16', 'bfloat16'] as const)('is uniform on [0, 1) in %s', (dtype) => {
    const n = 20_000
    const x = rand([n], { dtype, generator: new Generator(11) })
    expect(x.dtype).toBe(dtype)
    const data = x.dataSync()
    expect(data.every((v) => v >= 0 && v < 1)).toBe(true)
    const grid = dtype === 'bfloat16' ? 2 ** -8 : 0
    expect(distance(data, (v) => v)).toBeLessThan(critical(n) + grid)
    const { mean, variance } = moments(x)
    expect(Math.abs(mean - 0.5)).toBeLessThan(0.01 + grid)
    expect(Math.abs(variance - 1 / 12)).toBeLessThan(0.003)
  })

  test('uses 53 bits in float64', () => {
    const bits = rand([1000], { dtype: 'float64', generator: new Generator(1) }).mul(2 ** 53)
    const odd = bits.dataSync().filter((v) => v % 2 === 1).length
    expect(odd).toBeGreaterThan(400)
    expect(odd).toBeLessThan(600)
  })

  test('neighbours are independent', () => {
    const x = rand([20_001], { generator: new Generator(5) }).sub(0.5)
    const data = x.dataSync()
    let product = 0
    for (let i = 0; i < 20_000; i++) product += data[i]! * data[i + 1]!
    expect(Math.abs((product / 20_000) * 12)).toBeLessThan(4 / Math.sqrt(20_000))
  })

  test('can be a leaf that collects gradients', () => {
    const x = rand([2], { requiresGrad: true })
    x.mul(3).sum().backward()
    expect(x.grad?.toArraySync()).toEqual([3, 3])
  })

  test('refuses integers', () => {
    expect(() => rand([2], { dtype: 'int32' })).toThrow(
      'rand: expects a floating dtype, received int32; use randint for integers',
    )
  })
})

describe('randn', () => {
  test.each(['float32', 'float64', 'float16', 'bfloat16'] as const)('is standard normal in %s', (dtype) => {
    const n = 20_000
    const x = randn([n], { dtype, generator: new Generator(13) })
    expect(x.dtype).toBe(dtype)
    const { mean, variance } = moments(x)
    expect(Math.abs(mean)).toBeLessThan(0.03)
    expect(Math.abs(variance - 1)).toBeLessThan(0.04)
    const sorted = x.to('float64').mul(-Math.SQRT1_2).erfc().mul(0.5).dataSync()
    expect(distance(sorted, (p) => p)).toBeLessThan(critical(n) + (dtype === 'bfloat16' ? 2 ** -8 : 0))
    expect(Math.abs(x.to('float64').pow(4).mean().itemSync() - 3)).toBeLessThan(0.2)
  })

  test('known quantiles', () => {
    expect(normalCdf(1.959964)).toBeCloseTo(0.975, 6)
  })
})

describe('randint', () => {
  test('gives every number of the range equally often', () => {
    const x = randint(-3, 7, [50_000], { generator: new Generator(17) })
    expect(x.dtype).toBe('int32')
    const counts = new Map<number, number>()
    for (const value of x.dataSync()) counts.set(value, (counts.get(value) ?? 0) + 1)
    expect([...counts.keys()].sort((a, b) => a - b)).toEqual([-3, -2, -1, 0, 1, 2, 3, 4, 5, 6])
    const chi = [...counts.values()].reduce((sum, n) => sum + (n - 5000) ** 2 / 5000, 0)
    expect(chi).toBeLessThan(27.9) // 99.9 % of χ² with 9 degrees of freedom
  })

  test('takes other dtypes', () => {
    expect(randint(0, 2, [3], { dtype: 'float64' }).dtype).toBe('float64')
  })

  test.each([
    [3, 3],
    [0.5, 2],
    [0, 2 ** 31],
  ])('refuses %s to %s', (low, high) => {
    expect(() => randint(low, high, [2])).toThrow('expects whole numbers low < high less than 2^31 apart')
  })
})

describe('randperm', () => {
  test('holds every number once, in all orders', () => {
    const generator = new Generator(19)
    expect([...randperm(1000, { generator }).dataSync()].sort((a, b) => a - b)).toEqual([...Array(1000).keys()])
    const seen = new Map<string, number>()
    for (let i = 0; i < 1200; i++) {
      const order = randperm(3, { generator }).dataSync().join()
      seen.set(order, (seen.get(order) ?? 0) + 1)
    }
    expect(seen.size).toBe(6)
    const chi = [...seen.values()].reduce((sum, n) => sum + (n - 200) ** 2 / 200, 0)
    expect(chi).toBeLessThan(20.5) // 99.9 % of χ² with 5 degrees of freedom
    expect(randperm(0).toArraySync()).toEqual([])
  })
})

describe('bernoulli', () => {
  test('follows each probability', () => {
    const p = tensor([0, 0.2, 0.7, 1]).expand(10_000, 4)
    const x = bernoulli(p, { generator: new Generator(23) })
    expect(x.shape).toEqual([10_000, 4])
    const mean = x.mean(0).dataSync()
    expect(mean[0]).toBe(0)
    expect(mean[3]).toBe(1)
    expect(Math.abs(mean[1]! - 0.2)).toBeLessThan(0.015)
    expect(Math.abs(mean[2]! - 0.7)).toBeLessThan(0.015)
  })

  test('keeps the dtype and stops gradients', () => {
    const p = full([3], 0.5, { dtype: 'float64', requiresGrad: true })
    const x = p.bernoulli()
    expect(x.dtype).toBe('float64')
    expect(x.requiresGrad).toBe(false)
    expect(() => tensor([1], { dtype: 'int32' }).bernoulli()).toThrow('expects a floating dtype, received int32')
  })
})

describe('multinomial', () => {
  const weights = tensor([
    [0, 1, 3],
    [2, 2, 0],
  ])

  test('draws by weight with replacement', () => {
    const x = weights.multinomial(20_000, { replacement: true, generator: new Generator(29) })
    expect(x.shape).toEqual([2, 20_000])
    expect(x.dtype).toBe('int32')
    const share = (row: number, category: number): number =>
      [...x.dataSync().subarray(row * 20_000, (row + 1) * 20_000)].filter((c) => c === category).length / 20_000
    expect(share(0, 0)).toBe(0)
    expect(Math.abs(share(0, 1) - 0.25)).toBeLessThan(0.015)
    expect(Math.abs(share(0, 2) - 0.75)).toBeLessThan(0.015)
    expect(Math.abs(share(1, 0) - 0.5)).toBeLessThan(0.015)
    expect(share(1, 2)).toBe(0)
  })

  test('draws by weight without replacement', () => {
    const generator = new Generator(31)
    const many = tensor([1, 2, 3]).expand(20_000, 3)
    const firstTwo = many.multinomial(2, { generator }).dataSync()
    let first2 = 0
    let pair = 0
    for (let i = 0; i < firstTwo.length; i += 2) {
      expect(firstTwo[i]).not.toBe(firstTwo[i + 1])
      if (firstTwo[i] === 2) first2++
      if (firstTwo[i] === 2 && firstTwo[i + 1] === 1) pair++
    }
    expect(Math.abs(first2 / 20_000 - 1 / 2)).toBeLessThan(0.015)
    expect(Math.abs(pair / 20_000 - (1 / 2) * (2 / 3))).toBeLessThan(0.015)
    expect([...tensor([0, 1, 1]).multinomial(2, { generator }).dataSync()].sort()).toEqual([1, 2])
  })

  test('refuses more draws than there are categories, and odd shapes', () => {
    expect(() => weights.multinomial(4)).toThrow('from 1 to 3, the number of categories, received 4')
    expect(() => tensor(1).multinomial(1)).toThrow('expects [categories] or [rows, categories], received []')
  })
})
