/** From virtual registers and constants to operands of instructions: allocation, spills, the constant pool. */
import type { LaneProgram, Register, Statement, Value } from '../../lane/program.ts'
import type { Allocation } from '../linear-scan.ts'
import type { Addresses } from './addresses.ts'
import type { Assembler } from './assembler.ts'
import { k, type Mask, type Mem, type Vec, vec } from './operands.ts'
import type { InstructionSet } from './register-file.ts'

const bits = new DataView(new ArrayBuffer(4))

/** For the many statements without temporaries; nothing is ever added to it. */
const none: number[] = []

export class LaneOperands {
  readonly a: Assembler
  /** AVX-512 instead of AVX2. */
  readonly wide: boolean
  readonly width: 32 | 64
  readonly lanes: number
  readonly #allocation: Allocation
  readonly #slots: readonly Mem[]
  readonly #splats = new Map<number, Mem>()
  readonly #words = new Map<number, Mem>()
  #vectors: number[] = []
  #masks: number[] = []
  /** Where spilled operands of the statement have been loaded to. */
  readonly #loaded = new Map<number, number>()
  #statement: Statement | null = null

  constructor(a: Assembler, set: InstructionSet, program: LaneProgram, allocation: Allocation, addresses: Addresses) {
    this.a = a
    this.wide = set === 'avx512'
    this.width = this.wide ? 64 : 32
    this.lanes = program.lanes
    this.#allocation = allocation
    this.#slots = [...allocation.slots].map(() => addresses.stack(this.width))
  }

  /** Turns to the next statement. */
  begin(statement: Statement): void {
    const own = this.#allocation.temporaries.get(statement)
    this.#vectors = own ? own.vector.slice() : none
    this.#masks = own ? own.mask.slice() : none
    if (this.#loaded.size > 0) this.#loaded.clear()
    this.#statement = statement
  }

  vector(index: number): Vec {
    return vec(this.width, index)
  }

  /** A vector register that is free during this statement. */
  temporary(): Vec {
    const index = this.#vectors.pop()
    if (index === undefined) throw new Error(`${this.#describe()} takes more temporaries than it announced`)
    return this.vector(index)
  }

  temporaryMask(): Mask {
    const index = this.#masks.pop()
    if (index === undefined) throw new Error(`${this.#describe()} takes more temporary masks than it announced`)
    return k(index)
  }

  /** The value in a vector register. */
  inRegister(value: Value): Vec {
    if (value.kind === 'constant') return this.constantInto(this.temporary(), value)
    return this.vector(this.#indexOf(value))
  }

  /** The value as last operand of an instruction: constants may stay in memory. */
  operand(value: Value): Vec | Mem {
    return value.kind === 'constant' ? this.constantOperand(value) : this.inRegister(value)
  }

  /** A mask in an opmask register (AVX-512). */
  mask(value: Value): Mask {
    if (value.kind === 'constant') throw new Error('a mask cannot be a constant')
    return k(this.#indexOf(value))
  }

  /** Where the result goes; `end` stores it if it was spilled. */
  result(register: Register): Vec {
    return this.vector(this.#resultIndex(register))
  }

  resultMask(register: Register): Mask {
    return k(this.#resultIndex(register))
  }

  /** Finishes a statement that has a result. */
  end(register: Register): void {
    const slot = this.#slotOf(register)
    if (!slot) return
    const index = this.#resultIndex(register)
    if (this.#isOpmask(register)) this.a.kmovw(slot, k(index))
    else this.a.vmovups(slot, this.vector(index))
  }

  constantInto(target: Vec, value: { type: string; value: number }): Vec {
    const word = wordOf(value)
    if (word === 0)
      this.a.vxorps(this.wide ? target : target.x, this.wide ? target : target.x, this.wide ? target : target.x)
    else this.a.vbroadcastss(target, this.word(word))
    return target
  }

  constantOperand(value: { type: string; value: number }): Mem {
    return this.splat(wordOf(value))
  }

  /** The 32-bit word in all lanes, as memory operand of an instruction that can broadcast in AVX-512. */
  splat(word: number): Mem {
    const known = this.#splats.get(word)
    if (known) return known
    const made = this.wide ? this.word(word).all : this.table(new Int32Array(this.lanes).fill(word))
    this.#splats.set(word, made)
    return made
  }

  /** One 32-bit word in the constant pool. */
  word(word: number): Mem {
    let place = this.#words.get(word)
    if (!place) {
      place = this.a.constant(Int32Array.of(word))
      this.#words.set(word, place)
    }
    return place
  }

  /** A whole vector in the constant pool. */
  table(lanes: Int32Array): Mem {
    return this.a.constant(lanes)
  }

  #indexOf(register: Register): number {
    const physical = this.#allocation.physical.get(register.id)
    if (physical !== undefined) return physical
    const loaded = this.#loaded.get(register.id)
    if (loaded !== undefined) return loaded
    const slot = this.#slotOf(register)
    if (!slot) throw new Error(`${this.#describe()}: register ${register.id} has no place`)
    if (this.#isOpmask(register)) {
      const mask = this.temporaryMask()
      this.a.kmovw(mask, slot)
      this.#loaded.set(register.id, mask.index)
      return mask.index
    }
    const vector = this.temporary()
    this.a.vmovups(vector, slot)
    this.#loaded.set(register.id, vector.index)
    return vector.index
  }

  #resultIndex(register: Register): number {
    const known = this.#allocation.physical.get(register.id) ?? this.#loaded.get(register.id)
    if (known !== undefined) return known
    const index = this.#isOpmask(register) ? this.temporaryMask().index : this.temporary().index
    this.#loaded.set(register.id, index)
    return index
  }

  #slotOf(register: Register): Mem | undefined {
    const number = this.#allocation.slots.get(register.id)
    return number === undefined ? undefined : this.#slots[number]
  }

  #isOpmask(register: Register): boolean {
    return this.wide && register.type === 'mask'
  }

  #describe(): string {
    const { kind, op } = this.#statement as { kind: string; op?: string }
    return op ? `${kind} ${op}` : kind
  }
}

/** The bits of a constant as a signed 32-bit number. */
function wordOf({ type, value }: { type: string; value: number }): number {
  if (type === 'i32') return value | 0
  bits.setFloat32(0, value)
  return bits.getInt32(0)
}
