/**
 * Addresses and other whole numbers of a kernel. Every affine expression is `constant + what varies`; all that vary alike in one buffer
 * share a pointer, which is kept up to date by additions at the end of each loop round, and differ in the displacement of the instruction.
 * Pointers and loop counters used most live in registers, the others on the stack.
 */
import { type Affine, areEqual, coefficientOf, type IndexVariable, scaled, type Term } from '../../lane/affine.ts'
import {
  type BufferParameter,
  elementBytes,
  type LaneProgram,
  type LaneRange,
  type Loop,
  type Statement,
} from '../../lane/program.ts'
import type { Assembler } from './assembler.ts'
import {
  type Gpr,
  type Mem,
  mem,
  r8,
  r9,
  r10,
  r11,
  r12,
  r13,
  r14,
  r15,
  rax,
  rbp,
  rbx,
  rcx,
  rdi,
  rdx,
  rsi,
  rsp,
} from './operands.ts'

/** A pointer: base of a buffer (or 0) plus terms in bytes (or ones). */
interface Pointer {
  readonly buffer: BufferParameter | null
  readonly terms: readonly Term[]
  weight: number
  place: Place
}

/** Where affine expressions with the same terms are found: so far from what a pointer holds, beside their constants. */
interface Found {
  readonly pointer: Pointer
  readonly offset: number
}

/** A register, or a place on the stack. */
type Place = Gpr<8> | Mem

/** Registers that pointers and counters may take; rax, rcx and rdx stay free for calculation. Those that callees must keep come last. */
const POOL: readonly Gpr<8>[] = [rsi, rdi, r8, r9, r10, r11, rbx, rbp, r12, r13, r14, r15]
const CALLEE_SAVED: readonly Gpr<8>[] = [rbx, rbp, r12, r13, r14, r15]

const NOWHERE = mem(rsp)

export class Addresses {
  readonly #a: Assembler
  readonly #program: LaneProgram
  readonly #pointers: Pointer[] = []
  readonly #known = new Map<BufferParameter | null, Map<readonly Term[], Found>>()
  readonly #counters = new Map<Loop, { place: Place; weight: number; rounds: Mem }>()
  readonly #values = new Map<IndexVariable, Mem>()
  readonly #saved: readonly Gpr<8>[]
  #frame = 0
  /** The loop of which several rounds follow one after the other, without bringing pointers up to date between them. */
  #unrolled: IndexVariable | null = null
  readonly #argumentsSlot: Mem
  readonly #chunkSlot: Mem

  constructor(a: Assembler, program: LaneProgram) {
    this.#a = a
    this.#program = program
    this.#argumentsSlot = this.stack(8)
    this.#chunkSlot = this.stack(8)
    this.#collect(program.body, 1)
    this.#saved = this.#placeAll()
  }

  /** Room on the stack, to be asked for before `enter`. */
  stack(bytes: number): Mem {
    const place = mem(rsp, this.#frame)
    this.#frame += Math.ceil(bytes / 8) * 8
    return place
  }

  /** Emits the beginning of the kernel: everything that depends on arguments, chunk and thread. */
  enter(): void {
    const a = this.#a
    for (const register of this.#saved) a.push(register)
    a.sub(rsp, this.#frame)
    a.mov(this.#argumentsSlot, rdi)
    a.mov(this.#chunkSlot, rsi)
    // rcx: argument block, rdx: number of the thread; neither is ever given out.
    a.mov(rcx, rdi)
    for (const { buffer, place } of this.#pointers) {
      const target = place.kind === 'gpr' ? place : rax
      if (buffer) a.mov(target, mem(rcx, 8 * buffer.cell))
      else a.xor(target.d, target.d)
      if (place.kind === 'mem') a.mov(place, rax)
      if (buffer && buffer.threadStride > 0) {
        a.imul(rax, rdx, buffer.threadStride * elementBytes[buffer.type])
        a.add(place as Gpr<8>, rax)
      }
    }
    a.mov(rax, this.#chunkSlot)
    this.#addTerms(this.#program.chunk)
  }

  leave(): void {
    const a = this.#a
    a.add(rsp, this.#frame)
    for (const register of [...this.#saved].reverse()) a.pop(register)
    a.ret()
  }

  /** Memory operand of an element; may load a pointer into rax. */
  element(buffer: BufferParameter, base: Affine): Mem {
    const { pointer, constant } = this.#find(buffer, base)
    return mem(this.#inRegister(pointer.place), constant * elementBytes[buffer.type]).stepping(this.#stepOf(pointer))
  }

  /** Emits rax = value. */
  toRax(value: Affine): void {
    const expanded = value.expand()
    if (expanded.terms.length === 0) {
      this.#a.mov(rax, expanded.constant)
      return
    }
    const { pointer, constant } = this.#find(null, value)
    this.#a.lea(rax, mem(this.#inRegister(pointer.place), constant).stepping(this.#stepOf(pointer)))
  }

  /** How much further what a pointer stands for is in the next of several rounds. */
  #stepOf(pointer: Pointer): number {
    return this.#unrolled ? coefficientOf(pointer.terms, this.#unrolled) : 0
  }

  /** Emits rax = address of the argument block. */
  argumentsToRax(): void {
    this.#a.mov(rax, this.#argumentsSlot)
  }

  /** A variable has got the value in rax. */
  define(variable: IndexVariable): void {
    const slot = this.#values.get(variable)
    if (slot) this.#a.mov(slot, rax)
    this.#addTerms(variable)
  }

  /** The block in which a variable was defined ends. */
  undefine(variable: IndexVariable): void {
    const slot = this.#values.get(variable)
    if (!slot) return
    const a = this.#a
    this.#eachTerm(variable, (place, coefficient) => {
      a.mov(rax, slot)
      a.imul(rax, rax, coefficient)
      a.sub(place as Gpr<8>, rax)
    })
  }

  /** Emits a loop around what `body` emits. */
  loop(loop: Loop, body: () => void): void {
    const a = this.#a
    const counter = this.#counters.get(loop)
    if (!counter) throw new Error('loop was not collected')
    const many = unrolling(loop)
    if (loop.limit === null) {
      const turns = Math.floor(loop.count / many)
      if (turns <= 1) {
        this.#rounds(loop, loop.count, body)
        return
      }
      a.mov(sized(counter.place), turns)
      this.#turns(loop, many, body)
      this.#rounds(loop, loop.count - turns * many, body)
      this.#eachTerm(loop.counter, (place, step) => a.sub(sized(place), step * many * turns))
      return
    }
    const end = a.label()
    this.#roundsToRax(loop, loop.limit)
    a.mov(counter.rounds, rax)
    a.test(rax, rax)
    a.jle(end)
    const single = a.label()
    const over = a.label()
    const isUneven = many > 1 && !comesIn(loop, loop.limit, many)
    if (many > 1) a.shr(rax, Math.log2(many))
    if (isUneven) a.je(single)
    a.mov(counter.place, rax)
    this.#turns(loop, many, body)
    if (isUneven) {
      a.bind(single)
      a.mov(rax, counter.rounds)
      a.and(rax, many - 1)
      a.je(over)
      a.mov(counter.place, rax)
      this.#turns(loop, 1, body)
    }
    a.bind(over)
    a.mov(rcx, counter.rounds)
    this.#eachTerm(loop.counter, (place, step) => {
      a.imul(rax, rcx, step)
      a.sub(place as Gpr<8>, rax)
    })
    a.bind(end)
  }

  /** As many turns of `many` rounds as the counter says, at least one. */
  #turns(loop: Loop, many: number, body: () => void): void {
    const a = this.#a
    const { place } = this.#counters.get(loop)!
    if (loop.hot) a.align(32)
    const again = a.here()
    this.#rounds(loop, many, body)
    this.#eachTerm(loop.counter, (pointer, step) => a.add(sized(pointer), step * many))
    a.dec(sized(place))
    a.jne(again)
  }

  /** Rounds one after the other; pointers stay where the first one has them. Bodies of which there are several hold no loops. */
  #rounds({ counter }: Loop, count: number, body: () => void): void {
    if (count === 0) return
    const from = this.#a.length
    if (count > 1) this.#unrolled = counter
    body()
    this.#unrolled = null
    if (count > 1) this.#a.repeat(from, count)
  }

  /** rax = min(count, ⌈(limit − begin) / step⌉) */
  #roundsToRax(loop: Loop, limit: number): void {
    const a = this.#a
    this.toRax(loop.begin)
    a.neg(rax)
    a.add(rax, limit + loop.step - 1)
    const shift = Math.log2(loop.step)
    if (Number.isInteger(shift)) {
      if (shift > 0) a.sar(rax, shift)
    } else {
      a.cqo()
      a.mov(rcx.d, loop.step)
      a.idiv(rcx)
    }
    a.mov(rcx.d, loop.count)
    a.cmp(rax, rcx)
    a.cmovg(rax, rcx)
  }

  #addTerms(variable: IndexVariable): void {
    const a = this.#a
    this.#eachTerm(variable, (place, coefficient) => {
      if (coefficient === 1) {
        a.add(place as Gpr<8>, rax)
      } else {
        a.imul(rcx, rax, coefficient)
        a.add(place as Gpr<8>, rcx)
      }
    })
  }

  #eachTerm(variable: IndexVariable, visit: (place: Place, coefficient: number) => void): void {
    for (let i = 0; i < this.#pointers.length; i++) {
      const { terms, place } = this.#pointers[i]!
      const coefficient = coefficientOf(terms, variable)
      if (coefficient !== 0) visit(place, coefficient)
    }
  }

  #inRegister(place: Place): Gpr<8> {
    if (place.kind === 'gpr') return place
    this.#a.mov(rax, place)
    return rax
  }

  #find(buffer: BufferParameter | null, value: Affine): { pointer: Pointer; constant: number } {
    let known = this.#known.get(buffer)
    if (!known) {
      known = new Map()
      this.#known.set(buffer, known)
    }
    let found = known.get(value.terms)
    if (!found) {
      const expanded = value.expand()
      found = { pointer: this.#pointer(buffer, expanded.terms), offset: expanded.constant - value.constant }
      known.set(value.terms, found)
    }
    return { pointer: found.pointer, constant: value.constant + found.offset }
  }

  #pointer(buffer: BufferParameter | null, terms: readonly Term[]): Pointer {
    const own = scaled(terms, buffer ? elementBytes[buffer.type] : 1)
    const known = this.#pointers.find((other) => other.buffer === buffer && areEqual(other.terms, own))
    if (known) return known
    const pointer = { buffer, terms: own, weight: 0, place: NOWHERE }
    this.#pointers.push(pointer)
    return pointer
  }

  #collect(block: readonly Statement[], weight: number): void {
    const use = (buffer: BufferParameter | null, value: Affine): void => {
      if (buffer || value.expand().terms.length > 0) this.#find(buffer, value).pointer.weight += weight
    }
    const useRange = (range: LaneRange | null): void => {
      if (range) use(null, range.at)
    }
    for (let i = 0; i < block.length; i++) {
      const statement = block[i]!
      switch (statement.kind) {
        case 'load':
        case 'store':
          use(statement.access.buffer, statement.access.base)
          useRange(statement.access.within)
          break
        case 'prefetch':
          use(statement.buffer, statement.base)
          break
        case 'gather':
          use(statement.buffer, statement.base)
          useRange(statement.within)
          break
        case 'check':
          useRange(statement.within)
          this.#findRarelyUsed(statement.position)
          break
        case 'mask':
          useRange(statement.range)
          break
        case 'lanes':
        case 'divide':
          use(null, statement.value)
          break
        case 'readIndex':
          use(statement.buffer, statement.base)
          this.#findRarelyUsed(statement.position)
          break
        case 'loop':
          if (statement.limit !== null) use(null, statement.begin)
          this.#counters.set(statement, { place: NOWHERE, weight: weight * 8, rounds: this.stack(8) })
          this.#collect(statement.body, weight * 8)
          break
        case 'when':
          use(null, statement.value)
          this.#collect(statement.body, weight)
          this.#collect(statement.otherwise, weight)
          break
      }
      if (statement.kind === 'divide' || statement.kind === 'readIndex') {
        this.#values.set(statement.variable, this.stack(8))
      }
    }
  }

  /** A value that takes no register from others. */
  #findRarelyUsed(value: Affine): void {
    if (value.expand().terms.length > 0) this.#find(null, value)
  }

  /** Gives out registers by weight; returns those that must be saved. */
  #placeAll(): Gpr<8>[] {
    const items: { weight: number; place: Place }[] = [...this.#pointers, ...this.#counters.values()]
    items.sort((x, y) => y.weight - x.weight)
    items.forEach((item, i) => {
      item.place = POOL[i] ?? this.stack(8)
    })
    return CALLEE_SAVED.filter((register) => items.some((item) => item.place === register))
  }
}

/** A place as operand of an instruction without a register operand. */
const sized = (place: Place): Gpr<8> | Mem => (place.kind === 'mem' ? place.sized(8) : place)

/** So many statements at most make one turn of a loop. */
const longestTurn = 200

/** Hot loops pay for keeping count as they do for arithmetic: several rounds make a turn, a power of two. */
function unrolling({ hot, body }: Loop): number {
  if (!hot || !body.every(({ kind }) => kind === 'load' || kind === 'compute')) return 1
  return [8, 4, 2].find((rounds) => rounds * body.length <= longestTurn) ?? 1
}

/** Whether the rounds of a loop always come to whole turns of `many`. */
function comesIn({ begin, step, count }: Loop, limit: number, many: number): boolean {
  const unit = step * many
  return count % many === 0 && limit % unit === 0 && begin.expand().isMultipleOf(unit)
}
