import { describe, expect, test } from 'vitest'
import { arrayDataset } from './operators.ts'
import { randomSplit, stratifiedSplit } from './split.ts'
import type { Subset } from './subset.ts'

const ten = arrayDataset([...'abcdefghij'])
const items = (part: Subset<string>): string[] => Array.from(part.indices, (_, i) => part.get(i) as string)

describe('randomSplit', () => {
  test('takes every sample once, the same way for the same seed', () => {
    const parts = (seed: number): string[][] => randomSplit(ten, [7, 3], { seed }).map(items)
    expect(parts(1).map(({ length }) => length)).toEqual([7, 3])
    expect(parts(1).flat().sort().join('')).toBe('abcdefghij')
    expect(parts(1)).toEqual(parts(1))
    expect(parts(1)).not.toEqual(parts(2))
  })

  test('takes shares, too', () => {
    const lengths = (shares: number[]): number[] => randomSplit(ten, shares).map(({ length }) => length)
    expect(lengths([0.8, 0.2])).toEqual([8, 2])
    expect(lengths([0.7, 0.2, 0.1])).toEqual([7, 2, 1])
    expect(lengths([1 / 3, 1 / 3, 1 / 3])).toEqual([4, 3, 3])
  })

  test('refuses lengths that do not add up', () => {
    const message = "add up to the dataset's 10, or shares that add up to 1, received"
    expect(() => randomSplit(ten, [7, 4])).toThrow(`${message} 7 + 4`)
    expect(() => randomSplit(ten, [0.5, 0.4])).toThrow(`${message} 0.5 + 0.4`)
    expect(() => randomSplit(ten, [-1, 11])).toThrow(message)
  })
})

describe('stratifiedSplit', () => {
  test('every class is in every part in proportion', () => {
    const labels = Array.from({ length: 1000 }, (_, i) => (i % 10 === 0 ? 'rare' : i % 3 === 0 ? 'some' : 'most'))
    const data = arrayDataset(labels)
    const [a, b, c] = stratifiedSplit(data, [0.7, 0.2, 0.1], { labels, seed: 3 }) as [...Subset<string>[]] as [
      ...[Subset<string>, Subset<string>, Subset<string>],
    ]
    expect([...a.indices, ...b.indices, ...c.indices].sort((x, y) => x - y)).toEqual([...labels.keys()])
    expect([a.length, b.length, c.length]).toEqual([700, 200, 100])
    for (const [part, share] of [
      [a, 0.7],
      [b, 0.2],
      [c, 0.1],
    ] as const) {
      for (const label of ['rare', 'some', 'most']) {
        const whole = labels.filter((name) => name === label).length
        const inPart = items(part).filter((name) => name === label).length
        expect(Math.abs(inPart - share * whole)).toBeLessThanOrEqual(1)
      }
    }
    // Not one class after the other.
    expect(new Set(items(a).slice(0, 20)).size).toBeGreaterThan(1)
    expect(() => stratifiedSplit(data, [1000], { labels: [1] })).toThrow('a label for each of 1000 samples, received 1')
  })
})
