/**
 * How generated code is entered from C. Inside, generated functions always use the System V convention: arguments in rdi, rsi, rdx, rcx, and
 * callers expect rbx, rbp and r12 to r15 back. Only the outermost entry differs per system.
 * Sources: System V ABI AMD64 supplement 3.2; Microsoft x64 calling convention.
 */
import type { Assembler } from './assembler.ts'
import { mem, r8, r9, r12, r13, r14, r15, rbp, rbx, rcx, rdi, rdx, rsi, rsp, xmm } from './operands.ts'

export type CallingConvention = 'systemV' | 'windows'

/** What a C caller expects unchanged. */
const preserved = {
  systemV: { general: [rbx, rbp, r12, r13, r14, r15], vector: [] },
  windows: { general: [rbx, rbp, rdi, rsi, r12, r13, r14, r15], vector: [6, 7, 8, 9, 10, 11, 12, 13, 14, 15] },
} as const

/**
 * Emits a function that C can call with up to four integer arguments. The body finds them in rdi, rsi, rdx and rcx, may change every register
 * but rsp, finds rsp a multiple of 16, and leaves its result in rax by falling through to its end.
 */
export function emitEntry(a: Assembler, convention: CallingConvention, body: () => void): void {
  const { general, vector } = preserved[convention]
  for (const register of general) a.push(register)
  // The return address and the pushes count: rsp is 8 beyond a multiple of 16 on entry.
  const padding = general.length % 2 === 0 ? 8 : 0
  const frame = vector.length * 16 + padding
  if (frame > 0) a.sub(rsp, frame)
  vector.forEach((index, i) => {
    a.vmovups(mem(rsp, 16 * i), xmm(index))
  })
  if (convention === 'windows') {
    a.mov(rdi, rcx)
    a.mov(rsi, rdx)
    a.mov(rdx, r8)
    a.mov(rcx, r9)
  }
  body()
  a.vzeroupper()
  vector.forEach((index, i) => {
    a.vmovups(xmm(index), mem(rsp, 16 * i))
  })
  if (frame > 0) a.add(rsp, frame)
  for (const register of [...general].reverse()) a.pop(register)
  a.ret()
}
