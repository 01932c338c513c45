/** Instructions as the tables describe them, parsed once; choosing among the encodings of one by its operands. */
import { type FormName, forms, type Signatures } from './forms.ts'
import type { Gpr, Mask, Mem, Vec } from './operands.ts'

export type Operand = Gpr | Vec | Mask | Mem | number | bigint

/** An instruction that was asked for with operands it does not have; always a mistake of the code generator. */
export class EncodingError extends Error {
  override readonly name = 'EncodingError'
}

/** What one line of a table says. `classes` and `places` are explained in forms.ts. */
export interface Encoding {
  readonly classes: string
  readonly places: string
  /** Digit in ModRM.reg where no operand stands there; −1: none. */
  readonly digit: number
  readonly opcode: readonly number[]
  readonly legacy: LegacyFields | null
  readonly vector: VectorFields | null
}

export interface LegacyFields {
  /** Mandatory prefix F3, which stands before REX; 0: none. */
  readonly prefix: number
  readonly sizing: 'any' | 'wide' | 'W' | '-'
  readonly imm: '' | 'i8' | 'iz' | 'i64'
}

export interface VectorFields {
  /** Number of the mandatory prefix: none, 66, F3, F2. */
  readonly pp: number
  /** Opcode map: 0F, 0F38, 0F3A. */
  readonly map: number
  readonly L1: boolean
  /** The W bit in either encoding; −1: the encoding does not exist. */
  readonly vexW: number
  readonly evexW: number
  readonly tuple: 'full' | 'half' | 'mem' | 'one' | '128'
  /** Of `mem`: the part of a vector that is accessed is 1/divisor. Of the others: bytes of an element. */
  readonly element: number
}

/** The methods that a table gives the assembler: several encodings make an overloaded method. */
export type Methods<Table> = { [Name in keyof Table]: MethodOf<Table[Name]> }
type MethodOf<Lines> = Lines extends readonly string[] ? Overloads<SignatureOf<Lines[number]>> : SignatureOf<Lines>
type SignatureOf<Line> = Line extends `${infer F extends FormName} ${string}` ? Signatures[F] : never
type Overloads<U> = (U extends unknown ? (f: U) => void : never) extends (f: infer I) => void ? I : never

const bytesOf = (hex: string): number[] => (hex.match(/../g) ?? []).map((pair) => Number.parseInt(pair, 16))

function parseForm(line: string): { classes: string; places: string; rest: string[] } {
  const [name = '', ...rest] = line.split(' ')
  const form = forms[name as FormName]
  if (form === undefined) throw new EncodingError(`instruction table: unknown form in '${line}'`)
  return { classes: form[0], places: form[1], rest }
}

export function parseVector(line: string): Encoding {
  const { classes, places, rest } = parseForm(line)
  const [prefixMap = '', opcodeDigit = '', vex = '-', evex = '-', memory = 'mem'] = rest
  const [prefix = '', map = '', L1] = prefixMap.split('.')
  const [opcode = '', digit = '-1'] = opcodeDigit.split('/')
  const tuple =
    memory === '128'
      ? ['128', '16']
      : (/^(full|half|one)(\d)$/.exec(memory)?.slice(1) ?? ['mem', memory.slice(4) || '1'])
  const vector: VectorFields = {
    pp: ['np', '66', 'F3', 'F2'].indexOf(prefix),
    map: ['', '0F', '0F38', '0F3A'].indexOf(map),
    L1: L1 === 'L1',
    vexW: vex === '-' ? -1 : Number(vex),
    evexW: evex === '-' ? -1 : Number(evex),
    tuple: tuple[0] as VectorFields['tuple'],
    element: Number(tuple[1]),
  }
  return { classes, places, digit: Number(digit), opcode: bytesOf(opcode), legacy: null, vector }
}

export function parseInteger(line: string): Encoding {
  const { classes, places, rest } = parseForm(line)
  const [opcodeDigit = '', sizing = '-', imm = ''] = rest
  const [bytes = '', digit = '-1'] = opcodeDigit.split('/')
  const opcode = bytesOf(bytes)
  const prefix = opcode[0] === 0xf3 && opcode.length > 2 ? 0xf3 : 0
  const legacy = { prefix, sizing: sizing as LegacyFields['sizing'], imm: imm as LegacyFields['imm'] }
  return { classes, places, digit: Number(digit), opcode: prefix ? opcode.slice(1) : opcode, legacy, vector: null }
}

const isSize = (x: Operand, size: number): boolean => typeof x === 'object' && x.kind === 'gpr' && x.size === size
const isMem = (x: Operand): x is Mem => typeof x === 'object' && x.kind === 'mem'
const isVec = (x: Operand): x is Vec => typeof x === 'object' && x.kind === 'vec'
const isGather = (x: Mem): boolean => x.index?.kind === 'vec'

/** What the operands of classes v, w, g and n have in common. */
const common = { width: 0 }

/** Whether an operand belongs to a class of forms.ts. */
function belongs(cls: string, x: Operand): boolean {
  switch (cls) {
    case 'v':
    case 'w':
      if (cls === 'w' && isMem(x)) return !isGather(x)
      if (!isVec(x) || (common.width !== 0 && x.width !== common.width)) return false
      common.width = x.width
      return true
    case 'a':
      return isVec(x)
    case 'b':
      return isVec(x) || isMem(x)
    case 'x':
      return isVec(x) && x.width === 16
    case 'y':
      return (isVec(x) && x.width === 16) || isMem(x)
    case 'k':
      return typeof x === 'object' && x.kind === 'mask'
    case 'h':
      return isMem(x) || (typeof x === 'object' && x.kind === 'mask')
    case 'g':
    case 'n':
      if (cls === 'n' && isMem(x) && x.size === 0) return true
      if (cls === 'n' && isMem(x) && (common.width === 0 || x.size === common.width)) {
        common.width = x.size
        return true
      }
      if (typeof x !== 'object' || x.kind !== 'gpr' || (common.width !== 0 && x.size !== common.width)) return false
      common.width = x.size
      return true
    case 'd':
      return isSize(x, 4)
    case 'D':
      return isSize(x, 4) || (isMem(x) && (x.size === 4 || x.size === 0))
    case 'q':
      return isSize(x, 8)
    case 'Q':
      return isSize(x, 8) || (isMem(x) && (x.size === 8 || x.size === 0))
    case 'e':
      return isSize(x, 1)
    case 'E':
      return isSize(x, 1) || (isMem(x) && (x.size === 1 || x.size === 0))
    case 'O':
      return isSize(x, 2) || (isMem(x) && x.size === 2)
    case 'c':
      return typeof x === 'object' && x.kind === 'gpr' && x.index === 0
    case 'l':
      return isSize(x, 1) && (x as Gpr).index === 1
    case 'm':
      return isMem(x) && !isGather(x)
    case 't':
      return isMem(x) && isGather(x)
    case 's':
      return typeof x === 'number' && x >= -128 && x <= 127
    case 'i':
      return typeof x === 'number'
    case 'j':
      return typeof x === 'bigint'
    default:
      throw new EncodingError(`instruction table: unknown operand class '${cls}'`)
  }
}

function fits(encoding: Encoding, operands: readonly Operand[]): boolean {
  const { classes, legacy } = encoding
  if (classes.length !== operands.length) return false
  common.width = 0
  for (let i = 0; i < classes.length; i++) {
    if (!belongs(classes[i] as string, operands[i] as Operand)) return false
  }
  // 'wide' forms have no 8-bit variant; the size may also come from the memory operand.
  return legacy?.sizing !== 'wide' || operandSize(operands) !== 1 || classes.includes('E')
}

/** Operand size in bytes of an integer instruction: of its first register or sized memory operand; 0: unknown. */
export function operandSize(operands: readonly Operand[]): number {
  for (const x of operands) {
    if (typeof x === 'object' && (x.kind === 'gpr' || x.kind === 'mem') && x.size > 0) return x.size
  }
  return 0
}

export function describe(name: string, operands: readonly Operand[]): string {
  return `${name} ${operands.map((x) => (isMem(x) ? 'memory' : String(x))).join(', ')}`
}

/** An instruction: its encodings, and which of them operands get. */
export class Instruction {
  readonly #name: string
  readonly #lines: readonly string[]
  readonly #parse: (line: string) => Encoding
  /** Parsed at first use: a program needs few of them. */
  #encodings: readonly Encoding[] | undefined
  /** By the traits of the operands. */
  readonly #chosen = new Map<number, Encoding>()

  constructor(name: string, lines: string | readonly string[], parse: (line: string) => Encoding) {
    this.#name = name
    this.#lines = typeof lines === 'string' ? [lines] : lines
    this.#parse = parse
  }

  /** The first encoding that takes these operands. */
  encodingFor(operands: readonly Operand[]): Encoding {
    let traits = 0
    for (let i = 0; i < operands.length; i++) traits = 32 * traits + traitOf(operands[i] as Operand)
    let encoding = this.#chosen.get(traits)
    if (!encoding) {
      this.#encodings ??= this.#lines.map(this.#parse)
      encoding = this.#encodings.find((candidate) => fits(candidate, operands))
      if (!encoding) throw new EncodingError(`${describe(this.#name, operands)}: no encoding takes these operands`)
      this.#chosen.set(traits, encoding)
    }
    return encoding
  }
}

/** As in operands.ts. Of numbers it matters whether they fit a sign-extended byte. */
function traitOf(x: Operand): number {
  if (typeof x === 'object') return x.trait
  if (typeof x === 'bigint') return 3
  return x >= -128 && x <= 127 ? 1 : 2
}
