import { expect, test } from 'vitest'
import { cumulative } from '../../src/graph/ops/cumulative.ts'
import { scatter } from '../../src/graph/ops/indexing.ts'
import { buffer, constant } from '../../src/graph/ops/leaves.ts'
import { reduce } from '../../src/graph/ops/reduce.ts'
import { broadcastTo, reshape } from '../../src/graph/ops/views.ts'
import { argPool } from '../../src/graph/ops/windows.ts'
import { NativeTarget, nativeTarget } from '../../src/runtime/native/target.ts'
import { threadPool } from '../../src/runtime/native/thread-pool.ts'
import { leaf } from '../random/graphs.ts'

const target = nativeTarget()
const machine = target instanceof NativeTarget

test.skipIf(!machine)('1, 2 and 3 threads give the same bits', () => {
  if (!(target instanceof NativeTarget)) return
  const rows = buffer(
    Int32Array.from({ length: 400 }, (_, i) => (i * 37) % 50),
    [400, 1],
    'int32',
  )
  const pool = { kernel: [3, 3], stride: [2, 2], low: [1, 1], high: [1, 1], dilation: [1, 1] }
  const index = argPool(leaf([4, 16, 64, 64]), pool)
  const flat = reshape(index, [4, 16, 32 * 32])
  const roots = [
    reduce(leaf([5003, 24]), 'sum', [0]),
    reduce(leaf([200_003]), 'sum', [0]),
    reduce(leaf([64, 6, 28, 28]), 'sum', [0, 2, 3]),
    scatter(leaf([50, 300]), rows, leaf([400, 300], 2), 0, 'add'),
    cumulative(leaf([300, 300]), 'sum', 1),
    scatter(broadcastTo(constant(0), [4, 16, 64 * 64]), flat, leaf([4, 16, 32 * 32], 5), 2, 'add', 'maxPool'),
  ]
  const pooled = threadPool()
  const before = pooled.threads
  const results = [1, 2, 3].map((threads) => {
    pooled.setThreads(threads)
    return target.run(roots).map((values) => Buffer.from(values.slice().buffer))
  })
  pooled.setThreads(before)
  expect(target.routines).toEqual(new Set())
  for (const other of results.slice(1)) {
    for (const [i, bytes] of other.entries()) expect(bytes.equals(results[0]![i]!), `root ${i}`).toBe(true)
  }
})
