import { expect, test } from 'vitest'
import { manualSeed, nn, randn, setDevice, setThreads, type Tensor } from 'gradus'
import { canonicalize } from '../../src/schedule/canonical.ts'
import { runsByRows } from '../../src/schedule/scan-rows.ts'
import { loadFfi } from '../../src/runtime/native/ffi.ts'

const available = !('reason' in loadFfi())

const recurrent = { LSTM: nn.LSTM, GRU: nn.GRU, RNN: nn.RNN } as const
type Kind = keyof typeof recurrent

interface Case {
  readonly batch: number
  readonly length: number
  readonly input: number
  readonly hidden: number
  readonly bidirectional?: boolean
  readonly numLayers?: number
}

const cases: readonly Case[] = [
  { batch: 32, length: 5, input: 8, hidden: 16 },
  { batch: 34, length: 3, input: 5, hidden: 33 },
  { batch: 3, length: 4, input: 5, hidden: 7 },
  { batch: 1, length: 3, input: 4, hidden: 8 },
  { batch: 17, length: 1, input: 3, hidden: 17 },
  { batch: 4, length: 6, input: 5, hidden: 20, bidirectional: true, numLayers: 2 },
]

function record(kind: Kind, { batch, length, input, hidden, bidirectional = false, numLayers = 1 }: Case): Tensor[] {
  manualSeed(3)
  const model = new recurrent[kind](input, hidden, { batchFirst: true, bidirectional, numLayers })
  const x = randn([batch, length, input], { requiresGrad: true })
  const [y] = model.forward(x)
  y.pow(2).mean().backward()
  return [y, x.grad!, ...[...model.parameters()].map((p) => p.grad!)]
}

async function results(device: string, kind: Kind, of: Case): Promise<number[][]> {
  setDevice(device)
  return Promise.all(record(kind, of).map(async (t) => [...(await t.data())]))
}

test.skipIf(!available).each(Object.keys(recurrent) as Kind[])(
  '%s by rows gives what the interpreter gives',
  async (kind) => {
    for (const of of cases) {
      const [expected, actual] = [await results('reference', kind, of), await results('native', kind, of)]
      for (const [i, values] of expected.entries())
        for (const [j, value] of values.entries())
          expect(Math.abs(actual[i]![j]! - value)).toBeLessThanOrEqual(1e-6 + 1e-4 * Math.abs(value))
    }
  },
)

test.skipIf(!available)('bits do not depend on the number of threads', async () => {
  const of = { batch: 64, length: 7, input: 8, hidden: 24 }
  const runs: number[][][] = []
  for (const threads of [1, 2, 3]) {
    setThreads(threads)
    runs.push(await results('native', 'LSTM', of))
  }
  expect(runs[1]).toEqual(runs[0])
  expect(runs[2]).toEqual(runs[0])
})

test.skipIf(!available)('gradients that flow into the last state alone are those of the interpreter', async () => {
  const gradients = async (device: string): Promise<number[][]> => {
    setDevice(device)
    manualSeed(3)
    const model = new nn.LSTM(5, 24, { batchFirst: true })
    const x = randn([6, 9, 5], { requiresGrad: true })
    const [y] = model.forward(x)
    y.select(1, -1).pow(2).sum().backward()
    return Promise.all([x, ...model.parameters()].map(async (t) => [...(await t.grad!.data())]))
  }
  const [expected, actual] = [await gradients('reference'), await gradients('native')]
  for (const [i, values] of expected.entries())
    for (const [j, value] of values.entries())
      expect(Math.abs(actual[i]![j]! - value)).toBeLessThanOrEqual(1e-6 + 1e-4 * Math.abs(value))
})

test.skipIf(!available)('forward and backward scans of recurrent layers are kernels of their own', () => {
  setDevice('native')
  for (const kind of Object.keys(recurrent) as Kind[]) {
    const nodes = record(kind, { batch: 32, length: 4, input: 8, hidden: 16 }).map((t) => t.node)
    const { order } = canonicalize(nodes, (node) => node.op.name === 'scan')
    const scans = order.filter((node) => node.op.name === 'scan')
    expect(scans.length).toBe(2)
    expect(scans.every((node) => runsByRows(node, { lanes: 16, vectors: 2 }))).toBe(true)
  }
})
