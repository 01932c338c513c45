/** Small kernels in machine code for the tests of the driver. */
import { Assembler } from '../../src/codegen/x64/assembler.ts'
import { dword, mem, qword, r8, r9, r10, rax, rcx, rdi, rdx, rsi, xmm } from '../../src/codegen/x64/operands.ts'
import { addressOf, CodePages } from '../../src/runtime/native/memory.ts'
import type { KernelCall } from '../../src/runtime/native/plan-table.ts'

function build(emit: (a: Assembler) => void): CodePages {
  const a = new Assembler()
  emit(a)
  a.ret()
  return new CodePages(a.finish())
}

export function argumentBlock(...cells: number[]): BigInt64Array {
  return BigInt64Array.from(cells, BigInt)
}

/** `to[chunk] = from[(chunk + 1) mod n] + 1`: right only if the phase before is wholly over. Arguments: from, to, n. */
const stencil = build((a) => {
  a.mov(r8, mem(rdi))
  a.mov(r9, mem(rdi, 8))
  a.lea(rax, mem(rsi, 1))
  a.xor(rcx.d, rcx.d)
  a.cmp(rax, mem(rdi, 16))
  a.cmove(rax, rcx)
  a.mov(rax, mem(r8, 0, rax, 8))
  a.add(rax, 1)
  a.mov(mem(r9, 0, rsi, 8), rax)
})

export function stencilCall(from: BigInt64Array, to: BigInt64Array): KernelCall {
  const block = argumentBlock(addressOf(from), addressOf(to), from.length)
  return { code: stencil, offset: 0, argumentBlock: block, chunks: from.length }
}

/** Counts calls by thread: `counts[thread]++`. Arguments: counts. */
const count = build((a) => {
  a.mov(r8, mem(rdi))
  a.inc(mem(r8, 0, rdx, 8).sized(8))
})

export function countCall(counts: BigInt64Array, chunks: number): KernelCall {
  return { code: count, offset: 0, argumentBlock: argumentBlock(addressOf(counts)), chunks }
}

/** Burns time: about `loops` iterations of a dependent multiplication each chunk. */
const burn = build((a) => {
  a.mov(rcx, mem(rdi))
  const loop = a.here()
  a.imul(rax, rax, 3)
  a.imul(rax, rax, 5)
  a.dec(rcx)
  a.jne(loop)
})

export function burnCall(loops: number, chunks: number): KernelCall {
  return { code: burn, offset: 0, argumentBlock: argumentBlock(loops), chunks }
}

/** Reports an error if this is chunk `which`. Arguments: error cell, which. */
const fail = build((a) => {
  const good = a.label()
  a.cmp(rsi, mem(rdi, 8))
  a.jne(good)
  a.mov(r8, mem(rdi))
  a.mov(qword(r8, 8), 12)
  a.mov(qword(r8, 16), 10)
  a.mov(qword(r8, 24), 3)
  a.mov(dword(r8, 4), 7)
  a.mov(dword(r8), 1)
  a.bind(good)
})

export function failCall(block: BigInt64Array, chunks: number): KernelCall {
  return { code: fail, offset: 0, argumentBlock: block, chunks }
}

/** `out[chunk] = a · b` in float32 and the MXCSR of the thread. Arguments: a and b as float32 pairs, out, mxcsr. */
const multiply = build((a) => {
  a.mov(r8, mem(rdi))
  a.mov(r9, mem(rdi, 8))
  a.mov(r10, mem(rdi, 16))
  a.vmovss(xmm(0), mem(r8))
  a.vmulss(xmm(0), xmm(0), mem(r8, 4))
  a.vmovss(mem(r9, 0, rsi, 4), xmm(0))
  a.stmxcsr(mem(r10, 0, rsi, 4))
})

export function multiplyCall(pair: Float32Array, out: Float32Array, mxcsr: Int32Array): KernelCall {
  const block = argumentBlock(addressOf(pair), addressOf(out), addressOf(mxcsr))
  return { code: multiply, offset: 0, argumentBlock: block, chunks: out.length }
}
