import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { type EncodingCase, encodingCases, unusedForms } from '../../../test/x64/encoding-cases.ts'
import { Assembler } from './assembler.ts'
import { EncodingError, type Operand } from './instruction.ts'
import { dword, k, mem, qword, r12, rax, rcx, rdi, rsi, xmm, ymm, zmm } from './operands.ts'

const hex = (bytes: ArrayLike<number>): string =>
  Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join(' ')

function assemble({ name, operands }: EncodingCase): Uint8Array {
  const a = new Assembler()
  const methods = a as unknown as Record<string, (...operands: readonly Operand[]) => void>
  methods[name]?.(...operands)
  return a.finish()
}

const fixture = JSON.parse(
  readFileSync(new URL('../../../test/x64/encodings.json', import.meta.url), 'utf8'),
) as Record<string, string>

describe('every instruction has the bytes of GNU as', () => {
  const cases = encodingCases()

  test('the fixture has every instruction, and every operand form is in use', () => {
    expect([...cases.keys()]).toEqual(Object.keys(fixture))
    expect(unusedForms()).toEqual([])
  })

  for (const [name, list] of cases) {
    test(name, () => {
      const expected = Buffer.from(fixture[name] as string, 'base64')
      let at = 0
      for (const entry of list) {
        const bytes = assemble(entry)
        const reference = expected.subarray(at, at + bytes.length)
        expect(`${entry.text}: ${hex(bytes)}`).toBe(`${entry.text}: ${hex(reference)}`)
        at += bytes.length
      }
      expect(at).toBe(expected.length)
    })
  }
})

describe('jumps, labels and constants', () => {
  test('backward jumps are short when they can be, forward jumps long', () => {
    const a = new Assembler()
    const done = a.label()
    const loop = a.here()
    a.je(done)
    a.jmp(loop)
    a.call(loop)
    a.bind(done)
    a.ret()
    expect(hex(a.finish())).toBe('0f 84 07 00 00 00 eb f8 e8 f3 ff ff ff c3')
  })

  test('a backward jump beyond 128 bytes is long', () => {
    const a = new Assembler()
    const loop = a.here()
    for (let i = 0; i < 127; i++) a.nop()
    a.jne(loop)
    a.jne(loop)
    const code = a.finish()
    expect(hex(code.subarray(127))).toBe('0f 85 7b ff ff ff 0f 85 75 ff ff ff')
  })

  test('indirect jumps and calls', () => {
    const a = new Assembler()
    a.call(rax)
    a.call(r12)
    a.call(mem(r12, 8))
    a.jmp(mem(rax))
    expect(hex(a.finish())).toBe('ff d0 41 ff d4 41 ff 54 24 08 ff 20')
  })

  test('constants are shared, aligned to their size and reached relative to the next instruction', () => {
    const a = new Assembler()
    a.vmulps(zmm(1), zmm(2), a.constant(new Float32Array([1.5])).all)
    a.vpermilps(zmm(1), zmm(1), a.constant(new Int32Array(16).fill(7)))
    a.vcmpps(k(1), zmm(1), a.constant(new Float32Array([1.5])).all, 1)
    a.ret()
    const code = a.finish()
    const view = new DataView(code.buffer)
    // Instructions of 10, 10 and 11 bytes; the large constant comes first.
    expect(code.length).toBe(64 + 64 + 4)
    expect(10 + view.getInt32(6, true)).toBe(128)
    expect(20 + view.getInt32(16, true)).toBe(64)
    expect(31 + view.getInt32(26, true)).toBe(128)
    expect(view.getFloat32(128, true)).toBe(1.5)
  })

  test('alignment is filled with no-operations', () => {
    const a = new Assembler()
    a.ret()
    a.align(16)
    a.ret()
    expect(hex(a.finish())).toBe('c3 66 0f 1f 84 00 00 00 00 00 66 0f 1f 44 00 00 c3')
  })

  test('a label that is never bound is an error', () => {
    const a = new Assembler()
    a.jmp(a.label())
    expect(() => a.finish()).toThrow('label 0 is used but never bound')
  })
})

describe('code that is written again', () => {
  test('moves displacements that grow, and keeps distances to constants and inside', () => {
    const written = (again: (a: Assembler, from: number) => void, step: number): Uint8Array => {
      const a = new Assembler()
      const pool = a.constant(Float32Array.of(1, 2, 3, 4))
      const round = (i: number): void => {
        const skip = a.label()
        a.vaddps(xmm(1), xmm(2), mem(rsi, 1024 + 64 * i).stepping(step))
        a.jae(skip)
        a.vmulps(xmm(1), xmm(1), pool)
        a.bind(skip)
      }
      round(0)
      if (step > 0) again(a, 0)
      else [1, 2].forEach(round)
      a.ret()
      return a.finish()
    }
    const repeated = written((a, from) => a.repeat(from, 3), 64)
    expect([...repeated]).toEqual([...written(() => {}, 0)])
  })
})

describe('operands that an instruction does not take', () => {
  const a = new Assembler()

  test('are type errors, and errors at run time', () => {
    // @ts-expect-error widths differ
    expect(() => a.vaddps(zmm(0), ymm(1), zmm(2))).toThrow(EncodingError)
    // @ts-expect-error a count is missing
    expect(() => a.vprold(zmm(0), zmm(1))).toThrow(EncodingError)
    // @ts-expect-error sizes differ
    expect(() => a.add(rax, rcx.d)).toThrow(EncodingError)
  })

  test('what exists only in AVX2 refuses 64-byte registers, masks and broadcasts', () => {
    expect(() => a.vpxor(zmm(0), zmm(1), zmm(2))).toThrow('has no AVX-512 encoding')
    expect(() => a.vblendvps(xmm(0), xmm(16), xmm(1), xmm(2))).toThrow('has no AVX-512 encoding')
    expect(() => a.vmovups(zmm(0), mem(rsi).all)).toThrow('has no broadcast form')
  })

  test('memory of unknown size, immediates and displacements too large, rsp as index', () => {
    expect(() => a.add(mem(rdi), 1)).toThrow('operand size is unknown')
    expect(() => a.add(dword(rdi), 2 ** 33)).toThrow('does not fit 32 bits')
    expect(() => a.cmp(qword(rdi, 2 ** 31), 1)).toThrow('displacement 2147483648 does not fit')
    expect(() => a.vpslld(zmm(0), zmm(1), 256)).toThrow('does not fit 8 bits')
    expect(() => zmm(32)).toThrow(RangeError)
  })
})
