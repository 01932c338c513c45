import { afterAll, describe, expect, test } from 'vitest'
import type { Options } from '../../test/data/squares.ts'
import { DataLoader } from './data-loader.ts'
import type { Sample } from './dataset.ts'
import { moduleDataset } from './module-dataset.ts'
import { SampleError } from './sample-error.ts'
import { Subset } from './subset.ts'

const url = new URL('../../test/data/squares.ts', import.meta.url)
const squares = (options: Options): ReturnType<typeof moduleDataset<typeof import('../../test/data/squares.ts')>> =>
  moduleDataset<typeof import('../../test/data/squares.ts')>(url, options)

// Workers of the tests run from the sources.
const workerOptions = { execArgv: ['--disable-warning=DEP0205', '--import', '@oxc-node/core/register'] }
const shuffled = { batchSize: 4, shuffle: true, seed: 5, workerOptions }

async function walk<S extends Sample>(loader: DataLoader<S>): Promise<unknown[]> {
  const seen: unknown[] = []
  for await (const [x, y] of loader) seen.push([await x!.toArray(), await y!.toArray()])
  return seen
}

const threads = (): number => process.getActiveResourcesInfo().filter((name) => name === 'Worker').length

afterAll(() => expect(threads()).toBe(0))

describe('workers', () => {
  test('0, 1 and 2 give the same bits, epoch after epoch', async () => {
    const data = await squares({ length: 11 })
    const [none, one, two] = await Promise.all(
      [0, 1, 2].map(async (workers) => {
        const loader = new DataLoader(data, { ...shuffled, workers, persistentWorkers: true })
        try {
          return [await walk(loader), await walk(loader)]
        } finally {
          await loader.close()
        }
      }),
    )
    expect(none![0]).not.toEqual(none![1])
    expect([one, two]).toEqual([none, none])
    const [, noise, other] = (none as number[][][][][])[0]![0]![0]![0] as unknown as [number, number, number]
    expect(noise).not.toBe(other)
  })

  test('an error names the sample, with a subset between, too', async () => {
    const data = new Subset(await squares({ length: 8, broken: 6 }), [0, 6, 2])
    for (const workers of [0, 1]) {
      const failed = walk(new DataLoader(data, { ...shuffled, workers }))
      await expect(failed).rejects.toThrow(SampleError)
      await expect(failed).rejects.toThrow('DataLoader: sample 1 (number-6.txt): this one is damaged')
    }
  })

  test('a sample that cannot be loaded is left out and noted when so chosen', async () => {
    const data = await squares({ length: 6, broken: 3 })
    for (const workers of [0, 1]) {
      const loader = new DataLoader(data, { batchSize: 1, onError: 'skip', workers, workerOptions })
      const labels = ((await walk(loader)) as [number[][], number[]][]).map(([, y]) => y[0])
      expect(labels).toEqual([0, 1, 4, 16, 25])
      expect([...loader.skipped].map(([index, { message }]) => [index, message])).toEqual([
        [3, 'DataLoader: sample 3 (number-3.txt): this one is damaged'],
      ])
    }
  })

  test('breaking out ends the threads and what they were loading', async () => {
    const loader = new DataLoader(await squares({ length: 1000, slow: 20 }), { ...shuffled, workers: 1 })
    for await (const _ of loader) break
    expect(threads()).toBe(0)
    expect(loader.stateDict()).toEqual({ epoch: 0, batch: 1 })
  })

  test('threads that never had a batch do not keep the process alive', async () => {
    const ports = (): number => process.getActiveResourcesInfo().filter((name) => name === 'MessagePort').length
    const before = ports()
    const options = { batchSize: 4, workers: 2, persistentWorkers: true, workerOptions }
    const loader = new DataLoader(await squares({ length: 2 }), options)
    expect(await walk(loader)).toHaveLength(1)
    expect(ports()).toBe(before)
    await loader.close()
  })

  test('a walk is taken up at the very batch', async () => {
    const data = await squares({ length: 11 })
    const whole = new DataLoader(data, shuffled)
    whole.epoch = 3
    const expected = await walk(whole)
    const first = new DataLoader(data, shuffled)
    first.epoch = 3
    for await (const _ of first) break
    for (const workers of [0, 1]) {
      const resumed = new DataLoader(data, { ...shuffled, workers })
      resumed.loadStateDict(first.stateDict())
      expect(await walk(resumed)).toEqual(expected.slice(1))
      expect(resumed.stateDict()).toEqual({ epoch: 4, batch: 0 })
    }
    expect(() => first.loadStateDict({ epoch: 0, batch: 4 })).toThrow('is no place in epochs of 3 batches')
  })

  test('a module that fails there, and one that is missing here, are named', async () => {
    const data = await squares({ length: 4 })
    const elsewhere = { ...data, origin: { module: `${url.href}-absent`, options: {} } }
    await expect(walk(new DataLoader(elsewhere, { workers: 1, workerOptions }))).rejects.toThrow(
      /DataLoader: in a worker thread: .*squares\.ts-absent/,
    )
    await expect(moduleDataset(new URL('./split.ts', import.meta.url), {} as never)).rejects.toThrow(
      `${new URL('./split.ts', import.meta.url).href} exports no function 'dataset'`,
    )
  })

  test('refuses what cannot go to a thread', async () => {
    const data = await squares({ length: 4 })
    expect(() => new DataLoader({ length: 1, get: (i) => [i] }, { workers: 1 })).toThrow('moduleDataset()')
    expect(() => new DataLoader(data, { workers: 1, collate: () => [] as never })).toThrow("as 'collate'")
    expect(() => [...new DataLoader(data, { workers: 1 })]).toThrow("walk it with 'for await'")
  })
})
