import { spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { describe, expect, test } from 'vitest'
import {
  argumentBlock,
  burnCall,
  countCall,
  failCall,
  multiplyCall,
  stencilCall,
} from '../../../test/native/kernels.ts'
import { loadFfi } from './ffi.ts'
import { PlanTable } from './plan-table.ts'
import { type ThreadPool, threadPool } from './thread-pool.ts'

const available = !('reason' in loadFfi())

describe.skipIf(!available)('fork and join', () => {
  const pool = available ? threadPool() : (null as unknown as ThreadPool)

  for (const threads of [1, 2, 3, 8]) {
    test(`${threads} threads: every phase sees all of the phase before`, () => {
      pool.setThreads(threads)
      for (const width of [1, 2, 7, 100]) {
        const buffers = [new BigInt64Array(width), new BigInt64Array(width)] as const
        const phases = Array.from({ length: 200 }, (_, i) => [
          stencilCall(buffers[i % 2] as BigInt64Array, buffers[(i + 1) % 2] as BigInt64Array),
        ])
        const table = new PlanTable(phases)
        const runs = threads > 2 ? 5 : 50
        for (let run = 0; run < runs; run++) {
          expect(pool.runSync(table)).toEqual({ status: 'done' })
        }
        expect([...buffers[0]]).toEqual(Array(width).fill(BigInt(200 * runs)))
      }
    })
  }

  test('several kernels in one phase: each chunk of each runs exactly once', () => {
    pool.setThreads(2)
    const counts = [1, 5, 300, 1, 17].map((chunks) => ({ chunks, byThread: new BigInt64Array(2) }))
    const table = new PlanTable([counts.map(({ chunks, byThread }) => countCall(byThread, chunks)), []])
    for (let run = 0; run < 100; run++) pool.runSync(table)
    const totals = counts.map(({ byThread }) => Number((byThread[0] as bigint) + (byThread[1] as bigint)))
    expect(totals).toEqual([100, 500, 30_000, 100, 1700])
  })

  test('a program that never lets the event loop turn may launch any number of runs', () => {
    pool.setThreads(2)
    const byThread = new BigInt64Array(2)
    const table = new PlanTable([[countCall(byThread, 4)]])
    for (let run = 0; run < 1000; run++) expect(pool.launch(table).wait()).toEqual({ status: 'done' })
    expect((byThread[0] as bigint) + (byThread[1] as bigint)).toBe(4000n)
  })

  test('the work is shared: both threads take chunks of a long phase', () => {
    pool.setThreads(2)
    const byThread = new BigInt64Array(2)
    const calls = Array.from({ length: 200 }, () => [burnCall(30_000, 2), countCall(byThread, 2)]).flat()
    const table = new PlanTable([calls])
    // On a busy machine the other thread may sleep through a run or two.
    let runs = 0
    do pool.runSync(table)
    while (++runs < 100 && byThread.includes(0n))
    expect(byThread).not.toContain(0n)
    expect((byThread[0] as bigint) + (byThread[1] as bigint)).toBe(BigInt(400 * runs))
  })

  test('a plan without phases, and one with an empty phase, end at once', () => {
    pool.setThreads(3)
    for (let run = 0; run < 1000; run++) {
      expect(pool.runSync(new PlanTable([]))).toEqual({ status: 'done' })
      expect(pool.runSync(new PlanTable([[]]))).toEqual({ status: 'done' })
    }
  })

  test('thread counts change between runs, with sleeping and with spinning workers', async () => {
    const counts = new BigInt64Array(4)
    const table = new PlanTable([[countCall(counts, 10)], [countCall(counts, 10)]])
    let expected = 0
    for (const threads of [1, 4, 2, 3, 1, 4, 3]) {
      pool.setThreads(threads)
      for (let run = 0; run < 20; run++) {
        pool.runSync(table, 1 + (run % threads))
        expected += 20
      }
      await new Promise((resolve) => setTimeout(resolve, 5))
    }
    expect(counts.reduce((a, b) => a + b)).toBe(BigInt(expected))
  })

  test('wrong thread counts are refused', () => {
    expect(() => pool.setThreads(0)).toThrow('threads: expected an integer from 1 to 255, received 0')
    expect(() => pool.setThreads(256)).toThrow(RangeError)
    expect(() => pool.setThreads(1.5)).toThrow(RangeError)
  })

  test('a kernel without chunks is refused', () => {
    expect(() => new PlanTable([[burnCall(1, 0)]])).toThrow('at least 1 chunk')
  })
})

describe.skipIf(!available)('error cell', () => {
  const pool = available ? threadPool() : (null as unknown as ThreadPool)

  for (const threads of [1, 2, 3]) {
    test(`${threads} threads: the phase of the error ends, later ones do not begin, the next run starts clean`, () => {
      pool.setThreads(threads)
      const counts = new BigInt64Array(3)
      const after = new BigInt64Array(3)
      const block = argumentBlock(0, 5)
      const table = new PlanTable([[failCall(block, 20), countCall(counts, 100)], [countCall(after, 100)]])
      block[0] = BigInt(table.errorCell)
      const error = { code: 1, op: 7, index: 12, size: 10, position: 3 }
      expect(pool.runSync(table)).toEqual({ status: 'failed', error })
      expect(counts.reduce((a, b) => a + b)).toBe(100n)
      expect(after.reduce((a, b) => a + b)).toBe(0n)
      block[1] = -1n
      expect(pool.runSync(table)).toEqual({ status: 'done' })
      expect(after.reduce((a, b) => a + b)).toBe(100n)
    })
  }
})

describe.skipIf(!available)('floating-point state', () => {
  test('kernels flush denormals on every thread, JavaScript does not', async () => {
    const pool = threadPool()
    pool.setThreads(2)
    const pair = Float32Array.of(1e-30, 1e-10)
    const out = new Float32Array(64).fill(1)
    const mxcsr = new Int32Array(64)
    const table = new PlanTable([[multiplyCall(pair, out, mxcsr), burnCall(10_000, 16)]])
    pool.runSync(table)
    expect(new Set(out)).toEqual(new Set([0]))
    expect(new Set(mxcsr.map((word) => word & 0xffc0))).toEqual(new Set([0x9fc0]))
    expect(Math.fround(Math.fround(pair[0] as number) * Math.fround(pair[1] as number))).toBeGreaterThan(0)
    expect((pair[0] as number) * 1e-290 * 1e-3 > 0).toBe(true)
    await pool.runAsync(table)
    expect(new Set(out)).toEqual(new Set([0]))
  })
})

describe.skipIf(!available)('asynchronous runs', () => {
  const pool = available ? threadPool() : (null as unknown as ThreadPool)
  const long = (): PlanTable => new PlanTable([[burnCall(1_000_000, 60)], [burnCall(1_000_000, 60)]])

  test('the event loop stays free', async () => {
    pool.setThreads(2)
    let ticks = 0
    const timer = setInterval(() => ticks++, 1)
    const outcome = await pool.runAsync(long())
    clearInterval(timer)
    expect(outcome).toEqual({ status: 'done' })
    expect(ticks).toBeGreaterThan(10)
  })

  test('synchronous runs queue behind; each run keeps its own outcome', async () => {
    const counts = new BigInt64Array(2)
    const block = argumentBlock(0, 3)
    const table = new PlanTable([[burnCall(1_000_000, 20), failCall(block, 10)], [countCall(counts, 10)]])
    block[0] = BigInt(table.errorCell)
    const first = pool.runAsync(table)
    const second = pool.runAsync(new PlanTable([[countCall(counts, 1)]]))
    expect((await first).status).toBe('failed')
    expect((await second).status).toBe('done')
    block[1] = -1n
    expect(pool.runSync(table)).toEqual({ status: 'done' })
    expect(counts.reduce((a, b) => a + b)).toBe(11n)
  })

  test('a synchronous run in the middle of an asynchronous one waits for it', async () => {
    const slow = new BigInt64Array(2)
    const running = pool.runAsync(new PlanTable([[burnCall(1_000_000, 60)], [countCall(slow, 10)]]))
    await new Promise((resolve) => setTimeout(resolve, 2))
    const counts = new BigInt64Array(2)
    pool.runSync(new PlanTable([[countCall(counts, 10)]]))
    expect(slow.reduce((a, b) => a + b)).toBe(10n)
    expect(counts.reduce((a, b) => a + b)).toBe(10n)
    expect(await running).toEqual({ status: 'done' })
  })
})

describe.skipIf(!available)('the end of the process', () => {
  const script = fileURLToPath(new URL('../../../test/native/exit-during-plan.ts', import.meta.url))

  test('process.exit during a plan of an hour ends within moments, with its exit code', async () => {
    const child = spawn(
      process.execPath,
      ['--disable-warning=DEP0205', '--import', '@oxc-node/core/register', script],
      { stdio: 'pipe' },
    )
    let output = ''
    child.stderr.on('data', (data) => {
      output += data
    })
    const exitAt = await new Promise<number>((resolve) => {
      child.stdout.on('data', () => resolve(Date.now()))
      child.on('exit', () => resolve(Date.now()))
    })
    const code = await new Promise((resolve) => {
      if (child.exitCode !== null) resolve(child.exitCode)
      child.on('exit', resolve)
    })
    expect(output).toBe('')
    expect(code).toBe(3)
    expect(Date.now() - exitAt).toBeLessThan(3000)
  })
})
