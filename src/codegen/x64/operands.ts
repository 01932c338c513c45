/**
 * The operands of x64 instructions: general registers, vector registers, opmasks and memory.
 * All are immutable; registers are interned, so they may be compared with `===` (masked ones excepted).
 */

/*
 * `trait` of an operand is a number from 1 to 31 for what the choice among the encodings of an instruction depends on: two operands with
 * the same trait can stand for each other.
 */

export type GprSize = 1 | 2 | 4 | 8
export type VecWidth = 16 | 32 | 64

/** Numbers of the widths and sizes in bytes. */
const rankOf = { 0: 0, 1: 1, 2: 2, 4: 3, 8: 4, 16: 0, 32: 1, 64: 2 } as const

/** An address that becomes known later: a place in the code or an entry of the constant pool. */
export interface Label {
  readonly kind: 'label'
  readonly id: number
}

export class Gpr<S extends GprSize = GprSize> {
  readonly kind = 'gpr'
  readonly size: S
  readonly index: number
  readonly trait: number

  constructor(size: S, index: number) {
    this.size = size
    this.index = index
    // Some instructions have forms of their own for the first two registers.
    this.trait = 2 + 3 * rankOf[size] + Math.min(index, 2)
  }

  /** The same register seen as 64 bits. */
  get q(): Gpr<8> {
    return gpr64[this.index] as Gpr<8>
  }
  /** Its low 32 bits; writing them clears the upper 32. */
  get d(): Gpr<4> {
    return gpr32[this.index] as Gpr<4>
  }
  /** Its low 16 bits. */
  get w(): Gpr<2> {
    return gpr16[this.index] as Gpr<2>
  }
  /** Its low 8 bits. */
  get b(): Gpr<1> {
    return gpr8[this.index] as Gpr<1>
  }

  toString(): string {
    const legacy = ['ax', 'cx', 'dx', 'bx', 'sp', 'bp', 'si', 'di'][this.index]
    if (legacy === undefined) return `r${this.index}${{ 1: 'b', 2: 'w', 4: 'd', 8: '' }[this.size]}`
    if (this.size === 1) return this.index < 4 ? `${legacy[0]}l` : `${legacy}l`
    return { 2: '', 4: 'e', 8: 'r' }[this.size as 2 | 4 | 8] + legacy
  }
}

export class Mask {
  readonly kind = 'mask'
  readonly index: number
  /** Number of the opmask that governs writing to this one; 0: none. */
  readonly masking: number
  readonly trait = 4

  constructor(index: number, masking: number) {
    this.index = index
    this.masking = masking
  }

  /** As destination of a comparison: bits outside `k` become zero. */
  under(k: Mask): Mask {
    return new Mask(this.index, k.index)
  }

  toString(): string {
    return `k${this.index}${this.masking > 0 ? `{k${this.masking}}` : ''}`
  }
}

export class Vec<W extends VecWidth = VecWidth> {
  readonly kind = 'vec'
  /** Bytes: 16 (xmm), 32 (ymm) or 64 (zmm). */
  readonly width: W
  readonly index: number
  /** Number of the opmask that governs writing to this register; 0: none. */
  readonly masking: number
  readonly zeroing: boolean
  readonly trait: number

  constructor(width: W, index: number, masking: number, zeroing: boolean) {
    this.width = width
    this.index = index
    this.masking = masking
    this.zeroing = zeroing
    this.trait = 17 + rankOf[width]
  }

  /** As destination: lanes outside `k` keep their value (`{k}`). */
  under(k: Mask): Vec<W> {
    return new Vec(this.width, this.index, k.index, false)
  }
  /** As destination: lanes outside `k` become zero (`{k}{z}`). */
  zeroUnder(k: Mask): Vec<W> {
    return new Vec(this.width, this.index, k.index, true)
  }
  /** The low 16 bytes of the same register. */
  get x(): Vec<16> {
    return xmm(this.index)
  }
  /** The low 32 bytes of the same register. */
  get y(): Vec<32> {
    return ymm(this.index)
  }
  /** The whole 64 bytes of the same register. */
  get z(): Vec<64> {
    return zmm(this.index)
  }

  toString(): string {
    const name = `${{ 16: 'xmm', 32: 'ymm', 64: 'zmm' }[this.width]}${this.index}`
    return this.masking === 0 ? name : `${name}{k${this.masking}}${this.zeroing ? '{z}' : ''}`
  }
}

interface MemFields {
  readonly base: Gpr<8> | null
  readonly index: Gpr<8> | Vec | null
  readonly scale: 1 | 2 | 4 | 8
  readonly disp: number
  readonly label: Label | null
  readonly size: 0 | GprSize
  readonly broadcast: boolean
  readonly masking: number
  readonly step: number
}

export class Mem {
  readonly kind = 'mem'
  readonly base: Gpr<8> | null
  readonly index: Gpr<8> | Vec | null
  readonly scale: 1 | 2 | 4 | 8
  readonly disp: number
  /** Set for addresses relative to the instruction pointer. */
  readonly label: Label | null
  /** Operand size in bytes where no register tells it; 0: unknown. */
  readonly size: 0 | GprSize
  /** One element is read and broadcast to all lanes (`{1toN}`). */
  readonly broadcast: boolean
  readonly masking: number
  /** Bytes from this address to that of the same instruction when code is written again by `repeat`; 0: they are the same. */
  readonly step: number
  readonly trait: number

  constructor(fields: MemFields) {
    this.base = fields.base
    this.index = fields.index
    this.scale = fields.scale
    this.disp = fields.disp
    this.label = fields.label
    this.size = fields.size
    this.broadcast = fields.broadcast
    this.masking = fields.masking
    this.step = fields.step
    this.trait = (fields.index?.kind === 'vec' ? 25 : 20) + rankOf[fields.size]
  }

  /** The same address with `bytes` added. */
  plus(bytes: number): Mem {
    return new Mem({ ...this, disp: this.disp + bytes })
  }
  /** The address, growing by so many bytes from one repetition to the next. */
  stepping(bytes: number): Mem {
    return bytes === 0 ? this : new Mem({ ...this, step: bytes })
  }
  /** The address indexed by the elements of a vector. */
  indexedBy(index: Vec, scale: 1 | 2 | 4 | 8): Mem {
    return new Mem({ ...this, index, scale })
  }
  /** One element broadcast to all lanes (AVX-512 only). */
  get all(): Mem {
    return new Mem({ ...this, broadcast: true })
  }
  /** As destination of a store: only lanes in `k` are written. */
  under(k: Mask): Mem {
    return new Mem({ ...this, masking: k.index })
  }
  /** States the operand size for instructions without a register operand. */
  sized(size: GprSize): Mem {
    return new Mem({ ...this, size })
  }
}

/** `[base + index·scale + disp]`; the index of a gather is a vector register. */
export function mem(base: Gpr<8> | null, disp = 0, index: Gpr<8> | Vec | null = null, scale: 1 | 2 | 4 | 8 = 1): Mem {
  return new Mem({ base, index, scale, disp, label: null, size: 0, broadcast: false, masking: 0, step: 0 })
}
/** `[rip + label]` */
export function memAt(label: Label, disp = 0): Mem {
  return new Mem({ base: null, index: null, scale: 1, disp, label, size: 0, broadcast: false, masking: 0, step: 0 })
}
/** An 8-bit, 32-bit or 64-bit memory operand. */
export function byte(base: Gpr<8>, disp = 0): Mem {
  return mem(base, disp).sized(1)
}
export function dword(base: Gpr<8>, disp = 0): Mem {
  return mem(base, disp).sized(4)
}
export function qword(base: Gpr<8>, disp = 0): Mem {
  return mem(base, disp).sized(8)
}

const numbers = (count: number): number[] => Array.from({ length: count }, (_, i) => i)
const gpr64 = numbers(16).map((i) => new Gpr(8, i))
const gpr32 = numbers(16).map((i) => new Gpr(4, i))
const gpr16 = numbers(16).map((i) => new Gpr(2, i))
const gpr8 = numbers(16).map((i) => new Gpr(1, i))
const xmms = numbers(32).map((i) => new Vec(16, i, 0, false))
const ymms = numbers(32).map((i) => new Vec(32, i, 0, false))
const zmms = numbers(32).map((i) => new Vec(64, i, 0, false))
const masks = numbers(8).map((i) => new Mask(i, 0))

function pick<T>(list: readonly T[], index: number, what: string): T {
  const found = list[index]
  if (found === undefined)
    throw new RangeError(`${what}: register ${index} does not exist, expected 0 to ${list.length - 1}`)
  return found
}

export const gpr = (index: number): Gpr<8> => pick(gpr64, index, 'gpr')
export const xmm = (index: number): Vec<16> => pick(xmms, index, 'xmm')
export const ymm = (index: number): Vec<32> => pick(ymms, index, 'ymm')
export const zmm = (index: number): Vec<64> => pick(zmms, index, 'zmm')
export const k = (index: number): Mask => pick(masks, index, 'k')
/** The vector register of a width that is chosen at run time. */
export const vec = (width: VecWidth, index: number): Vec =>
  width === 64 ? zmm(index) : width === 32 ? ymm(index) : xmm(index)

export const rax: Gpr<8> = gpr(0)
export const rcx: Gpr<8> = gpr(1)
export const rdx: Gpr<8> = gpr(2)
export const rbx: Gpr<8> = gpr(3)
export const rsp: Gpr<8> = gpr(4)
export const rbp: Gpr<8> = gpr(5)
export const rsi: Gpr<8> = gpr(6)
export const rdi: Gpr<8> = gpr(7)
export const r8: Gpr<8> = gpr(8)
export const r9: Gpr<8> = gpr(9)
export const r10: Gpr<8> = gpr(10)
export const r11: Gpr<8> = gpr(11)
export const r12: Gpr<8> = gpr(12)
export const r13: Gpr<8> = gpr(13)
export const r14: Gpr<8> = gpr(14)
export const r15: Gpr<8> = gpr(15)
