/**
 * Instructions with a spread of operands, the same ones on every run: as assembler text for GNU `as` (Intel syntax) and as operands for our
 * Assembler. Both the fixture and the test that holds the Assembler against it come from here.
 */
import { forms } from '../../src/codegen/x64/forms.ts'
import {
  type Encoding,
  type Operand,
  operandSize,
  parseInteger,
  parseVector,
} from '../../src/codegen/x64/instruction.ts'
import { integerTable } from '../../src/codegen/x64/integer-table.ts'
import {
  Gpr,
  type GprSize,
  gpr,
  k,
  type Mask,
  Mem,
  mem,
  type Vec,
  type VecWidth,
  vec,
} from '../../src/codegen/x64/operands.ts'
import { vectorTable } from '../../src/codegen/x64/vector-table.ts'

export interface EncodingCase {
  readonly name: string
  readonly operands: readonly Operand[]
  /** What GNU `as` gets. */
  readonly text: string
}

const CASES_PER_LINE = 16

/** Vector widths that exist for an instruction, where not all do: [VEX, EVEX]. */
const widths: Record<string, readonly VecWidth[]> = {}
const only = (list: readonly VecWidth[], ...names: string[]): void => {
  for (const name of names) widths[name] = list
}
only([32], 'vbroadcastf128', 'vinsertf128', 'vinserti128', 'vextractf128', 'vextracti128', 'vperm2f128', 'vperm2i128')
only([32, 64], 'vpermps', 'vpermd', 'vpermpd', 'vpermq', 'vbroadcastsd', 'vbroadcastf32x4', 'vinsertf32x4')
only([32, 64], 'vinserti32x4', 'vextractf32x4', 'vextracti32x4', 'vshuff32x4', 'vshuff64x2')
only([64], 'vbroadcastf64x4', 'vinsertf64x4', 'vextractf64x4', 'vextracti64x4')

/** Width of the other operand of a conversion, as a fraction of the wide one (at least xmm); 0: always xmm. */
const fractions: readonly (readonly [RegExp, number])[] = [
  [/^(vbroadcast|vpbroadcast|vinsert[fi](128|32x4)|vextract[fi](128|32x4))/, 0],
  [/^(vpmov[sz]xb[d]|vpmovu?s?db)$/, 4],
  [/^(vpmov[sz]xbq|vpmovqb)$/, 8],
  [/./, 2],
]

/** Instructions whose destination takes no opmask although they have an EVEX encoding. */
const unmasked =
  /^(vucomis|vmovd|vmovq|vmovhlps|vmovlhps|vmovnt|vcvt(t?)s[sd]2si|vcvtsi2|vpsrldq|vpslldq|vinsertps|vpmovm2|vpmov.2m)/

function randomFrom(name: string): (bound: number) => number {
  let state = 0x9e3779b9
  for (const c of name) state = Math.imul(state ^ c.charCodeAt(0), 0x01000193)
  return (bound) => {
    state = (state + 0x6d2b79f5) | 0
    let t = Math.imul(state ^ (state >>> 15), state | 1)
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61)
    return ((t ^ (t >>> 14)) >>> 0) % bound
  }
}

const pick = <T>(random: (bound: number) => number, list: readonly T[]): T => list[random(list.length)] as T

// rsp and r12 need a SIB byte as base, rbp and r13 a displacement; the list is long on them.
const bases = [0, 1, 3, 4, 5, 7, 9, 12, 13, 15].map(gpr)
const indices = [0, 2, 5, 8, 12, 13, 15].map(gpr)
const displacements = [0, 0, 4, 8, 16, 32, 64, -64, -128, 127, 128, 192, 1024, -1024, 8128, 8192, -8192, 63, 0x12345678]

function memory(random: (bound: number) => number, vectorIndex: Vec | null): Mem {
  const disp = pick(random, displacements)
  if (vectorIndex) return mem(pick(random, bases), disp, vectorIndex, pick(random, [1, 2, 4, 8] as const))
  const kind = random(8)
  if (kind === 0) return mem(null, pick(random, [64, 4096, 0x7ffffff0]))
  if (kind < 4) return mem(pick(random, bases), disp, pick(random, indices), pick(random, [1, 2, 4, 8] as const))
  return mem(pick(random, bases), disp)
}

function vectorCase(name: string, encoding: Encoding, random: (bound: number) => number): EncodingCase {
  const fields = encoding.vector
  if (!fields) throw new Error(name)
  const evex = fields.evexW >= 0 && (fields.vexW < 0 || random(3) > 0)
  const legal = widths[name] ?? [16, 32, 64]
  const width = pick(
    random,
    legal.filter((w) => evex || w < 64 || legal.length === 1),
  )
  const fraction = fractions.find(([pattern]) => pattern.test(name))?.[1] as number
  const narrow = fraction === 0 ? 16 : (Math.max(16, width / fraction) as VecWidth)
  const register = (w: VecWidth): Vec => vec(w, random(evex ? 32 : 16))
  const narrowing = encoding.classes.startsWith('b') || name.startsWith('vcvtpd2') || name.startsWith('vcvttpd2dq')
  const operands: Operand[] = []
  const classes = [...encoding.classes]
  classes.forEach((cls, i) => {
    const last = i === classes.length - 1 || classes[i + 1] === 'i'
    // Of operands of different width, the destination of a narrowing or the source of a widening is the narrow one.
    const w = narrowing ? (i === 0 ? narrow : width) : last ? narrow : width
    const useMemory = random(2) === 0
    if (cls === 'v') operands.push(register(width))
    else if (cls === 'w') operands.push(useMemory ? memory(random, null) : register(width))
    else if (cls === 'a') operands.push(register(encoding.classes.includes('t') ? width : w))
    else if (cls === 'b') operands.push(useMemory ? memory(random, null) : register(w))
    else if (cls === 'x') operands.push(register(16))
    else if (cls === 'y') operands.push(useMemory ? memory(random, null) : register(16))
    else if (cls === 'k') operands.push(k(random(8)))
    else if (cls === 'h') operands.push(useMemory ? memory(random, null) : k(random(8)))
    else if (cls === 'm') operands.push(memory(random, null))
    else if (cls === 't') operands.push(memory(random, gatherIndex(random, name, width, evex)))
    else if (cls === 'd') operands.push(gpr(random(16)).d)
    else if (cls === 'q') operands.push(gpr(random(16)))
    else if (cls === 'D') operands.push(useMemory ? memory(random, null).sized(4) : gpr(random(16)).d)
    else if (cls === 'Q') operands.push(useMemory ? memory(random, null).sized(8) : gpr(random(16)))
    else if (cls === 'i') operands.push(random(256))
    else throw new Error(`${name}: class ${cls}`)
  })
  if (evex) decorate(name, encoding, operands, random)
  return { name, operands, text: textOf(name, operands, encoding) }
}

function gatherIndex(random: (bound: number) => number, name: string, width: VecWidth, evex: boolean): Vec {
  const w = /(pd|dq)$/.test(name) ? (Math.max(16, width / 2) as VecWidth) : width
  return vec(w, random(evex ? 32 : 16))
}

function decorate(name: string, encoding: Encoding, operands: Operand[], random: (bound: number) => number): void {
  const tuple = encoding.vector?.tuple
  operands.forEach((x, i) => {
    if (isMem(x) && (tuple === 'full' || tuple === 'half') && random(2) === 0) operands[i] = x.all
  })
  if (unmasked.test(name)) return
  const gathers = encoding.classes.includes('t')
  if (!gathers && random(2) === 0) return
  const mask = k(1 + random(7))
  const first = operands[0] as Vec | Mask | Mem | Gpr
  if (first.kind === 'vec') operands[0] = gathers || random(2) === 0 ? first.under(mask) : first.zeroUnder(mask)
  else if (first.kind === 'mask' || first.kind === 'mem') operands[0] = first.under(mask)
}

function integerCase(name: string, encoding: Encoding, random: (bound: number) => number): EncodingCase {
  const sizes: GprSize[] = encoding.legacy?.sizing === 'any' ? [1, 2, 4, 8] : [2, 4, 8]
  let size = pick(random, sizes)
  if (name === 'bswap' || encoding.classes === 'gO' || (name === 'mov' && encoding.classes === 'ni')) {
    size = pick(random, [4, 8])
  }
  // `as` shortens exchanges with the accumulator.
  const number = (): number => (name === 'xchg' ? 1 + random(15) : random(16))
  const register = (s: GprSize, index = number()): Gpr => new Gpr(s, index)
  const shift = ['rol', 'ror', 'shl', 'shr', 'sar'].includes(name)
  const useMemory = random(2) === 0
  const operands = [...encoding.classes].map((cls): Operand => {
    if (cls === 'g') return register(size)
    if (cls === 'n') return useMemory ? memory(random, null).sized(size) : register(size)
    if (cls === 'm') return memory(random, null)
    if (cls === 'c') return register(size, 0)
    if (cls === 'l') return register(1, 1)
    if (cls === 'd') return register(4)
    if (cls === 'q') return register(8)
    if (cls === 'e') return register(1)
    if (cls === 'D') return useMemory ? memory(random, null).sized(4) : register(4)
    if (cls === 'E') return useMemory ? memory(random, null).sized(1) : register(1)
    if (cls === 'O') return useMemory ? memory(random, null).sized(2) : register(2)
    if (cls === 's') return random(256) - 128
    if (cls === 'j') return BigInt.asIntN(64, (BigInt(random(2 ** 32)) << 32n) | BigInt(random(2 ** 32)))
    if (cls === 'i' && shift) return 2 + random(6)
    if (cls === 'i')
      return size === 1 || encoding.classes === 'ei' ? random(256) - 128 : 1000 + random(size === 2 ? 30000 : 2 ** 30)
    throw new Error(`${name}: class ${cls}`)
  })
  return { name, operands, text: textOf(name, operands, encoding) }
}

const isMem = (x: unknown): x is Mem => x instanceof Mem

function textOf(name: string, operands: readonly Operand[], encoding: Encoding): string {
  const size = encoding.legacy ? operandSize(operands) : 0
  const broadcastLanes = (): number => {
    const widest = Math.max(...operands.map((x) => (typeof x === 'object' && x.kind === 'vec' ? x.width : 0)))
    const { tuple, element } = encoding.vector as NonNullable<Encoding['vector']>
    return widest / element / (tuple === 'half' ? 2 : 1)
  }
  const parts = operands.map((x) => {
    if (!isMem(x)) return String(x)
    const terms = [x.base && `${x.base}`, x.index && `${x.index}*${x.scale}`].filter(Boolean).join('+')
    const inner = terms === '' ? `${x.disp}` : `${terms}${x.disp < 0 ? '' : '+'}${x.disp}`
    const named = x.size || (encoding.classes.match(/[ns]/) ? size : 0)
    const pointer = { 0: '', 1: 'byte ptr ', 2: 'word ptr ', 4: 'dword ptr ', 8: 'qword ptr ' }[named] as string
    const suffix = (x.broadcast ? `{1to${broadcastLanes()}}` : '') + (x.masking ? `{k${x.masking}}` : '')
    return `${pointer}${terms === '' ? 'ds:' : ''}[${inner}]${suffix}`
  })
  // Moves between registers exist in two directions; the Assembler takes the one that loads.
  const direction = encoding.vector && !operands.some(isMem) && /^vmov/.test(name) ? '{load} ' : ''
  return `${direction}${name} ${parts.join(', ')}`.trim()
}

/** All cases, instruction by instruction in the order of the tables. */
export function encodingCases(): Map<string, EncodingCase[]> {
  const all = new Map<string, EncodingCase[]>()
  const add = (
    table: Record<string, string | readonly string[]>,
    parse: (line: string) => Encoding,
    make: (name: string, encoding: Encoding, random: (bound: number) => number) => EncodingCase,
  ): void => {
    for (const [name, lines] of Object.entries(table)) {
      const random = randomFrom(name)
      const cases: EncodingCase[] = []
      for (const line of typeof lines === 'string' ? [lines] : lines) {
        const encoding = parse(line)
        const count = encoding.classes === '' ? 1 : CASES_PER_LINE
        for (let i = 0; i < count; i++) cases.push(make(name, encoding, random))
      }
      all.set(name, cases)
    }
  }
  add(vectorTable, parseVector, vectorCase)
  add(integerTable, parseInteger, integerCase)
  return all
}

/** Names of the operand forms that no instruction uses. */
export function unusedForms(): string[] {
  const lines = [...Object.values(vectorTable), ...Object.values(integerTable), 'Q'].flat()
  return Object.keys(forms).filter((form) => !lines.some((line) => line === form || line.startsWith(`${form} `)))
}
