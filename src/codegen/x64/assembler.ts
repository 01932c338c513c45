/**
 * An x64 assembler. Every instruction of the tables is a method named after its mnemonic, with the operands in Intel's order (destination
 * first), typed by its operand form:
 *
 *   const a = new Assembler()
 *   const loop = a.here()
 *   a.vmovups(zmm(0), mem(rsi))
 *   a.vfmadd231ps(zmm(1), zmm(0), mem(rdx, 64).all)   // {1to16}
 *   a.vmovups(mem(rdi).under(k(1)), zmm(1))           // masked store
 *   a.sub(rcx, 16)
 *   a.jne(loop)
 *   a.ret()
 *   const code = a.finish()
 *
 * VEX is used where it can encode the operands, else EVEX. Nothing is reordered or optimised.
 */
import { ByteBuffer } from './byte-buffer.ts'
import { encode } from './encode.ts'
import { type Encoding, Instruction, type Methods, type Operand, parseInteger, parseVector } from './instruction.ts'
import { integerTable } from './integer-table.ts'
import type { Gpr, Label, Mem } from './operands.ts'
import { vectorTable } from './vector-table.ts'

const conditions = {
  jo: 0,
  jno: 1,
  jb: 2,
  jae: 3,
  je: 4,
  jne: 5,
  jbe: 6,
  ja: 7,
  js: 8,
  jns: 9,
  jp: 10,
  jnp: 11,
  jl: 12,
  jge: 13,
  jle: 14,
  jg: 15,
} as const
type Jumps = Record<keyof typeof conditions, (target: Label) => void>

type Instructions = Methods<typeof vectorTable> & Methods<typeof integerTable> & Jumps

/** A ByteBuffer with one method for each instruction of the tables. */
const InstructionBuffer: new () => ByteBuffer & Instructions = (() => {
  class WithMethods extends ByteBuffer {}
  const define = (name: string, method: (this: ByteBuffer, ...operands: never[]) => void): void => {
    Object.defineProperty(WithMethods.prototype, name, { value: method })
  }
  const defineTable = (table: Record<string, string | readonly string[]>, parse: (line: string) => Encoding): void => {
    for (const [name, lines] of Object.entries(table)) {
      const instruction = new Instruction(name, lines, parse)
      define(name, function (...operands: Operand[]) {
        encode(this, name, instruction.encodingFor(operands), operands)
      })
    }
  }
  defineTable(vectorTable, parseVector)
  defineTable(integerTable, parseInteger)
  for (const [name, code] of Object.entries(conditions)) {
    define(name, function (target: Label) {
      jump(this, target, [0x70 | code], [0x0f, 0x80 | code])
    })
  }
  return WithMethods as new () => ByteBuffer & Instructions
})()

/** Backward jumps within reach take one byte of distance, all others four. */
function jump(out: ByteBuffer, target: Label, short: readonly number[], long: readonly number[]): void {
  const offset = out.offsetOf(target)
  const distance = offset - (out.length + short.length + 1)
  if (offset >= 0 && distance >= -128) {
    out.raw(short)
    out.u8(distance & 255)
  } else {
    out.raw(long)
    out.relative(target, 0, 0)
  }
}

const indirect = { call: parseInteger('Q FF/2 -'), jmp: parseInteger('Q FF/4 -') }

export class Assembler extends InstructionBuffer {
  jmp(target: Label | Gpr<8> | Mem): void {
    if (target.kind === 'label') jump(this, target, [0xeb], [0xe9])
    else encode(this, 'jmp', indirect.jmp, [target])
  }

  call(target: Label | Gpr<8> | Mem): void {
    if (target.kind === 'label') {
      this.u8(0xe8)
      this.relative(target, 0, 0)
    } else {
      encode(this, 'call', indirect.call, [target])
    }
  }
}
