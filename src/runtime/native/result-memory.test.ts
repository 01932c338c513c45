import { describe, expect, test } from 'vitest'
import { loadFfi } from './ffi.ts'
import { addressOf } from './memory.ts'
import { ResultMemory } from './result-memory.ts'

describe.skipIf('reason' in loadFfi())('memory of results', () => {
  test('what is given back is used again, by the same type and length only', () => {
    const memory = new ResultMemory()
    const first = memory.take('float32', 100, false)
    expect(first).toBeInstanceOf(Float32Array)
    expect(first).toHaveLength(100)
    expect(memory.take('float32', 100, false)).not.toBe(first)
    memory.giveBack(first, 'float32')
    expect(memory.take('int32', 100, false)).toBeInstanceOf(Int32Array)
    expect(memory.take('float32', 99, false)).not.toBe(first)
    expect(memory.take('float32', 100, false)).toBe(first)
    expect(memory.take('float32', 100, false)).not.toBe(first)
  })

  test.each([10, 1000])('%i elements that a tensor holds are taken back only by their owner', (length) => {
    const memory = new ResultMemory()
    const held = memory.take('float32', length, true)
    memory.giveBack(held, 'float32')
    expect(memory.take('float32', length, false)).not.toBe(held)
    memory.giveBack(held, 'float32', true)
    // Small ones share their piece of memory.
    expect(memory.take('float32', length, false) === held).toBe(length === 1000)
    const foreign = new Float32Array(length)
    memory.giveBack(foreign, 'float32')
    expect(memory.take('float32', length, false)).not.toBe(foreign)
  })

  test('everything begins on a cache line, and nothing overlaps', () => {
    const memory = new ResultMemory()
    const arrays = Array.from({ length: 300 }, (_, i) => memory.take(i % 2 ? 'uint8' : 'float32', i % 70, i % 3 === 0))
    const ranges = arrays
      .filter(({ length }) => length > 0)
      .map((array) => [addressOf(array), addressOf(array) + array.byteLength] as const)
      .sort(([a], [b]) => a - b)
    for (const [i, [start]] of ranges.entries()) {
      expect(start % 64).toBe(0)
      if (i > 0) expect(start).toBeGreaterThanOrEqual(ranges[i - 1]![1])
    }
  })

  test('what lies idle for long is let go', () => {
    const memory = new ResultMemory()
    const array = memory.take('float32', 100, false)
    memory.giveBack(array, 'float32')
    for (let i = 0; i < 600; i++) memory.begin()
    expect(memory.take('float32', 100, false)).not.toBe(array)
  })
})
