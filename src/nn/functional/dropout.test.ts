import { describe, expect, test } from 'vitest'
import { DTypeError, ShapeError, ValueError } from '../../core/errors.ts'
import { manualSeed, ones, rand, randn, type Tensor, tensor } from '../../index.ts'
import * as F from './index.ts'

function moments(x: Tensor): { mean: number; variance: number } {
  const values = [...x.dataSync()]
  const mean = values.reduce((sum, v) => sum + v, 0) / values.length
  return { mean, variance: values.reduce((sum, v) => sum + (v - mean) ** 2, 0) / values.length }
}

describe('dropout', () => {
  test('drops the share p and scales the rest by 1 / (1 − p)', () => {
    manualSeed(1)
    const y = [...F.dropout(ones([20_000]), { p: 0.3 }).dataSync()]
    const kept = y.filter((v) => v !== 0)
    expect(Math.abs(kept.length / y.length - 0.7)).toBeLessThan(0.01)
    expect(Math.max(...kept.map((v) => Math.abs(v - 1 / 0.7)))).toBeLessThan(1e-6)
  })

  test('draws anew for every call, and again from the same seed', () => {
    const x = ones([64])
    manualSeed(5)
    const [a, b] = [F.dropout(x), F.dropout(x)].map((y) => [...y.dataSync()])
    manualSeed(5)
    const again = [...F.dropout(x).dataSync()]
    expect(a).not.toEqual(b)
    expect(again).toEqual(a)
  })

  test('passes gradients through the very elements that were kept', () => {
    const x = rand([100]).add(1).detach().requireGrad()
    const y = F.dropout(x, { p: 0.4 })
    y.sum().backward()
    const [value, out, grad] = [x, y, x.grad!].map((t) => t.dataSync())
    for (let i = 0; i < 100; i++) {
      expect(grad![i]).toBeCloseTo(out![i]! / value![i]!, 5)
      expect([0, 1 / 0.6].some((g) => Math.abs(g - grad![i]!) < 1e-6)).toBe(true)
    }
  })

  test('is left out in evaluation and at p = 0, and takes everything at p = 1', () => {
    const x = randn([5])
    expect(F.dropout(x, { training: false })).toBe(x)
    expect(F.dropout(x, { p: 0 })).toBe(x)
    expect([...F.dropout(x, { p: 1 }).dataSync()]).toEqual([0, 0, 0, 0, 0])
  })

  test('refuses probabilities outside [0, 1] and integers', () => {
    expect(() => F.dropout(ones([2]), { p: 1.5 })).toThrow(
      new ValueError('dropout', 'p must be between 0 and 1, received 1.5'),
    )
    expect(() => F.dropout(ones([2], { dtype: 'int32' }))).toThrow(DTypeError)
  })
})

describe('dropout of channels', () => {
  test.each([
    ['dropout1d', F.dropout1d, [40, 30, 6]],
    ['dropout2d', F.dropout2d, [40, 30, 2, 3]],
    ['dropout3d', F.dropout3d, [40, 30, 1, 2, 3]],
  ] as const)('%s drops and scales whole channels', (_name, drop, shape) => {
    manualSeed(3)
    const y = drop(ones(shape), { p: 0.25 }).reshape(1200, 6).toArraySync() as number[][]
    for (const channel of y) expect(new Set(channel).size).toBe(1)
    const kept = y.filter(([first]) => first !== 0)
    expect(Math.abs(kept.length / 1200 - 0.75)).toBeLessThan(0.05)
    expect(kept[0]![0]).toBeCloseTo(1 / 0.75, 6)
  })

  test('wants as many dimensions as its name says', () => {
    expect(() => F.dropout2d(ones([2, 2]))).toThrow(ShapeError)
  })
})

describe('alphaDropout', () => {
  test('keeps mean 0 and variance 1 and moves dropped units to one value', () => {
    manualSeed(7)
    const y = F.alphaDropout(randn([50_000]), { p: 0.2, training: true })
    const { mean, variance } = moments(y)
    expect(Math.abs(mean)).toBeLessThan(0.02)
    expect(Math.abs(variance - 1)).toBeLessThan(0.03)
    const a = 1 / Math.sqrt((1.7580993408473766 ** 2 * 0.2 + 1) * 0.8)
    const low = -a * 1.7580993408473766 * 0.8
    const dropped = [...y.dataSync()].filter((v) => Math.abs(v - low) < 1e-6)
    expect(Math.abs(dropped.length / 50_000 - 0.2)).toBeLessThan(0.01)
  })

  test('of features drops whole channels', () => {
    manualSeed(8)
    const y = F.featureAlphaDropout(ones([30, 20, 5]), { p: 0.5, training: true })
      .reshape(600, 5)
      .toArraySync()
    const kinds = new Set((y as number[][]).map((channel) => new Set(channel).size))
    expect([...kinds]).toEqual([1])
  })
})

describe('random activations', () => {
  test('rrelu draws a slope in [lower, upper) for each negative element', () => {
    manualSeed(2)
    const x = ones([2000]).mul(-1).detach().requireGrad()
    const y = F.rrelu(x, { lower: 0.2, upper: 0.6, training: true })
    const slopes = [...y.dataSync()].map((v) => -v)
    expect(Math.min(...slopes)).toBeGreaterThanOrEqual(0.2)
    expect(Math.max(...slopes)).toBeLessThan(0.6)
    expect(Math.abs(slopes.reduce((a, b) => a + b) / 2000 - 0.4)).toBeLessThan(0.01)
    y.sum().backward()
    expect([...x.grad!.dataSync()]).toEqual([...y.dataSync()].map((v) => -v))
    expect([...F.rrelu(tensor([2, 3]), { training: true }).dataSync()]).toEqual([2, 3])
  })

  test('gumbelSoftmax samples classes with the probabilities of the logits', () => {
    manualSeed(4)
    const p = [0.1, 0.2, 0.7]
    const logits = tensor([p.map(Math.log)]).expand(6000, 3)
    const hard = F.gumbelSoftmax(logits, { hard: true, tau: 0.7 })
    const share = [...hard.mean(0).dataSync()]
    for (const [i, expected] of p.entries()) expect(Math.abs(share[i]! - expected)).toBeLessThan(0.02)
    expect(new Set([...hard.dataSync()].map(Math.round))).toEqual(new Set([0, 1]))
    const soft = F.gumbelSoftmax(logits, { tau: 0.7 }).sum(1)
    expect(Math.max(...[...soft.dataSync()].map((v) => Math.abs(v - 1)))).toBeLessThan(1e-5)
  })

  test('gumbelSoftmax gives hard samples the gradient of soft ones', () => {
    const logits = randn([4, 3]).detach().requireGrad()
    const weights = tensor([1, 2, 4])
    manualSeed(9)
    F.gumbelSoftmax(logits, { hard: true }).mul(weights).sum().backward()
    const hard = [...logits.grad!.dataSync()]
    logits.grad = undefined
    manualSeed(9)
    F.gumbelSoftmax(logits).mul(weights).sum().backward()
    const soft = [...logits.grad!.dataSync()]
    for (const [i, g] of soft.entries()) expect(hard[i]).toBeCloseTo(g, 6)
    expect(soft.some((g) => Math.abs(g) > 1e-3)).toBe(true)
  })

  test('fractionalMaxPool2d places its windows anew for every call', () => {
    manualSeed(6)
    const x = rand([1, 1, 30, 30])
    const [a, b] = [0, 1].map(() => F.fractionalMaxPool2d(x, 2, { outputRatio: 0.7 }))
    expect(a!.shape).toEqual([1, 1, 21, 21])
    expect([...a!.dataSync()]).not.toEqual([...b!.dataSync()])
  })

  test('attention drops weights with probability dropoutP', () => {
    manualSeed(6)
    const [q, k] = [ones([200, 1, 4]), ones([200, 50, 4])]
    const dropped = F.scaledDotProductAttention(q, k, ones([200, 50, 1]), { dropoutP: 0.4 })
    const { mean, variance } = moments(dropped)
    expect(Math.abs(mean - 1)).toBeLessThan(0.03)
    // Of 50 weights of 1 / 50, each kept one counts 1 / 0.6: the variance is 0.4 / (0.6 · 50).
    expect(Math.abs(variance - 0.4 / 0.6 / 50)).toBeLessThan(0.005)
  })
})
