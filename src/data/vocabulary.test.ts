import { expect, test } from 'vitest'
import { tokenWindows } from './token-windows.ts'
import { Vocabulary } from './vocabulary.ts'

test('the most frequent tokens come first, behind the special ones', () => {
  const texts = [['b', 'a', 'c'], 'ba', ['a', 'd', 'c']]
  const words = Vocabulary.of(texts, { minCount: 2, special: ['-', '?'], unknown: '?' })
  expect(words.tokens).toEqual(['-', '?', 'a', 'b', 'c'])
  expect(words.encode(['c', 'd', 'a'])).toEqual([4, 1, 2])
  expect(words.decode([4, 1, 2])).toEqual(['c', '?', 'a'])
  expect(() => words.decode([5])).toThrow('Vocabulary.decode: there is no token 5 among 5')
})

test('without a token for it, what is not known is left out', () => {
  const letters = new Vocabulary(['x', 'y'])
  expect(letters.encode('yzx')).toEqual([1, 0])
  expect(() => new Vocabulary(['x', 'x'])).toThrow("token 'x' is there twice")
  expect(() => new Vocabulary(['x'], { unknown: 'z' })).toThrow("'z' stands for what is not known")
})

test('windows cover the text, each with the same one token later', async () => {
  const windows = tokenWindows([0, 1, 2, 3, 4, 5, 6, 7], { length: 3 })
  expect(windows.length).toBe(2)
  const both = [0, 1].map((i) => windows.get(i) as Awaited<ReturnType<typeof windows.get>>)
  expect(both.map(([x, y]) => [x.dtype, [...x.dataSync()], [...y.dataSync()]])).toEqual([
    ['int32', [0, 1, 2], [1, 2, 3]],
    ['int32', [3, 4, 5], [4, 5, 6]],
  ])
  expect(() => tokenWindows([1, 2], { length: 2 })).toThrow('tokenWindows: a text of 2 tokens has no window of 2 + 1')
})

test('shifted windows are the same for the same visit, and stay within the text', () => {
  const windows = tokenWindows(
    Array.from({ length: 40 }, (_, i) => i),
    { length: 6, shift: true },
  )
  const starts = (epoch: number): number[] =>
    Array.from({ length: windows.length }, (_, i) => {
      const [x, y] = windows.get(i, { seed: 1, epoch }) as Awaited<ReturnType<typeof windows.get>>
      expect([...y.dataSync()]).toEqual(Array.from(x.dataSync(), (value) => value + 1))
      return x.dataSync()[0]!
    })
  expect(starts(0)).toEqual(starts(0))
  expect(starts(0)).not.toEqual(starts(1))
})
