import { FileError } from '../../core/errors.ts'
import { shortened } from '../zip.ts'

/**
 * Reads pickles (https://docs.python.org/3/library/pickletools.html, protocols 2 to 5) as data. A pickle is a program for a
 * small stack machine; Python's own reader lets it call anything. This one knows the opcodes that build plain containers,
 * and for everything else asks `Names`, which has a closed list. No other opcode does anything.
 */

/** What a pickle may build: plain values and what {@link Names} makes. */
export type PickleValue =
  | null
  | boolean
  | number
  | bigint
  | string
  | Uint8Array
  | PickleValue[]
  | Map<PickleKey, PickleValue>
  | Set<PickleValue>
  | Made

export type PickleKey = null | boolean | number | bigint | string

/** Something that is no plain value: a class or function by name, a storage, a tensor. */
export interface Made {
  /** What errors call it. */
  readonly kind: string
  /** Calls it as the pickle asks; undefined where it cannot be called. */
  readonly call?: (args: readonly PickleValue[]) => PickleValue
  /** Takes the state that the pickle gives it; undefined where it has none. */
  readonly setState?: (state: PickleValue) => void
}

/** What the outside world gives a pickle. */
export interface Names {
  /** The class or function `module.name`; undefined for everything that is not known to be harmless. */
  find(module: string, name: string): Made | undefined
  /** What a persistent id stands for; undefined where it means nothing. */
  persistent(id: PickleValue): Made | undefined
}

/** A value, and where the pickle ended. */
export interface Unpickled {
  readonly value: PickleValue
  readonly end: number
}

/** Integers of more bytes than this have no use here. */
const maxIntegerBytes = 32

/** Reads the pickle that begins at `start`. Errors are {@link FileError}s that name `file` and the position. */
export function unpickle(file: string, bytes: Uint8Array, start: number, names: Names): Unpickled {
  return new Unpickler(file, bytes, start, names).run()
}

class Unpickler {
  private readonly file: string
  private readonly bytes: Uint8Array
  private readonly view: DataView
  private readonly names: Names
  private at: number
  /** Values since the last mark, and those that wait below it. */
  private stack: PickleValue[] = []
  private readonly waiting: PickleValue[][] = []
  private readonly memo = new Map<number, PickleValue>()

  constructor(file: string, bytes: Uint8Array, start: number, names: Names) {
    this.file = file
    this.bytes = bytes
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
    this.names = names
    this.at = start
  }

  run(): Unpickled {
    for (;;) {
      const position = this.at
      const code = this.take(1)[0]!
      if (code === STOP) return { value: this.pop(), end: this.at }
      const step = steps.get(code)
      if (!step) {
        const refused = refusedOpcodes.get(code)
        throw this.fail(`opcode ${refused ?? `0x${code.toString(16).padStart(2, '0')}`} at ${position} is refused`)
      }
      step(this)
    }
  }

  fail(problem: string): FileError {
    return new FileError('pickle', `${this.file}: ${problem}`)
  }

  take(length: number): Uint8Array {
    if (length > this.bytes.length - this.at) throw this.fail(`the pickle is cut short at ${this.at}`)
    this.at += length
    return this.bytes.subarray(this.at - length, this.at)
  }

  /** A little-endian unsigned number of 1, 2, 4 or 8 bytes. */
  unsigned(size: 1 | 2 | 4 | 8): number {
    const at = this.at
    this.take(size)
    if (size === 1) return this.view.getUint8(at)
    if (size === 2) return this.view.getUint16(at, true)
    if (size === 4) return this.view.getUint32(at, true)
    return Number(this.view.getBigUint64(at, true))
  }

  int32(): number {
    this.take(4)
    return this.view.getInt32(this.at - 4, true)
  }

  float64(): number {
    this.take(8)
    return this.view.getFloat64(this.at - 8)
  }

  /** Two's complement, little-endian; a bigint where a number would lose digits. */
  long(length: number): number | bigint {
    if (length > maxIntegerBytes) throw this.fail(`an integer of ${length} bytes is refused`)
    let value = 0n
    for (const byte of this.take(length).toReversed()) value = value * 256n + BigInt(byte)
    value = BigInt.asIntN(8 * length, value)
    return Number.isSafeInteger(Number(value)) ? Number(value) : value
  }

  text(length: number): string {
    return new TextDecoder().decode(this.take(length))
  }

  line(): string {
    const end = this.bytes.indexOf(10, this.at)
    if (end < 0) throw this.fail(`the pickle is cut short at ${this.at}`)
    const text = this.text(end - this.at)
    this.at = end + 1
    return text
  }

  push(value: PickleValue): void {
    this.stack.push(value)
  }

  pop(): PickleValue {
    const value = this.stack.pop()
    if (value === undefined) throw this.fail(`the stack is empty at ${this.at}`)
    return value
  }

  top(): PickleValue {
    const value = this.stack.at(-1)
    if (value === undefined) throw this.fail(`the stack is empty at ${this.at}`)
    return value
  }

  mark(): void {
    this.waiting.push(this.stack)
    this.stack = []
  }

  /** The values since the last mark. */
  popMark(): PickleValue[] {
    const values = this.stack
    const below = this.waiting.pop()
    if (!below) throw this.fail(`there is no mark at ${this.at}`)
    this.stack = below
    return values
  }

  remember(index: number): void {
    this.memo.set(index, this.top())
  }

  memoize(): void {
    this.remember(this.memo.size)
  }

  recall(index: number): void {
    const value = this.memo.get(index)
    if (value === undefined) throw this.fail(`nothing was remembered under ${index}`)
    this.push(value)
  }

  popTuple(length: number): void {
    const values = Array.from({ length }, () => this.pop())
    this.push(values.reverse())
  }

  append(values: readonly PickleValue[]): void {
    const list = this.top()
    if (!Array.isArray(list)) throw this.fail(`cannot append to ${kindOf(list)}`)
    for (const value of values) list.push(value)
  }

  set(pairs: readonly PickleValue[]): void {
    const dict = this.top()
    if (!(dict instanceof Map)) throw this.fail(`cannot set items of ${kindOf(dict)}`)
    if (pairs.length % 2 !== 0) throw this.fail('a key has no value')
    for (let i = 0; i < pairs.length; i += 2) dict.set(this.key(pairs[i]!), pairs[i + 1]!)
  }

  private key(value: PickleValue): PickleKey {
    if (typeof value === 'object' && value !== null) throw this.fail(`${kindOf(value)} cannot be a key`)
    return value
  }

  addItems(values: readonly PickleValue[]): void {
    const set = this.top()
    if (!(set instanceof Set)) throw this.fail(`cannot add to ${kindOf(set)}`)
    for (const value of values) set.add(value)
  }

  global(module: string, name: string): void {
    const found = this.names.find(module, name)
    if (!found) throw this.fail(`it asks for ${shortened(`${module}.${name}`)}, which is not among the harmless names`)
    this.push(found)
  }

  stackGlobal(): void {
    const name = this.pop()
    const module = this.pop()
    if (typeof module !== 'string' || typeof name !== 'string') throw this.fail('a global name is not text')
    this.global(module, name)
  }

  reduce(): void {
    const args = this.pop()
    const callee = this.pop()
    if (!Array.isArray(args)) throw this.fail(`arguments are ${kindOf(args)}, expected a tuple`)
    const call = isMade(callee) ? callee.call : undefined
    if (!call) throw this.fail(`${kindOf(callee)} cannot be called`)
    this.push(call(args))
  }

  /** Sets attributes. Those of an ordered dict (`_metadata` of state dicts) have no use here; other objects have none. */
  build(): void {
    const state = this.pop()
    const owner = this.top()
    if (owner instanceof Map) return
    if (!isMade(owner) || !owner.setState) throw this.fail(`attributes of ${kindOf(owner)} are refused`)
    owner.setState(state)
  }

  persistent(): void {
    const id = this.pop()
    const found = this.names.persistent(id)
    if (!found) throw this.fail(`a persistent id is ${kindOf(id)}, expected a storage`)
    this.push(found)
  }
}

const STOP = 0x2e

type Step = (machine: Unpickler) => void

/** What each opcode does; the comments give their names in pickletools. */
const steps: ReadonlyMap<number, Step> = new Map<number, Step>([
  [0x80, (m) => m.take(1)], // PROTO
  [0x95, (m) => m.take(8)], // FRAME
  [0x28, (m) => m.mark()], // MARK
  [0x30, (m) => m.pop()], // POP
  [0x31, (m) => m.popMark()], // POP_MARK
  [0x32, (m) => m.push(m.top())], // DUP
  [0x4e, (m) => m.push(null)], // NONE
  [0x88, (m) => m.push(true)], // NEWTRUE
  [0x89, (m) => m.push(false)], // NEWFALSE
  [0x4a, (m) => m.push(m.int32())], // BININT
  [0x4b, (m) => m.push(m.unsigned(1))], // BININT1
  [0x4d, (m) => m.push(m.unsigned(2))], // BININT2
  [0x8a, (m) => m.push(m.long(m.unsigned(1)))], // LONG1
  [0x8b, (m) => m.push(m.long(m.unsigned(4)))], // LONG4
  [0x47, (m) => m.push(m.float64())], // BINFLOAT
  [0x8c, (m) => m.push(m.text(m.unsigned(1)))], // SHORT_BINUNICODE
  [0x58, (m) => m.push(m.text(m.unsigned(4)))], // BINUNICODE
  [0x8d, (m) => m.push(m.text(m.unsigned(8)))], // BINUNICODE8
  [0x55, (m) => m.push(m.text(m.unsigned(1)))], // SHORT_BINSTRING: text of Python 2
  [0x54, (m) => m.push(m.text(m.unsigned(4)))], // BINSTRING
  [0x43, (m) => m.push(m.take(m.unsigned(1)).slice())], // SHORT_BINBYTES
  [0x42, (m) => m.push(m.take(m.unsigned(4)).slice())], // BINBYTES
  [0x8e, (m) => m.push(m.take(m.unsigned(8)).slice())], // BINBYTES8
  [0x29, (m) => m.push([])], // EMPTY_TUPLE
  [0x85, (m) => m.popTuple(1)], // TUPLE1
  [0x86, (m) => m.popTuple(2)], // TUPLE2
  [0x87, (m) => m.popTuple(3)], // TUPLE3
  [0x74, (m) => m.push(m.popMark())], // TUPLE
  [0x5d, (m) => m.push([])], // EMPTY_LIST
  [0x61, (m) => m.append([m.pop()])], // APPEND
  [0x65, (m) => m.append(m.popMark())], // APPENDS
  [0x7d, (m) => m.push(new Map())], // EMPTY_DICT
  [
    0x73, // SETITEM
    (m) => {
      const value = m.pop()
      m.set([m.pop(), value])
    },
  ],
  [0x75, (m) => m.set(m.popMark())], // SETITEMS
  [0x8f, (m) => m.push(new Set())], // EMPTY_SET
  [0x90, (m) => m.addItems(m.popMark())], // ADDITEMS
  [0x91, (m) => m.push(new Set(m.popMark()))], // FROZENSET
  [0x71, (m) => m.remember(m.unsigned(1))], // BINPUT
  [0x72, (m) => m.remember(m.unsigned(4))], // LONG_BINPUT
  [0x94, (m) => m.memoize()], // MEMOIZE
  [0x68, (m) => m.recall(m.unsigned(1))], // BINGET
  [0x6a, (m) => m.recall(m.unsigned(4))], // LONG_BINGET
  [0x63, (m) => m.global(m.line(), m.line())], // GLOBAL
  [0x93, (m) => m.stackGlobal()], // STACK_GLOBAL
  [0x52, (m) => m.reduce()], // REDUCE
  [0x81, (m) => m.reduce()], // NEWOBJ: on the closed list, making an object is calling it
  [0x62, (m) => m.build()], // BUILD
  [0x51, (m) => m.persistent()], // BINPERSID
])

/** Opcodes that do more, for errors. */
const refusedOpcodes: ReadonlyMap<number, string> = new Map([
  [0x46, 'FLOAT'],
  [0x49, 'INT'],
  [0x4c, 'LONG'],
  [0x50, 'PERSID'],
  [0x53, 'STRING'],
  [0x56, 'UNICODE'],
  [0x64, 'DICT'],
  [0x67, 'GET'],
  [0x69, 'INST'],
  [0x6c, 'LIST'],
  [0x6f, 'OBJ'],
  [0x70, 'PUT'],
  [0x82, 'EXT1'],
  [0x83, 'EXT2'],
  [0x84, 'EXT4'],
  [0x92, 'NEWOBJ_EX'],
  [0x96, 'BYTEARRAY8'],
  [0x97, 'NEXT_BUFFER'],
  [0x98, 'READONLY_BUFFER'],
])

export function isMade(value: PickleValue): value is Made {
  return typeof value === 'object' && value !== null && 'kind' in value && !ArrayBuffer.isView(value)
}

/** What errors call a value. */
export function kindOf(value: PickleValue): string {
  if (value === null) return 'None'
  if (Array.isArray(value)) return 'a list'
  if (value instanceof Map) return 'a dict'
  if (value instanceof Set) return 'a set'
  if (value instanceof Uint8Array) return 'bytes'
  if (typeof value === 'object') return value.kind
  return typeof value === 'string' ? 'text' : `a ${typeof value}`
}
