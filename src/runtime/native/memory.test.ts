import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { describe, expect, test } from 'vitest'
import { Assembler } from '../../codegen/x64/assembler.ts'
import { mem, rax, rdi, rsi } from '../../codegen/x64/operands.ts'
import { type CFunction, ffi, loadFfi } from './ffi.ts'
import { addressOf, alignedArray, CodePages, guardedBytes } from './memory.ts'

const available = !('reason' in loadFfi())

function sum(): Uint8Array {
  const a = new Assembler()
  a.lea(rax, mem(rdi, 0, rsi))
  a.ret()
  return a.finish()
}

interface Mapping {
  readonly start: number
  readonly end: number
  readonly permissions: string
}

function mappings(): Mapping[] {
  return readFileSync('/proc/self/maps', 'utf8')
    .split('\n')
    .filter(Boolean)
    .map((line) => {
      const [, start = '', end = '', permissions = ''] = /^([0-9a-f]+)-([0-9a-f]+) (\S+)/.exec(line) ?? []
      return { start: Number.parseInt(start, 16), end: Number.parseInt(end, 16), permissions }
    })
}

const mappingAt = (address: number): Mapping | undefined =>
  mappings().find(({ start, end }) => start <= address && address < end)

describe.skipIf(!available)('executable memory', () => {
  test('runs, and is never writable and executable at once', () => {
    const pages = new CodePages(sum())
    expect(pages.functionAt(0, 'int64_t', 'int64_t', 'int64_t')(40, 2)).toBe(42)
    expect(mappingAt(pages.address)?.permissions).toBe('r-xp')
  })

  test('is unmapped once nothing refers to it; a callable function refers to it', async () => {
    const collect = globalThis.gc as () => void
    const addresses: number[] = []
    const keep = (): CFunction => {
      for (let i = 0; i < 20; i++) addresses.push(new CodePages(sum()).address)
      return new CodePages(sum()).functionAt(0, 'int64_t', 'int64_t', 'int64_t')
    }
    const kept = keep()
    const before = addresses.filter((address) => mappingAt(address)?.permissions === 'r-xp').length
    expect(before).toBe(20)
    for (let i = 0; i < 10; i++) {
      collect()
      await new Promise((resolve) => setTimeout(resolve, 5))
    }
    const left = addresses.filter((address) => mappingAt(address)?.permissions === 'r-xp')
    expect(left.length).toBeLessThan(5)
    expect(kept(1, 2)).toBe(3)
  })
})

describe.skipIf(!available)('arrays', () => {
  test('aligned arrays begin on a multiple of 64, zeroed, of the length asked for', () => {
    for (const length of [0, 1, 15, 16, 1000]) {
      const floats = alignedArray(Float32Array, length)
      expect(floats).toHaveLength(length)
      if (length > 0) expect(addressOf(floats) % 64).toBe(0)
      expect(floats.every((x) => x === 0)).toBe(true)
    }
    expect(addressOf(alignedArray(Float64Array, 3)) % 64).toBe(0)
  })

  test('small arrays keep their address through garbage collections', () => {
    const arrays = Array.from({ length: 200 }, (_, i) => Float64Array.of(i))
    const addresses = arrays.map(addressOf)
    for (let i = 0; i < 3; i++) (globalThis.gc as () => void)()
    expect(arrays.map(addressOf)).toEqual(addresses)
    for (const [i, array] of arrays.entries()) array[0] = 1000 + i
    const seen = addresses.map((address) => new Float64Array(ffi().view(address, 8))[0])
    expect(seen).toEqual(arrays.map((array) => array[0]))
  })

  test('the address of a view is that of its buffer plus its offset', () => {
    const buffer = new ArrayBuffer(4096)
    expect(addressOf(new Float32Array(buffer, 128)) - addressOf(buffer)).toBe(128)
  })
})

describe.skipIf(!available)('guard pages', () => {
  test('the buffer itself is readable and writable, at its last and its first byte', () => {
    for (const side of ['start', 'end'] as const) {
      const guarded = guardedBytes(5000, side)
      guarded.bytes.fill(7)
      expect(guarded.bytes).toHaveLength(5000)
      expect(guarded.bytes[4999]).toBe(7)
      expect(mappingAt(guarded.address)?.permissions).toBe('rw-p')
      const outside = side === 'end' ? guarded.address + 5000 : guarded.address - 1
      expect(mappingAt(outside)?.permissions).toBe('---p')
      guarded.release()
    }
  })

  test('machine code that reads one byte beyond is killed', () => {
    const script = fileURLToPath(new URL('../../../test/native/read-beyond.ts', import.meta.url))
    const args = ['--import', '@oxc-node/core/register', script]
    expect(spawnSync(process.execPath, [...args, '0']).status).toBe(0)
    expect(spawnSync(process.execPath, [...args, '1']).signal).toBe('SIGSEGV')
  })
})
