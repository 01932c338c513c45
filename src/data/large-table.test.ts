/** A table is learned from as it streams by: memory stays the same from the first tenth to the last. `bench/csv.ts` does it with 5 million rows. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { mseLoss } from '../nn/functional/losses/regression.ts'
import { Linear } from '../nn/layers/linear.ts'
import { Adam } from '../optim/adam.ts'
import { tensor } from '../tensor/creation.ts'
import { manualSeed } from '../tensor/random.ts'
import type { Tensor } from '../tensor/tensor.ts'
import * as training from '../train/fit.ts'
import { csv } from './csv.ts'
import type { Stream } from './stream.ts'

const [rows, batchSize] = [15_000, 125]
const lines = Array.from({ length: rows }, (_, i) => `${i % 7},${i % 5},${2 * (i % 7) - (i % 5)}`)

let folder = ''
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'gradus-table-'))
})
afterAll(() => rm(folder, { recursive: true }))

async function table(name: string, content: readonly string[]): Promise<Stream<readonly [Tensor, Tensor]>> {
  const path = join(folder, name)
  await writeFile(path, ['a,b,y', ...content].join('\n'))
  return csv(path, { columns: { a: 'number', b: 'number', y: 'number' } })
    .map(({ a, b, y }) => [tensor([a, b]), tensor([y])] as const)
    .shuffle({ buffer: 250 })
    .batch(batchSize)
}

/** Megabytes that are really in use. */
function used(): number {
  globalThis.gc!()
  const { heapUsed, external } = process.memoryUsage()
  return (heapUsed + external) / 1e6
}

async function train(
  batches: Stream<readonly [Tensor, Tensor]>,
): Promise<{ steps: number; memory: number[]; model: Linear }> {
  manualSeed(0)
  const model = new Linear(2, 1)
  const optimizer = new Adam(model.parameters(), { lr: 0.1 })
  const memory: number[] = []
  const { epochs } = await training.fit(model, {
    ...{ train: batches, optimizer, loss: mseLoss, epochs: 1, readEvery: 12 },
    onStep: () => void memory.push(used()),
  })
  return { steps: epochs[0]!.steps, memory, model }
}

test(`${rows} rows are learned from in constant memory`, async () => {
  const { steps, memory, model } = await train(await table('rents.csv', lines))
  expect(steps).toBe(rows / batchSize)
  expect(memory).toHaveLength(10)
  // Half of the rows as tensors would be more than 5 MB.
  expect(Math.max(...memory.slice(4)) - memory[1]!).toBeLessThan(2)
  const [two, minusOne] = model.weight.dataSync()
  expect([two, minusOne]).toEqual([expect.closeTo(2, 1), expect.closeTo(-1, 1)])
})

test('a malformed row far down is named by its line', async () => {
  const batches = await table('damaged.csv', lines.with(13_500, '1,2'))
  await expect(train(batches)).rejects.toThrow('damaged.csv: line 13502: expected 3 fields, received 2')
})
