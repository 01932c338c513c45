import { describe, expect, test } from 'vitest'
import { Assembler } from '../../codegen/x64/assembler.ts'
import { emitEntry } from '../../codegen/x64/calling-convention.ts'
import { gpr, mem, r8, r9, rax, rbx, rcx, rdi, rdx, rsi, rsp, xmm, ymm } from '../../codegen/x64/operands.ts'
import { loadFfi } from './ffi.ts'
import { addressOf, CodePages } from './memory.ts'

const available = !('reason' in loadFfi())

/** Computes ((rdi·10 + rsi)·10 + rdx)·10 + rcx, then leaves garbage in every register but rax and rsp. */
function emitVandal(a: Assembler): void {
  a.mov(rax, rdi)
  for (const register of [rsi, rdx, rcx]) {
    a.imul(rax, rax, 10)
    a.add(rax, register)
  }
  for (let i = 1; i < 16; i++) if (i !== rsp.index) a.mov(gpr(i).d, 0xbad)
  for (let i = 0; i < 16; i++) a.vpcmpeqd(ymm(i), ymm(i), ymm(i))
}

describe.skipIf(!available)('entries', () => {
  test('Windows: arguments in rcx, rdx, r8, r9; rdi, rsi and xmm6 to xmm15 come back as they were', () => {
    const a = new Assembler()
    const windows = a.label()
    // A System V function that calls a Windows one and writes what it finds afterwards to a buffer.
    emitEntry(a, 'systemV', () => {
      a.push(rdi)
      a.sub(rsp, 8)
      for (let i = 6; i < 16; i++) a.vmovups(xmm(i), mem(rdi, 16 * i))
      a.mov(rdi.d, 1111)
      a.mov(rsi.d, 2222)
      a.mov(rbx.d, 3333)
      a.mov(rcx.d, 4)
      a.mov(rdx.d, 3)
      a.mov(r8.d, 2)
      a.mov(r9.d, 1)
      a.call(windows)
      a.mov(rcx, mem(rsp, 8))
      a.add(rsp, 16)
      for (let i = 6; i < 16; i++) a.vmovups(mem(rcx, 16 * i + 256), xmm(i))
      a.mov(mem(rcx), rdi)
      a.mov(mem(rcx, 8), rsi)
      a.mov(mem(rcx, 16), rbx)
    })
    a.bind(windows)
    emitEntry(a, 'windows', () => emitVandal(a))
    const call = new CodePages(a.finish()).functionAt(0, 'int64_t', 'uintptr_t')
    const buffer = Float32Array.from({ length: 128 }, (_, i) => i)
    expect(call(addressOf(buffer))).toBe(4321)
    expect([...new BigInt64Array(buffer.buffer, 0, 3)]).toEqual([1111n, 2222n, 3333n])
    expect([...buffer.subarray(64 + 24, 128)]).toEqual(Array.from({ length: 40 }, (_, i) => 24 + i))
  })

  test('System V: Node survives a function that leaves garbage in every register', () => {
    const a = new Assembler()
    emitEntry(a, 'systemV', () => emitVandal(a))
    const types = ['int64_t', 'int64_t', 'int64_t', 'int64_t'] as const
    const call = new CodePages(a.finish()).functionAt(0, 'int64_t', ...types)
    for (let i = 0; i < 1000; i++) expect(call(4, 3, 2, 1)).toBe(4321)
  })
})
