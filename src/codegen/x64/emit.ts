/** Lane code to machine code: `fn(argumentBlock, chunk, thread)`, System V, for AVX-512 (16 lanes) or AVX2 (8 lanes). */
import type { IndexVariable } from '../../lane/affine.ts'
import type { CheckIndices, Divide, LaneProgram, ReadIndex, Statement, When } from '../../lane/program.ts'
import { verifyBounds } from '../../lane/verify.ts'
import { allocate } from '../linear-scan.ts'
import { Addresses } from './addresses.ts'
import { Assembler } from './assembler.ts'
import { emitCompute } from './emit-compute.ts'
import {
  emitGather,
  emitIndexToLanes,
  emitLoad,
  emitReadScalar,
  emitStore,
  rangeToOpmask,
  rangeToVector,
} from './emit-memory.ts'
import { LaneOperands } from './lane-operands.ts'
import { dword, type Mem, mem, rax, rcx, rdx } from './operands.ts'
import { type InstructionSet, registerFile } from './register-file.ts'

/** 32-bit lanes of a vector. */
export function lanesOf(set: InstructionSet): 8 | 16 {
  return set === 'avx512' ? 16 : 8
}

/**
 * Machine code of a program, which first is proven to stay in bounds.
 *
 * @throws BoundsError if an access is not proven to be in bounds
 * @throws AllocationError if a hot loop needs more registers than there are
 */
export function emitX64(program: LaneProgram, set: InstructionSet): Uint8Array<ArrayBuffer> {
  if (program.lanes !== lanesOf(set)) {
    throw new RangeError(`${program.name}: has ${program.lanes} lanes, ${set} has ${lanesOf(set)}`)
  }
  verifyBounds(program)
  const a = new Assembler()
  const allocation = allocate(program, registerFile(set))
  const addresses = new Addresses(a, program)
  const operands = new LaneOperands(a, set, program, allocation, addresses)
  new KernelEmitter(a, program, addresses, operands).emit()
  return a.finish()
}

class KernelEmitter {
  readonly #a: Assembler
  readonly #program: LaneProgram
  readonly #addresses: Addresses
  readonly #operands: LaneOperands
  /** One vector's room on the stack. */
  readonly #scratch: Mem
  /** The position of a bad index, while it is reported. */
  readonly #position: Mem

  constructor(a: Assembler, program: LaneProgram, addresses: Addresses, operands: LaneOperands) {
    this.#a = a
    this.#program = program
    this.#addresses = addresses
    this.#operands = operands
    this.#scratch = addresses.stack(64)
    this.#position = addresses.stack(8)
  }

  emit(): void {
    this.#addresses.enter()
    for (const statement of this.#program.body) this.#statement(statement)
    this.#addresses.leave()
  }

  /** A block that may run again: the variables that it defines are taken out of the pointers at its end. */
  #block(block: readonly Statement[]): void {
    const defined: IndexVariable[] = []
    for (const statement of block) {
      this.#statement(statement)
      if (statement.kind === 'divide' || statement.kind === 'readIndex') defined.push(statement.variable)
    }
    for (const variable of defined) this.#addresses.undefine(variable)
  }

  #statement(statement: Statement): void {
    const o = this.#operands
    o.begin(statement)
    switch (statement.kind) {
      case 'compute':
        emitCompute(o, statement)
        break
      case 'load':
        emitLoad(o, this.#addresses, statement, this.#scratch)
        break
      case 'store':
        emitStore(o, this.#addresses, statement, this.#scratch)
        break
      case 'prefetch':
        this.#a.prefetcht0(this.#addresses.element(statement.buffer, statement.base))
        break
      case 'gather':
        emitGather(o, this.#addresses, statement)
        break
      case 'check':
        this.#check(statement)
        break
      case 'scalar':
        emitReadScalar(o, this.#addresses, statement)
        break
      case 'lanes':
        emitIndexToLanes(o, this.#addresses, statement)
        break
      case 'mask': {
        const { dst, range } = statement
        if (o.wide) rangeToOpmask(o, this.#addresses, range, o.resultMask(dst), o.temporary())
        else rangeToVector(o, this.#addresses, range, o.result(dst), o.temporary())
        o.end(dst)
        break
      }
      case 'divide':
        this.#divide(statement)
        break
      case 'readIndex':
        this.#readIndex(statement)
        break
      case 'loop':
        this.#addresses.loop(statement, () => this.#block(statement.body))
        break
      case 'when':
        this.#when(statement)
        break
    }
  }

  #when({ value, low, high, body, otherwise }: When): void {
    const a = this.#a
    const other = a.label()
    const end = a.label()
    // As unsigned numbers, what lies below `low` is far above.
    this.#addresses.toRax(value.minus(low))
    a.cmp(rax, high - low)
    a.jae(other)
    this.#block(body)
    if (otherwise.length > 0) a.jmp(end)
    a.bind(other)
    this.#block(otherwise)
    a.bind(end)
  }

  #divide({ variable, part, value, divisor }: Divide): void {
    const a = this.#a
    this.#addresses.toRax(value)
    const shift = Math.log2(divisor)
    if (Number.isInteger(shift)) {
      if (part === 'remainder') a.and(rax, divisor - 1)
      else if (shift > 0) a.shr(rax, shift)
    } else {
      a.xor(rdx.d, rdx.d)
      a.mov(rcx.d, divisor)
      a.div(rcx)
      if (part === 'remainder') a.mov(rax, rdx)
    }
    this.#addresses.define(variable)
  }

  #readIndex({ variable, buffer, base, bound, op, position }: ReadIndex): void {
    const a = this.#a
    const good = a.label()
    a.movsxd(rax, this.#addresses.element(buffer, base).sized(4))
    a.cmp(rax, bound)
    a.jb(good)
    if (op !== null) {
      a.mov(rdx, rax)
      this.#addresses.toRax(position)
      a.mov(this.#position, rax)
      this.#report(bound, op)
    }
    a.xor(rax.d, rax.d)
    a.bind(good)
    this.#addresses.define(variable)
  }

  #check({ dst, indices, bound, op, position, laneStride, within }: CheckIndices): void {
    const a = this.#a
    const o = this.#operands
    const good = a.label()
    const src = o.inRegister(indices)
    const bad = o.temporary()
    const d = o.result(dst)
    if (o.wide) {
      const outside = o.temporaryMask()
      const inside = o.temporaryMask()
      if (within) rangeToOpmask(o, this.#addresses, within, inside, bad)
      else a.kxnorw(inside, inside, inside)
      a.vpcmpud(outside.under(inside), src, o.splat(bound), 5)
      a.kandnw(inside, outside, inside)
      a.kmovw(rcx.d, outside)
      a.vmovups(this.#scratch, src)
      a.vmovdqa32(d.zeroUnder(inside), src)
    } else {
      const inside = o.temporary()
      if (within) rangeToVector(o, this.#addresses, within, inside, bad)
      else a.vpcmpeqd(inside, inside, inside)
      a.vpminud(bad, src, o.splat(bound - 1))
      a.vpcmpeqd(bad, bad, src)
      a.vmovups(this.#scratch, src)
      a.vpand(d, src, inside)
      a.vpand(d, d, bad)
      a.vpandn(bad, bad, inside)
      a.vmovmskps(rcx.d, bad)
    }
    a.test(rcx.d, rcx.d)
    a.je(good)
    a.bsf(rcx.d, rcx.d)
    a.movsxd(rdx, mem(this.#scratch.base, this.#scratch.disp, rcx, 4))
    this.#addresses.toRax(position)
    a.imul(rcx, rcx, laneStride)
    a.add(rax, rcx)
    a.mov(this.#position, rax)
    this.#report(bound, op)
    a.bind(good)
    o.end(dst)
  }

  /** Writes the index in rdx and its position to the error cell, unless something has been reported before. The code, which counts, is written last. */
  #report(size: number, op: number): void {
    const a = this.#a
    const cell = this.#program.parameters.find((parameter) => parameter.kind === 'error')?.cell
    if (cell === undefined) throw new Error(`${this.#program.name}: has no error cell`)
    const done = a.label()
    this.#addresses.argumentsToRax()
    a.mov(rcx, mem(rax, 8 * cell))
    // 2 claims the cell for this thread; the driver looks at it only when all threads are at a barrier.
    a.xor(rax.d, rax.d)
    a.push(rdx)
    a.mov(rdx.d, 2)
    a.lock()
    a.cmpxchg(mem(rcx), rdx.d)
    a.pop(rdx)
    a.jne(done)
    a.mov(mem(rcx, 8), rdx)
    a.mov(rax.d, size)
    a.mov(mem(rcx, 16), rax)
    a.mov(rax, this.#position)
    a.mov(mem(rcx, 24), rax)
    a.mov(dword(rcx, 4), op)
    a.mov(dword(rcx), 1)
    a.bind(done)
  }
}
