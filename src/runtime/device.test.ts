import { afterEach, expect, test } from 'vitest'
import { compile, setDevice, setThreads, tensor, ValueError } from '../index.ts'
import { device } from './device.ts'
import { NativeTarget, nativeTarget } from './native/target.ts'
import { threadPool } from './native/thread-pool.ts'

const machine = nativeTarget() instanceof NativeTarget
const before = device().name
afterEach(() => setDevice(before))

test.each([0, 1.5, 256, Number.NaN])('setThreads refuses %s', (count) => {
  expect(() => setThreads(count)).toThrow(
    new ValueError('setThreads', `expects a whole number from 1 to 255, received ${count}`),
  )
})

test.skipIf(!machine)('setThreads sets the threads of machine code, and changes no bit', async () => {
  setDevice('native')
  const threads = threadPool().threads
  const x = tensor(
    Float32Array.from({ length: 300 * 400 }, (_, i) => Math.sin(i)),
    { shape: [300, 400] },
  )
  const work = compile((a: typeof x) => a.matmul(a.t()).exp().sum(0))
  const results: number[][] = []
  for (const count of [1, 2, 3]) {
    setThreads(count)
    expect(threadPool().threads).toBe(count)
    results.push([...(await work(x).data())])
  }
  expect(results[1]).toEqual(results[0])
  expect(results[2]).toEqual(results[0])
  setThreads(threads)
})
