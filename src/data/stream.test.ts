import { describe, expect, test } from 'vitest'
import { DTypeError, ShapeError, ValueError } from '../core/errors.ts'
import { tensor } from '../tensor/creation.ts'
import { decodeCifar } from './cifar.ts'
import { DataLoader } from './data-loader.ts'
import { padded } from './pad.ts'
import { Stream } from './stream.ts'
import { seriesWindows } from './windows.ts'

const count = (to: number): Stream<number> =>
  new Stream(function* () {
    for (let i = 0; i < to; i++) yield i
  })

describe('Stream', () => {
  test('map, filter, take, skip, concat', async () => {
    const odd = count(10).filter((i) => i % 2 === 1)
    expect(await odd.map((i) => 10 * i).toArray()).toEqual([10, 30, 50, 70, 90])
    expect(await odd.skip(1).take(2).concat(count(2)).toArray()).toEqual([3, 5, 0, 1])
    expect(await count(3).take(0).toArray()).toEqual([])
  })

  test('draws by place and epoch, the same again after a restart', async () => {
    const noise = (): Stream<number> => count(3).map((_, random) => random.next())
    const [a, b] = [noise(), noise()]
    const epochs = [await a.toArray(), await a.toArray()]
    b.epoch = 1
    expect(await b.toArray()).toEqual(epochs[1])
    expect(new Set(epochs.flat()).size).toBe(6)
  })

  test('shuffle mixes within its buffer, anew each epoch', async () => {
    const mixed = count(100).shuffle({ buffer: 10, seed: 4 })
    const epochs = [await mixed.toArray(), await mixed.toArray()]
    for (const epoch of epochs) expect(epoch.toSorted((a, b) => a - b)).toEqual([...Array(100).keys()])
    expect(epochs[0]).not.toEqual(epochs[1])
    // What comes out at place p was read by then: nothing is further ahead than the buffer.
    for (const [place, item] of epochs[0]!.entries()) expect(item - place).toBeLessThanOrEqual(10)
    expect(() => count(1).shuffle({ buffer: 0 })).toThrow(ValueError)
  })

  test('batch joins, reads nothing ahead, and closes its source', async () => {
    let [read, closed] = [0, 0]
    const source = new Stream(async function* () {
      try {
        for (; ; read++) yield [read, read / 2] as const
      } finally {
        closed++
      }
    })
    for await (const [x, y] of source.batch(3)) {
      expect([await x.toArray(), await y.toArray()]).toEqual([
        [0, 1, 2],
        [0, 0.5, 1],
      ])
      break
    }
    expect([read, closed]).toEqual([2, 1])
    const sizes = async (options: object): Promise<number[]> =>
      (
        await count(5)
          .map((i) => [i] as const)
          .batch(2, options)
          .toArray()
      ).map(([x]) => x.size)
    expect([await sizes({}), await sizes({ dropLast: true })]).toEqual([
      [2, 2, 1],
      [2, 2],
    ])
  })
})

test('padded fills up the first dimension, at either end or to a length', async () => {
  const texts = [tensor([1, 2, 3]), tensor([4])].map((x, i) => [x, i] as const)
  const join = async (options: object): Promise<unknown> => {
    const [x, y] = padded(options)(texts)
    expect(await y!.toArray()).toEqual([0, 1])
    return x!.toArray()
  }
  expect(await join({})).toEqual([
    [1, 2, 3],
    [4, 0, 0],
  ])
  expect(await join({ side: 'start', value: 9 })).toEqual([
    [1, 2, 3],
    [9, 9, 4],
  ])
  expect(await join({ length: 2 })).toEqual([
    [1, 2],
    [4, 0],
  ])
  expect(await join({ length: 2, side: 'start' })).toEqual([
    [2, 3],
    [0, 4],
  ])
  expect(() => padded()([[tensor([[1, 2]])], [tensor([[1]])]])).toThrow(ShapeError)
  expect(() => padded()([[tensor([1])], [3]])).toThrow(ValueError)
  const loader = new DataLoader({ length: 2, get: (i) => texts[i]! }, { batchSize: 2, collate: padded() })
  expect([...loader][0]![0].shape).toEqual([2, 3])
})

describe('seriesWindows', () => {
  test('gives past and future', async () => {
    const series = tensor(Array.from({ length: 6 }, (_, t) => [t, 10 * t]))
    const windows = seriesWindows(series, { length: 3, horizon: 2, targets: [1] })
    expect(windows.length).toBe(2)
    const [past, future] = await windows.get(1)
    expect(await past.toArray()).toEqual([
      [1, 10],
      [2, 20],
      [3, 30],
    ])
    expect(await future.toArray()).toEqual([[40], [50]])
    expect(seriesWindows([1, 2, 3, 4, 5], { length: 1, stride: 2 }).length).toBe(2)
    expect(() => seriesWindows([1, 2], { length: 2 })).toThrow('has no window of 2 + 1')
    expect(() => seriesWindows(tensor(1), { length: 1 })).toThrow(ShapeError)
    expect(() => seriesWindows(['a'] as never, { length: 1 })).toThrow(DTypeError)
  })
})

test('decodeCifar reads labels and planes, and refuses other bytes', async () => {
  const bytes = Uint8Array.from({ length: 2 * 3073 }, (_, i) => (i % 3073 === 0 ? 3 + Math.floor(i / 3073) : i % 251))
  const { images, labels } = decodeCifar(bytes)
  expect([images.shape, images.dtype, await labels.toArray()]).toEqual([[2, 3, 32, 32], 'uint8', [3, 4]])
  expect(images.dataSync()[3072]).toBe(bytes[3074])
  const fine = decodeCifar(Uint8Array.of(19, 77, ...new Uint8Array(3072)), { labelBytes: 2 })
  expect(await fine.labels.toArray()).toEqual([77])
  expect(() => decodeCifar(new Uint8Array(3072), {}, 'x.bin')).toThrow('x.bin: expected a multiple of 3073 bytes')
  expect(() => decodeCifar(new Uint8Array(3073).fill(10))).toThrow('image 0 has label 10, expected 0 to 9')
})
