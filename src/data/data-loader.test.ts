import { describe, expect, test } from 'vitest'
import { IndexError, ShapeError, ValueError } from '../core/errors.ts'
import { tensor } from '../tensor/creation.ts'
import type { Tensor } from '../tensor/tensor.ts'
import { collate } from './collate.ts'
import { DataLoader } from './data-loader.ts'
import type { Dataset } from './dataset.ts'
import { permutation } from './permutation.ts'
import { Subset } from './subset.ts'
import { TensorDataset } from './tensor-dataset.ts'

const numbers = (length: number): TensorDataset<readonly [Tensor, Tensor]> =>
  new TensorDataset(
    tensor(
      Array.from({ length }, (_, i) => [i, i + 0.5]),
      { dtype: 'float32' },
    ),
    tensor(Int32Array.from({ length }, (_, i) => i)),
  )

/** The labels of each batch of one epoch. */
const walk = (loader: DataLoader<readonly [Tensor, Tensor]>): number[][] =>
  Array.from(loader, ([, y]) => Array.from(y.dataSync()))

const wordLengths: Dataset<[Tensor, number]> = {
  length: 3,
  get: (i) => [tensor([i, 10 * i]), i / 2],
}

describe('permutation', () => {
  test('holds every number once and is the same everywhere', () => {
    expect(Array.from(permutation(1000, 7)).sort((a, b) => a - b)).toEqual(Array.from({ length: 1000 }, (_, i) => i))
    expect(Array.from(permutation(8, 0))).toEqual([0, 1, 5, 7, 2, 3, 4, 6])
    expect(Array.from(permutation(8, 2 ** 40 + 1, 3))).toEqual([3, 7, 0, 4, 5, 1, 2, 6])
    expect(permutation(0, 1)).toHaveLength(0)
  })

  test('depends on seed and epoch', () => {
    const orders = [permutation(50, 1), permutation(50, 2), permutation(50, 1, 1), permutation(50, 1 + 2 ** 32)]
    expect(new Set(orders.map(String)).size).toBe(4)
  })

  test('is uniform: each of 4! orders comes up about equally often', () => {
    const counts = new Map<string, number>()
    for (let seed = 0; seed < 24_000; seed++) {
      const key = String(permutation(4, seed))
      counts.set(key, (counts.get(key) ?? 0) + 1)
    }
    const chi2 = [...counts.values()].reduce((sum, n) => sum + (n - 1000) ** 2 / 1000, 0)
    expect(counts.size).toBe(24)
    expect(chi2).toBeLessThan(49.7) // 99.9 % quantile at 23 degrees of freedom
  })
})

describe('TensorDataset', () => {
  test('gives samples and batches of every dtype', () => {
    const data = new TensorDataset(
      tensor(
        [
          [[1.5], [2]],
          [[3], [4]],
        ],
        { dtype: 'float16' },
      ),
      tensor([true, false]),
      new Uint8Array([7, 8]),
    )
    const [half, bool, byte] = data.get(1)
    expect([half.dtype, half.shape, half.toArraySync()]).toEqual(['float16', [2, 1], [[3], [4]]])
    expect([bool.dtype, bool.shape, bool.toArraySync()]).toEqual(['bool', [], false])
    expect([byte.dtype, byte.itemSync()]).toEqual(['uint8', 8])
    expect(data.batch([1, 0, 1])[0].toArraySync()).toEqual([
      [[3], [4]],
      [[1.5], [2]],
      [[3], [4]],
    ])
    expect(data.batch([])[0].shape).toEqual([0, 2, 1])
  })

  test('keeps its own copy', () => {
    const labels = new Int32Array([1, 2])
    const data = new TensorDataset(labels)
    labels[0] = 9
    expect(data.get(0)[0].itemSync()).toBe(1)
  })

  test('refuses parts of different length and indices outside', () => {
    expect(() => new TensorDataset(tensor([1, 2]), tensor([1, 2, 3]))).toThrow(ShapeError)
    expect(() => new TensorDataset(tensor([1, 2]), tensor([1, 2, 3]))).toThrow('received [2], [3]')
    expect(() => new TensorDataset(tensor(1))).toThrow(ShapeError)
    expect(() => numbers(3).get(3)).toThrow(IndexError)
    expect(() => numbers(3).batch([0, -1])).toThrow('index -1 is out of range for a dataset of 3 samples')
  })
})

describe('DataLoader', () => {
  test('walks in order, the last batch smaller or dropped', () => {
    expect(walk(new DataLoader(numbers(5), { batchSize: 2 }))).toEqual([[0, 1], [2, 3], [4]])
    expect(walk(new DataLoader(numbers(5), { batchSize: 2, dropLast: true }))).toEqual([
      [0, 1],
      [2, 3],
    ])
    expect(new DataLoader(numbers(5), { batchSize: 2 }).length).toBe(3)
    expect(new DataLoader(numbers(5), { batchSize: 2, dropLast: true }).length).toBe(2)
    expect(walk(new DataLoader(numbers(0)))).toEqual([])
  })

  test('keeps images and labels together', () => {
    for (const [x, y] of new DataLoader(numbers(7), { batchSize: 3, shuffle: true })) {
      expect(x.toArraySync()).toEqual(Array.from(y.dataSync(), (i) => [i, i + 0.5]))
    }
  })

  test('shuffles anew each epoch and repeats itself from seed and epoch', () => {
    const a = new DataLoader(numbers(20), { batchSize: 6, shuffle: true, seed: 3 })
    const epochs = [walk(a), walk(a), walk(a)]
    expect(new Set(epochs.map(String)).size).toBe(3)
    for (const epoch of epochs) expect(epoch.flat().sort((x, y) => x - y)).toEqual([...Array(20).keys()])
    const b = new DataLoader(numbers(20), { batchSize: 6, shuffle: true, seed: 3 })
    b.epoch = 2
    expect(walk(b)).toEqual(epochs[2])
    expect(walk(new DataLoader(numbers(20), { batchSize: 6, shuffle: true, seed: 4 }))).not.toEqual(epochs[0])
  })

  test('for await gives the same batches', async () => {
    const seen: number[][] = []
    for await (const [, y] of new DataLoader(numbers(5), { batchSize: 2, shuffle: true, seed: 9 })) {
      seen.push(Array.from(y.dataSync()))
    }
    expect(seen).toEqual(walk(new DataLoader(numbers(5), { batchSize: 2, shuffle: true, seed: 9 })))
  })

  test('joins the samples of a dataset of one’s own', () => {
    const [[x, y]] = [...new DataLoader(wordLengths, { batchSize: 3 })] as [[Tensor, Tensor]]
    expect([x.shape, x.toArraySync()]).toEqual([
      [3, 2],
      [
        [0, 0],
        [1, 10],
        [2, 20],
      ],
    ])
    expect([y.dtype, y.toArraySync()]).toEqual(['float32', [0, 0.5, 1]])
    expect(collate([[1], [2]])[0]?.dtype).toBe('int32')
    const sums = new DataLoader(wordLengths, { batchSize: 3, collate: (samples) => collate(samples.toReversed()) })
    expect([...sums][0]?.[1].toArraySync()).toEqual([1, 0.5, 0])
  })

  test('an asynchronous dataset needs for await', async () => {
    const slow: Dataset<[number]> = { length: 2, get: async (i) => [i] }
    const seen: unknown[] = []
    for await (const [x] of new DataLoader(slow, { batchSize: 2 })) seen.push(x.toArraySync())
    expect(seen).toEqual([[0, 1]])
    expect(() => [...new DataLoader(slow)]).toThrow("walk it with 'for await'")
  })

  test('refuses what makes no sense', () => {
    expect(() => new DataLoader(numbers(2), { batchSize: 0 })).toThrow(ValueError)
    expect(() => new DataLoader(numbers(2), { batchSize: 1.5 })).toThrow('received 1.5')
    expect(() => new DataLoader(numbers(2), { seed: 0.5 })).toThrow('received 0.5')
    expect(() => collate([[tensor([1])], [tensor([1, 2])]])).toThrow('float32 [1] and float32 [2]')
    expect(() => collate([[1], [tensor([1, 2])]])).toThrow(ValueError)
    expect(() => collate([[1], [1, 2]])).toThrow('same number of parts')
    expect(() => collate([])).toThrow('at least one')
  })
})

describe('Subset', () => {
  test('chooses, singly and in batches', () => {
    const some = new Subset(numbers(5), [4, 0])
    expect(some.length).toBe(2)
    expect((some.get(0) as readonly Tensor[])[1]?.itemSync()).toBe(4)
    expect(walk(new DataLoader(some, { batchSize: 2 }))).toEqual([[4, 0]])
    const slow = new Subset(wordLengths, [2])
    expect([...new DataLoader(slow)][0]?.[0].toArraySync()).toEqual([[2, 20]])
    expect(() => new Subset(numbers(5), [5])).toThrow(IndexError)
    expect(() => some.get(2)).toThrow(IndexError)
  })
})
