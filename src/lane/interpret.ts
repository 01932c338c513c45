/** Runs lane code in plain TypeScript: the oracle for the emitters. Results are theirs to the bit. */
import {
  bfloat16ToFloat32,
  float16ToFloat32,
  float32ToBfloat16,
  float32ToFloat16,
  roundHalfEven,
} from '../core/half.ts'
import type { Affine, IndexVariable } from './affine.ts'
import { flush, fusedMultiplyAdd } from './fused.ts'
import type {
  BufferParameter,
  Compute,
  ComputeOp,
  ElementType,
  LaneProgram,
  LaneRange,
  Register,
  Statement,
  Value,
} from './program.ts'

/** What a parameter is bound to: elements of a buffer (f16 and bf16 as their bits), or a number. `null` for the error cell. */
export type Binding = Float32Array | Int32Array | Uint16Array | Uint8Array | number | null

/** The first index out of range that a run met. */
export interface IndexReport {
  readonly op: number
  readonly index: number
  readonly size: number
  readonly position: number
}

/** Runs one chunk. Returns what the error cell would hold. */
export function interpretChunk(
  program: LaneProgram,
  bindings: readonly Binding[],
  chunk: number,
  thread = 0,
): IndexReport | null {
  const machine = new Interpreter(program, bindings, thread)
  machine.indices.set(program.chunk, chunk)
  machine.run(program.body)
  return machine.report
}

/** Runs all chunks in order. */
export function interpret(program: LaneProgram, bindings: readonly Binding[]): IndexReport | null {
  let report: IndexReport | null = null
  for (let chunk = 0; chunk < program.chunks; chunk++) report = interpretChunk(program, bindings, chunk) ?? report
  return report
}

type Lanes = Float32Array | Int32Array

/** What an operation does to one lane; masks are 0 and 1. Arithmetic on denormals works as if they were zero. */
const laneOps: Partial<Record<ComputeOp, (a: number, b: number, c: number) => number>> = {
  move: (a) => a,
  add: (a, b) => flush(Math.fround(flush(a) + flush(b))),
  sub: (a, b) => flush(Math.fround(flush(a) - flush(b))),
  mul: (a, b) => flush(Math.fround(flush(a) * flush(b))),
  div: (a, b) => flush(Math.fround(flush(a) / flush(b))),
  min: (a, b) => (flush(a) < flush(b) ? flush(a) : flush(b)),
  max: (a, b) => (flush(a) > flush(b) ? flush(a) : flush(b)),
  fma: (a, b, c) => flush(fusedMultiplyAdd(flush(a), flush(b), flush(c))),
  fnma: (a, b, c) => flush(fusedMultiplyAdd(-flush(a), flush(b), flush(c))),
  sqrt: (a) => Math.fround(Math.sqrt(flush(a))),
  abs: (a) => Math.abs(a),
  neg: (a) => -a,
  round: (a) => (Math.abs(a) < 2 ** 23 ? keepSign(roundHalfEven(a), a) : a),
  floor: (a) => keepSign(Math.floor(flush(a)), a),
  ceil: (a) => keepSign(Math.ceil(flush(a)), a),
  trunc: (a) => keepSign(Math.trunc(a), a),
  lt: (a, b) => Number(flush(a) < flush(b)),
  le: (a, b) => Number(flush(a) <= flush(b)),
  eq: (a, b) => Number(flush(a) === flush(b)),
  ne: (a, b) => Number(flush(a) !== flush(b)),
  iadd: (a, b) => (a + b) | 0,
  isub: (a, b) => (a - b) | 0,
  imul: (a, b) => Math.imul(a, b),
  imin: (a, b) => Math.min(a, b),
  imax: (a, b) => Math.max(a, b),
  iand: (a, b) => a & b,
  ior: (a, b) => a | b,
  ixor: (a, b) => a ^ b,
  shl: (a, count) => a << count,
  shr: (a, count) => (a >>> count) | 0,
  sar: (a, count) => a >> count,
  rotl: (a, count) => (a << count) | (count === 0 ? 0 : a >>> (32 - count)),
  ilt: (a, b) => Number(a < b),
  ieq: (a, b) => Number(a === b),
  select: (mask, a, b) => (mask ? a : b),
  mand: (a, b) => a & b,
  mor: (a, b) => a | b,
  mnot: (a) => 1 - a,
  toF32: (a) => Math.fround(a),
  toI32: (a) => toInt32(roundHalfEven(a)),
  truncI32: (a) => toInt32(Math.trunc(a)),
}

const folds = { reduceAdd: 'add', reduceMax: 'max', reduceMin: 'min' } as const

const toInt32 = (x: number): number => (x >= -(2 ** 31) && x < 2 ** 31 ? x : -(2 ** 31))
const keepSign = (x: number, sign: number): number => (x === 0 ? (sign < 0 || Object.is(sign, -0) ? -0 : 0) : x)

class Interpreter {
  readonly indices = new Map<IndexVariable, number>()
  report: IndexReport | null = null
  readonly #program: LaneProgram
  readonly #bindings: readonly Binding[]
  readonly #thread: number
  readonly #registers: (Lanes | undefined)[] = []

  constructor(program: LaneProgram, bindings: readonly Binding[], thread: number) {
    this.#program = program
    this.#bindings = bindings
    this.#thread = thread
  }

  run(body: readonly Statement[]): void {
    for (const statement of body) this.#execute(statement)
  }

  #execute(statement: Statement): void {
    const { lanes } = this.#program
    switch (statement.kind) {
      case 'compute':
        this.#compute(statement)
        break
      case 'load': {
        const { buffer, base, laneStride } = statement.access
        const start = this.#value(base)
        const active = this.#active(statement.access.within)
        this.#define(statement.dst, (i) => (active(i) ? this.#read(buffer, start + i * laneStride) : 0))
        break
      }
      case 'store': {
        const value = this.#lanesOf(statement.value)
        const { buffer, base, laneStride, within } = statement.access
        const start = this.#value(base)
        const active = this.#active(within)
        for (let i = 0; i < lanes; i++) if (active(i)) this.#write(buffer, start + i * laneStride, value[i] as number)
        break
      }
      case 'prefetch':
        break
      case 'gather': {
        const indices = this.#lanesOf(statement.indices)
        const start = this.#value(statement.base)
        const active = this.#active(statement.within)
        const { buffer, scale } = statement
        this.#define(statement.dst, (i) => (active(i) ? this.#read(buffer, start + scale * (indices[i] as number)) : 0))
        break
      }
      case 'check': {
        const indices = this.#lanesOf(statement.indices)
        const active = this.#active(statement.within)
        const { bound, op, laneStride } = statement
        const at = this.#value(statement.position)
        this.#define(statement.dst, (i) =>
          active(i) ? this.#checked(indices[i] as number, bound, op, at + i * laneStride) : 0,
        )
        break
      }
      case 'scalar': {
        const value = this.#bindings[statement.parameter.cell] as number
        this.#define(statement.dst, () => value)
        break
      }
      case 'lanes': {
        const value = this.#value(statement.value)
        this.#define(statement.dst, (i) => value + i * statement.laneStride)
        break
      }
      case 'mask': {
        const active = this.#active(statement.range)
        this.#define(statement.dst, (i) => Number(active(i)))
        break
      }
      case 'divide': {
        const value = this.#value(statement.value)
        const { part, divisor } = statement
        this.indices.set(statement.variable, part === 'quotient' ? Math.floor(value / divisor) : value % divisor)
        break
      }
      case 'readIndex': {
        const index = this.#read(statement.buffer, this.#value(statement.base))
        const { variable, bound, op, position } = statement
        this.indices.set(variable, this.#checked(index, bound, op, this.#value(position)))
        break
      }
      case 'loop': {
        const begin = this.#value(statement.begin)
        for (let round = 0; round < statement.count; round++) {
          if (statement.limit !== null && begin + statement.step * round >= statement.limit) break
          this.indices.set(statement.counter, round)
          this.run(statement.body)
        }
        break
      }
      case 'when': {
        const value = this.#value(statement.value)
        this.run(value >= statement.low && value < statement.high ? statement.body : statement.otherwise)
        break
      }
    }
  }

  #compute({ op, dst, args, pattern }: Compute): void {
    const { lanes } = this.#program
    const [a, b, c] = args.map((value) => this.#lanesOf(value))
    if (!a) throw new Error(`${op} without operands`)
    if (op === 'permute' || op === 'permute2') {
      const all = b ? [...a, ...b] : a
      this.#define(dst, (i) => all[pattern?.[i] as number] as number)
    } else if (op === 'reduceAdd' || op === 'reduceMax' || op === 'reduceMin') {
      const fold = laneOps[folds[op]] as (a: number, b: number, c: number) => number
      const sums = Float32Array.from(a)
      for (let half = lanes / 2; half >= 1; half /= 2) {
        for (let i = 0; i < half; i++) sums[i] = fold(sums[i] as number, sums[i + half] as number, 0)
      }
      this.#define(dst, () => sums[0] as number)
    } else if (op === 'bitsOf' || op === 'fromBits') {
      const bits = (op === 'bitsOf' ? new Int32Array(a.slice().buffer) : new Float32Array(a.slice().buffer)) as Lanes
      this.#define(dst, (i) => bits[i] as number)
    } else {
      const f = laneOps[op] as (a: number, b: number, c: number) => number
      this.#define(dst, (i) => f(a[i] as number, b?.[i] as number, c?.[i] as number))
    }
  }

  #define(dst: Register, lane: (i: number) => number): void {
    const { lanes } = this.#program
    const result = dst.type === 'f32' ? new Float32Array(lanes) : new Int32Array(lanes)
    for (let i = 0; i < lanes; i++) result[i] = lane(i)
    this.#registers[dst.id] = result
  }

  #lanesOf(value: Value): Lanes {
    const { lanes } = this.#program
    if (value.kind === 'constant') {
      return value.type === 'f32' ? new Float32Array(lanes).fill(value.value) : new Int32Array(lanes).fill(value.value)
    }
    const found = this.#registers[value.id]
    if (!found) throw new Error(`${this.#program.name}: register ${value.id} is read before it is set`)
    return found
  }

  #value(affine: Affine): number {
    let sum = affine.constant
    for (const { variable, coefficient } of affine.terms) {
      const value = variable.definition ? this.#value(variable.definition) : this.indices.get(variable)
      if (value === undefined) throw new Error(`${this.#program.name}: ${variable.name} is used outside its loop`)
      sum += coefficient * value
    }
    return sum
  }

  #active(within: LaneRange | null): (lane: number) => boolean {
    if (!within) return () => true
    const at = this.#value(within.at)
    return (lane) => at + lane >= within.low && at + lane < within.high
  }

  #checked(index: number, size: number, op: number | null, position: number): number {
    if (index >= 0 && index < size) return index
    if (op !== null) this.report ??= { op, index, size, position }
    return 0
  }

  #elements(buffer: BufferParameter, element: number): { data: Exclude<Binding, number | null>; at: number } {
    const data = this.#bindings[buffer.cell]
    if (!data || typeof data === 'number')
      throw new Error(`${this.#program.name}: ${buffer.name} is not bound to a buffer`)
    const at = element + this.#thread * buffer.threadStride
    if (element < 0 || element >= buffer.length || at >= data.length) {
      throw new Error(`${this.#program.name}: element ${element} of ${buffer.name}, which has ${buffer.length}`)
    }
    return { data, at }
  }

  #read(buffer: BufferParameter, element: number): number {
    const { data, at } = this.#elements(buffer, element)
    return decode[buffer.type](data[at] as number)
  }

  #write(buffer: BufferParameter, element: number, value: number): void {
    const { data, at } = this.#elements(buffer, element)
    data[at] = encode[buffer.type](value)
  }
}

const same = (x: number): number => x
const decode: Record<ElementType, (x: number) => number> = {
  f32: same,
  i32: same,
  u8: same,
  f16: float16ToFloat32,
  bf16: bfloat16ToFloat32,
}
const encode: Record<ElementType, (x: number) => number> = {
  f32: same,
  i32: same,
  u8: (x) => x & 255,
  f16: float32ToFloat16,
  bf16: float32ToBfloat16,
}
