/**
 * From an instruction with operands to bytes: the legacy encoding with REX, VEX (AVX2, FMA, opmasks) and EVEX (AVX-512).
 * Sources: Intel SDM volume 2, chapter 2 (2.2.1 REX, 2.3.5 VEX, 2.7 EVEX) and table 2-36 (disp8*N).
 */
import type { ByteBuffer } from './byte-buffer.ts'
import {
  describe,
  type Encoding,
  EncodingError,
  type LegacyFields,
  type Operand,
  type VectorFields,
} from './instruction.ts'
import type { Mem } from './operands.ts'

/** Operands sorted by where they are encoded. Numbers of absent registers are 0. */
interface Placed {
  reg: number
  vvvv: number
  rm: Operand | null
  imm: number | bigint | null
  opcodeRegister: number
  masking: number
  zeroing: boolean
  broadcast: boolean
  /** Bytes of the widest vector register. */
  width: number
  /** Bytes of the first general register or memory operand that has a size; 0: none has. */
  size: number
  /** spl, bpl, sil or dil occurs, which only a REX prefix reaches; without one their numbers mean ah, ch, dh, bh. */
  lowByte: boolean
  /** A register number above 15 occurs, which only EVEX reaches. */
  high: boolean
  /** Upper bits of the register numbers in the r/m operand; V is the fifth bit of a vector index. */
  B: number
  X: number
  V: number
}

/** Where the operands of the instruction that is being written stand: one object for all, since instructions are many. */
const placed: Placed = {
  reg: 0,
  vvvv: 0,
  rm: null,
  imm: null,
  opcodeRegister: 0,
  masking: 0,
  zeroing: false,
  broadcast: false,
  width: 0,
  size: 0,
  lowByte: false,
  high: false,
  B: 0,
  X: 0,
  V: 0,
}

function place(encoding: Encoding, operands: readonly Operand[]): Placed {
  placed.reg = encoding.digit < 0 ? 0 : encoding.digit
  placed.vvvv = 0
  placed.rm = null
  placed.imm = null
  placed.opcodeRegister = 0
  placed.masking = 0
  placed.zeroing = false
  placed.broadcast = false
  placed.width = 0
  placed.size = 0
  placed.lowByte = false
  placed.high = false
  for (let i = 0; i < operands.length; i++) {
    const x = operands[i] as Operand
    let index = 0
    if (typeof x === 'object') {
      if (x.kind === 'mem') {
        placed.broadcast = x.broadcast
        if (x.masking > 0) placed.masking = x.masking
        if (x.index?.kind === 'vec' && x.index.index > 15) placed.high = true
        if (placed.size === 0) placed.size = x.size
      } else {
        index = x.index
        if (x.kind === 'gpr') {
          if (placed.size === 0) placed.size = x.size
          if (x.size === 1 && index >= 4) placed.lowByte = true
        } else {
          if (x.kind === 'vec') {
            if (x.width > placed.width) placed.width = x.width
            if (x.zeroing) placed.zeroing = true
          }
          if (x.masking > 0) placed.masking = x.masking
        }
        if (index > 15) placed.high = true
      }
    }
    switch (encoding.places[i]) {
      case 'r':
        placed.reg = index
        break
      case 'v':
        placed.vvvv = index
        break
      case 'm':
        placed.rm = x
        break
      case 'i':
        placed.imm = x as number | bigint
        break
      case '4':
        placed.imm = index << 4
        break
      case 'o':
        placed.opcodeRegister = index
        break
    }
  }
  extend(placed)
  return placed
}

function extend(placed: Placed): void {
  const { rm } = placed
  placed.B = 0
  placed.X = 0
  placed.V = 0
  if (rm === null || typeof rm !== 'object') return
  if (rm.kind !== 'mem') {
    placed.B = (rm.index >> 3) & 1
    if (rm.kind === 'vec') placed.X = rm.index >> 4
    return
  }
  if (rm.base) placed.B = rm.base.index >> 3
  if (!rm.index) return
  placed.X = (rm.index.index >> 3) & 1
  if (rm.index.kind === 'vec') placed.V = rm.index.index >> 4
}

/** Writes one instruction. */
export function encode(out: ByteBuffer, name: string, encoding: Encoding, operands: readonly Operand[]): void {
  const placed = place(encoding, operands)
  if (encoding.legacy) encodeLegacy(out, name, encoding, encoding.legacy, placed, operands)
  else if (encoding.vector) encodeVector(out, name, encoding, encoding.vector, placed, operands)
}

function encodeLegacy(
  out: ByteBuffer,
  name: string,
  encoding: Encoding,
  fields: LegacyFields,
  placed: Placed,
  operands: readonly Operand[],
): void {
  const { sizing } = fields
  const sized = sizing === 'any' || sizing === 'wide'
  const size = sized ? placed.size : 0
  if (sized && size === 0)
    throw new EncodingError(`${describe(name, operands)}: the operand size is unknown: use byte(), dword() or qword()`)
  const W = size === 8 || sizing === 'W' ? 8 : 0
  const { B, X } = placed
  const opcodeB = placed.opcodeRegister >> 3
  const rex = W | ((placed.reg >> 3) << 2) | (X << 1) | (B | opcodeB)
  if (size === 2) out.u8(0x66)
  if (fields.prefix) out.u8(fields.prefix)
  if (rex || placed.lowByte) out.u8(0x40 | rex)
  const last = encoding.opcode.length - 1
  for (let i = 0; i < last; i++) out.u8(encoding.opcode[i] as number)
  out.u8((encoding.opcode[last] as number) + (sizing === 'any' && size > 1 ? 1 : 0) + (placed.opcodeRegister & 7))
  const immSize = fields.imm === '' ? 0 : fields.imm === 'i8' ? 1 : fields.imm === 'i64' ? 8 : Math.min(size || 4, 4)
  if (placed.rm !== null) modrm(out, placed.reg, placed.rm, immSize, 1)
  immediate(out, placed.imm, immSize)
}

function encodeVector(
  out: ByteBuffer,
  name: string,
  encoding: Encoding,
  fields: VectorFields,
  placed: Placed,
  operands: readonly Operand[],
): void {
  const evex = fields.vexW < 0 || placed.high || placed.masking > 0 || placed.broadcast || placed.width === 64
  if (evex && fields.evexW < 0) throw new EncodingError(`${describe(name, operands)}: has no AVX-512 encoding`)
  if (placed.broadcast && fields.tuple !== 'full' && fields.tuple !== 'half') {
    throw new EncodingError(`${describe(name, operands)}: has no broadcast form`)
  }
  if (evex) evexPrefix(out, fields, placed)
  else vexPrefix(out, fields, placed)
  out.u8(encoding.opcode[0] as number)
  const immSize = placed.imm === null ? 0 : 1
  if (placed.rm !== null) modrm(out, placed.reg, placed.rm, immSize, evex ? dispScale(fields, placed) : 1)
  immediate(out, placed.imm, immSize)
}

function vexPrefix(out: ByteBuffer, fields: VectorFields, placed: Placed): void {
  const { B, X } = placed
  const R = placed.reg >> 3
  const L = fields.L1 || placed.width === 32 ? 1 : 0
  const tail = ((~placed.vvvv & 15) << 3) | (L << 2) | fields.pp
  if (X === 0 && B === 0 && fields.vexW === 0 && fields.map === 1) {
    out.bytes(0xc5 | ((((R ^ 1) << 7) | tail) << 8), 2)
  } else {
    const second = ((R ^ 1) << 7) | ((X ^ 1) << 6) | ((B ^ 1) << 5) | fields.map
    out.bytes(0xc4 | (second << 8) | (((fields.vexW << 7) | tail) << 16), 3)
  }
}

function evexPrefix(out: ByteBuffer, fields: VectorFields, placed: Placed): void {
  const { B, X, V } = placed
  const L = placed.width === 64 ? 2 : placed.width === 32 ? 1 : 0
  const R = (placed.reg >> 3) & 1
  const R2 = placed.reg >> 4
  const V2 = V | (placed.vvvv >> 4)
  const p0 = ((R ^ 1) << 7) | ((X ^ 1) << 6) | ((B ^ 1) << 5) | ((R2 ^ 1) << 4) | fields.map
  const p1 = (fields.evexW << 7) | ((~placed.vvvv & 15) << 3) | 4 | fields.pp
  const p2 = (placed.zeroing ? 128 : 0) | (L << 5) | (placed.broadcast ? 16 : 0) | ((V2 ^ 1) << 3) | placed.masking
  out.bytes(0x62 | (p0 << 8) | (p1 << 16) | (p2 << 24), 4)
}

/** What an EVEX displacement byte counts. */
function dispScale(fields: VectorFields, placed: Placed): number {
  const { tuple, element } = fields
  if (tuple === 'mem') return placed.width / element
  if (tuple === 'one' || tuple === '128' || placed.broadcast) return element
  return tuple === 'full' ? placed.width : placed.width / 2
}

function modrm(out: ByteBuffer, reg: number, rm: Operand, bytesAfter: number, scale: number): void {
  const low = (reg & 7) << 3
  if (typeof rm !== 'object') throw new EncodingError('an immediate cannot stand in ModRM.rm')
  if (rm.kind !== 'mem') {
    out.u8(0xc0 | low | (rm.index & 7))
  } else if (rm.label) {
    out.u8(low | 5)
    out.relative(rm.label, rm.disp, bytesAfter)
  } else {
    address(out, low, rm, scale)
  }
}

const log2 = { 1: 0, 2: 1, 4: 2, 8: 3 } as const

function address(out: ByteBuffer, low: number, m: Mem, scale: number): void {
  const { base, index, disp } = m
  if (disp !== (disp | 0)) throw new EncodingError(`displacement ${disp} does not fit 32 bits`)
  if (index?.kind === 'gpr' && index.index === 4) throw new EncodingError('rsp cannot be an index')
  const scaled = (log2[m.scale] << 6) | ((index === null ? 4 : index.index & 7) << 3)
  if (base === null) {
    // Without a base, mod = 00 and base = 101 in the SIB byte mean a 32-bit displacement.
    out.bytes(low | 4 | ((scaled | 5) << 8), 2)
    out.u32(disp)
    return
  }
  const b = base.index & 7
  const small = m.step === 0 && disp % scale === 0 && disp / scale >= -128 && disp / scale <= 127
  // rbp and r13 as base always carry a displacement: mod = 00 means something else for them.
  const mod = disp === 0 && b !== 5 && m.step === 0 ? 0 : small ? 1 : 2
  if (index !== null || b === 4) out.bytes((mod << 6) | low | 4 | ((scaled | b) << 8), 2)
  else out.u8((mod << 6) | low | b)
  if (mod === 1) out.u8((disp / scale) & 255)
  else if (mod === 2) {
    if (m.step !== 0) out.grows(m.step)
    out.u32(disp)
  }
}

function immediate(out: ByteBuffer, imm: number | bigint | null, size: number): void {
  if (imm === null || size === 0) return
  if (typeof imm === 'bigint') {
    out.u32(Number(BigInt.asIntN(32, imm)))
    out.u32(Number(BigInt.asIntN(32, imm >> 32n)))
    return
  }
  const bound = 2 ** (size * 8)
  if (!Number.isInteger(imm) || imm < -bound / 2 || imm >= bound)
    throw new EncodingError(`immediate ${imm} does not fit ${size * 8} bits`)
  out.bytes(imm, size)
}
