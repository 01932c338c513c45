/** Writes lane code. Kernels are TypeScript functions that call these methods; what they unroll is unrolled in the program. */
import { Affine, type AffineLike, type IndexVariable } from './affine.ts'
import {
  type Access,
  type BufferParameter,
  type ComputeOp,
  type Constant,
  type ElementType,
  type LaneProgram,
  type LaneRange,
  type Parameter,
  type Register,
  type ScalarParameter,
  type Statement,
  type Value,
  type ValueType,
  valueTypeOf,
} from './program.ts'
import { verifyBounds } from './verify.ts'

/** A value as kernels pass it: a JS number stands for an f32 constant. */
export type ValueLike = Value | number

export interface AccessOptions {
  /** Elements between lanes; default 1. 0 loads one element into all lanes. */
  readonly laneStride?: number
  /** Lanes that are touched; default all. */
  readonly within?: LaneRange | null
}

export interface LoopOptions {
  /** Value of the loop variable in the first round; default 0. */
  readonly begin?: AffineLike
  /** Most rounds. */
  readonly count: number
  /** Default 1. */
  readonly step?: number
  /** The loop ends before the variable reaches this; default: never. */
  readonly limit?: number
  /** Spilling inside is an error; default false. */
  readonly hot?: boolean
}

export class LaneBuilder {
  readonly name: string
  readonly lanes: number
  readonly chunks: number
  /** Number of the chunk, in [0, chunks). */
  readonly chunk: IndexVariable
  readonly #parameters: Parameter[] = []
  readonly #body: Statement[] = []
  #block: Statement[]
  #registers = 0
  #doubtful = false

  constructor(options: { name: string; lanes: number; chunks?: number }) {
    this.name = options.name
    this.lanes = options.lanes
    this.chunks = options.chunks ?? 1
    this.chunk = { name: 'chunk', min: 0, max: this.chunks - 1, definition: null }
    this.#block = this.#body
  }

  /** @throws BoundsError where {@link mustVerify} was called and an access cannot be proven to be in bounds */
  finish(): LaneProgram {
    const { name, lanes, chunks, chunk } = this
    const counts = { name, lanes, chunks, chunk, registers: this.#registers }
    const program = { ...counts, parameters: this.#parameters, body: this.#body }
    if (this.#doubtful) verifyBounds(program)
    return program
  }

  /** Says that the writer does not know whether all accesses can be proven to be in bounds. */
  mustVerify(): void {
    this.#doubtful = true
  }

  // Parameters, in the order of the argument block

  /** A buffer of `length` elements that all threads share, or with so many elements from one thread's part to the next. */
  buffer(name: string, type: ElementType, length: number, threadStride = 0): BufferParameter {
    return this.#parameter({ kind: 'buffer', name, cell: this.#parameters.length, type, length, threadStride })
  }

  scalar(name: string, type: 'f32' | 'i32' = 'f32'): ScalarParameter {
    return this.#parameter({ kind: 'scalar', name, cell: this.#parameters.length, type })
  }

  /** The cell of the plan that takes reports of indices out of range. Needed once by kernels that check indices. */
  errorCell(): void {
    this.#parameter({ kind: 'error', name: 'error', cell: this.#parameters.length })
  }

  // Control

  /** Calls `body` with the loop variable, which runs from `begin` in steps of `step`. */
  loop(options: LoopOptions, body: (variable: IndexVariable) => void): void {
    const { count, step = 1, hot = false } = options
    const begin = Affine.of(options.begin ?? 0)
    if (!Number.isInteger(count) || count < 0 || !Number.isInteger(step) || step < 1) {
      throw new RangeError(`${this.name}: a loop of ${count} rounds in steps of ${step} is not possible`)
    }
    if (count === 0) return
    const number = this.#registers++
    const counter: IndexVariable = { name: `c${number}`, min: 0, max: count - 1, definition: null }
    const [first, lastBegin] = begin.range()
    const last = lastBegin + step * (count - 1)
    // A limit that no round reaches need not be looked at while the kernel runs.
    const limit = options.limit === undefined || last < options.limit ? null : options.limit
    // If all values are multiples of the step, the last one below the limit is a whole step below it.
    const whole = limit !== null && begin.isMultipleOf(step) && limit % step === 0
    const beyond = limit === null ? Number.POSITIVE_INFINITY : limit - (whole ? step : 1)
    const variable: IndexVariable = {
      name: `i${number}`,
      min: first,
      max: Math.min(last, beyond),
      definition: begin.plus(Affine.of(counter).times(step)),
    }
    const block: Statement[] = []
    this.#into(block, () => body(variable))
    this.#block.push({ kind: 'loop', counter, begin, step, count, limit, hot, body: block })
  }

  /** Runs `body` if `low ≤ value < high`, with a variable that has the value and that range; else `otherwise`. */
  when(
    value: AffineLike,
    low: number,
    high: number,
    body: (variable: IndexVariable) => void,
    otherwise: () => void = () => {},
  ): void {
    const definition = Affine.of(value)
    const [min, max] = definition.range()
    if (min >= low && max < high) {
      body({ name: `(${definition})`, min, max, definition })
      return
    }
    if (max < low || min >= high) {
      otherwise()
      return
    }
    const variable = { name: `(${definition})`, min: Math.max(min, low), max: Math.min(max, high - 1), definition }
    const blocks: [Statement[], Statement[]] = [[], []]
    this.#into(blocks[0], () => body(variable))
    this.#into(blocks[1], otherwise)
    this.#block.push({ kind: 'when', value: definition, low, high, body: blocks[0], otherwise: blocks[1] })
  }

  /** ⌊value / divisor⌋ and value mod divisor. */
  divide(value: AffineLike, divisor: number): [quotient: IndexVariable, remainder: IndexVariable] {
    const dividend = Affine.of(value)
    const [min, max] = dividend.range()
    if (min < 0) throw new RangeError(`${this.name}: division of ${dividend}, which may be ${min}`)
    const part = (name: 'quotient' | 'remainder', low: number, high: number): IndexVariable => {
      const variable = { name: `${name[0]}${this.#registers++}`, min: low, max: high, definition: null }
      this.#block.push({ kind: 'divide', variable, part: name, value: dividend, divisor })
      return variable
    }
    const quotient = part('quotient', Math.floor(min / divisor), Math.floor(max / divisor))
    return [quotient, part('remainder', 0, Math.min(max, divisor - 1))]
  }

  /** One checked index out of an i32 buffer, in [0, bound); a bad one is reported with its `position`, by default `base`. */
  readIndex(
    buffer: BufferParameter,
    base: AffineLike,
    bound: number,
    op: number | null,
    position: AffineLike = base,
  ): IndexVariable {
    const variable = { name: `x${this.#registers++}`, min: 0, max: bound - 1, definition: null }
    this.#block.push({
      kind: 'readIndex',
      variable,
      buffer,
      base: Affine.of(base),
      bound,
      op,
      position: Affine.of(position),
    })
    return variable
  }

  /** A whole number that the kernel itself has stored, in [0, bound). */
  readStored(buffer: BufferParameter, base: AffineLike, bound: number): IndexVariable {
    return this.readIndex(buffer, base, bound, null)
  }

  // Memory

  /** Lanes i with `low ≤ at + i < high`. `first(n)` of lanes: `range(0, 0, n)`. `null` if that is always all of them. */
  range(at: AffineLike, low: number, high: number): LaneRange | null {
    const affine = Affine.of(at)
    const [min, max] = affine.range()
    return min >= low && max + this.lanes <= high ? null : { at: affine, low, high }
  }

  load(buffer: BufferParameter, base: AffineLike, options: AccessOptions = {}): Register {
    const dst = this.#register(valueTypeOf(buffer.type))
    this.#block.push({ kind: 'load', dst, access: this.#access(buffer, base, options) })
    return dst
  }

  /** One element in all lanes. */
  splat(buffer: BufferParameter, base: AffineLike): Register {
    return this.load(buffer, base, { laneStride: 0 })
  }

  store(buffer: BufferParameter, base: AffineLike, value: ValueLike, options: AccessOptions = {}): void {
    const access = this.#access(buffer, base, options)
    if (access.laneStride === 0) throw new RangeError(`${this.name}: lanes stored to ${buffer.name} need a stride`)
    const stored =
      typeof value === 'number' ? ({ kind: 'constant', type: valueTypeOf(buffer.type), value } as const) : value
    if (stored.type !== valueTypeOf(buffer.type)) {
      throw new TypeError(`${this.name}: ${stored.type} lanes stored to ${buffer.name}, which holds ${buffer.type}`)
    }
    this.#block.push({ kind: 'store', value: stored, access })
  }

  /** Says that an element will be read soon; it may lie outside of the buffer. */
  prefetch(buffer: BufferParameter, base: AffineLike): void {
    this.#block.push({ kind: 'prefetch', buffer, base: Affine.of(base) })
  }

  /**
   * Indices that `gather` takes: lanes outside [0, bound) become 0; the first is reported with the op number and its
   * position: `at` for lane 0, `laneStride` more for each further one.
   */
  checkIndices(
    indices: Value,
    bound: number,
    op: number,
    position: { readonly at: AffineLike; readonly laneStride: number },
    within: LaneRange | null = null,
  ): Register {
    const dst = this.#register('i32', bound)
    const { at, laneStride } = position
    this.#block.push({ kind: 'check', dst, indices, bound, op, position: Affine.of(at), laneStride, within })
    return dst
  }

  /** Lane i reads element `base + scale · indices[i]`. */
  gather(
    buffer: BufferParameter,
    base: AffineLike,
    indices: Register,
    scale = 1,
    within: LaneRange | null = null,
  ): Register {
    if (buffer.type !== 'f32' && buffer.type !== 'i32') {
      throw new TypeError(`${this.name}: gather from ${buffer.name}: expected f32 or i32, received ${buffer.type}`)
    }
    const dst = this.#register(valueTypeOf(buffer.type))
    this.#block.push({ kind: 'gather', dst, buffer, base: Affine.of(base), indices, scale, within })
    return dst
  }

  // Values

  int(value: number): Constant {
    return { kind: 'constant', type: 'i32', value: value | 0 }
  }

  float(value: number): Constant {
    return { kind: 'constant', type: 'f32', value: Math.fround(value) }
  }

  readScalar(parameter: ScalarParameter): Register {
    const dst = this.#register(parameter.type)
    this.#block.push({ kind: 'scalar', dst, parameter })
    return dst
  }

  /** i32 lanes `value + i · laneStride`. */
  indexLanes(value: AffineLike, laneStride: number): Register {
    const dst = this.#register('i32')
    this.#block.push({ kind: 'lanes', dst, value: Affine.of(value), laneStride })
    return dst
  }

  /** The lanes of a range as a mask for `select`; all of them for `null`. */
  mask(range: LaneRange | null): Register {
    const dst = this.#register('mask')
    const all = { at: Affine.of(0), low: 0, high: this.lanes }
    this.#block.push({ kind: 'mask', dst, range: range ?? all })
    return dst
  }

  /** A register that may be set again, for sums that a loop carries. */
  variable(initial: ValueLike): Register {
    const value = this.#value(initial)
    return this.#compute('move', value.type, [value])
  }

  /** Sets a variable. If the value was computed just now and for this, it is computed into the variable. */
  set(variable: Register, value: ValueLike): void {
    const source = this.#value(value)
    if (source.type !== variable.type) throw new TypeError(`${this.name}: ${source.type} set into ${variable.type}`)
    const last = this.#block.at(-1)
    if (last && 'dst' in last && last.dst === source && last.kind !== 'check') last.dst = variable
    else this.#block.push({ kind: 'compute', op: 'move', dst: variable, args: [source], pattern: null })
  }

  add = (a: ValueLike, b: ValueLike): Register => this.#float('add', a, b)
  sub = (a: ValueLike, b: ValueLike): Register => this.#float('sub', a, b)
  mul = (a: ValueLike, b: ValueLike): Register => this.#float('mul', a, b)
  div = (a: ValueLike, b: ValueLike): Register => this.#float('div', a, b)
  /** `a < b ? a : b`: a NaN in either gives b. */
  min = (a: ValueLike, b: ValueLike): Register => this.#float('min', a, b)
  /** `a > b ? a : b`: a NaN in either gives b. */
  max = (a: ValueLike, b: ValueLike): Register => this.#float('max', a, b)
  /** a·b + c */
  fma = (a: ValueLike, b: ValueLike, c: ValueLike): Register => this.#float('fma', a, b, c)
  /** c − a·b */
  fnma = (a: ValueLike, b: ValueLike, c: ValueLike): Register => this.#float('fnma', a, b, c)
  sqrt = (a: ValueLike): Register => this.#float('sqrt', a)
  abs = (a: ValueLike): Register => this.#float('abs', a)
  neg = (a: ValueLike): Register => this.#float('neg', a)
  round = (a: ValueLike): Register => this.#float('round', a)
  floor = (a: ValueLike): Register => this.#float('floor', a)
  ceil = (a: ValueLike): Register => this.#float('ceil', a)
  trunc = (a: ValueLike): Register => this.#float('trunc', a)
  reduceAdd = (a: ValueLike): Register => this.#float('reduceAdd', a)
  reduceMax = (a: ValueLike): Register => this.#float('reduceMax', a)
  reduceMin = (a: ValueLike): Register => this.#float('reduceMin', a)

  lt = (a: ValueLike, b: ValueLike): Register => this.#compute('lt', 'mask', this.#typed('f32', a, b))
  le = (a: ValueLike, b: ValueLike): Register => this.#compute('le', 'mask', this.#typed('f32', a, b))
  gt = (a: ValueLike, b: ValueLike): Register => this.lt(b, a)
  ge = (a: ValueLike, b: ValueLike): Register => this.le(b, a)
  eq = (a: ValueLike, b: ValueLike): Register => this.#compute('eq', 'mask', this.#typed('f32', a, b))
  ne = (a: ValueLike, b: ValueLike): Register => this.#compute('ne', 'mask', this.#typed('f32', a, b))

  iadd = (a: Value, b: Value): Register => this.#int('iadd', a, b)
  isub = (a: Value, b: Value): Register => this.#int('isub', a, b)
  imul = (a: Value, b: Value): Register => this.#int('imul', a, b)
  imin = (a: Value, b: Value): Register => this.#int('imin', a, b)
  imax = (a: Value, b: Value): Register => this.#int('imax', a, b)
  iand = (a: Value, b: Value): Register => this.#int('iand', a, b)
  ior = (a: Value, b: Value): Register => this.#int('ior', a, b)
  ixor = (a: Value, b: Value): Register => this.#int('ixor', a, b)
  shl = (a: Value, count: number): Register => this.#int('shl', a, this.int(count))
  /** Shifts zeros in. */
  shr = (a: Value, count: number): Register => this.#int('shr', a, this.int(count))
  /** Shifts the sign in. */
  sar = (a: Value, count: number): Register => this.#int('sar', a, this.int(count))
  rotl = (a: Value, count: number): Register => this.#int('rotl', a, this.int(count))
  ilt = (a: Value, b: Value): Register => this.#compute('ilt', 'mask', this.#typed('i32', a, b))
  ieq = (a: Value, b: Value): Register => this.#compute('ieq', 'mask', this.#typed('i32', a, b))

  mand = (a: Register, b: Register): Register => this.#compute('mand', 'mask', [a, b])
  mor = (a: Register, b: Register): Register => this.#compute('mor', 'mask', [a, b])
  mnot = (a: Register): Register => this.#compute('mnot', 'mask', [a])

  /** `mask ? a : b` */
  select(mask: Register, a: ValueLike, b: ValueLike): Register {
    const [x, y] = [this.#value(a), this.#value(b)]
    if (mask.type !== 'mask' || x.type !== y.type) {
      throw new TypeError(
        `${this.name}: select needs a mask and two values of one type, received ${mask.type}, ${x.type}, ${y.type}`,
      )
    }
    return this.#compute('select', x.type, [mask, x, y])
  }

  toF32 = (a: Value): Register => this.#compute('toF32', 'f32', this.#typed('i32', a))
  toI32 = (a: ValueLike): Register => this.#compute('toI32', 'i32', this.#typed('f32', a))
  truncI32 = (a: ValueLike): Register => this.#compute('truncI32', 'i32', this.#typed('f32', a))
  bitsOf = (a: ValueLike): Register => this.#compute('bitsOf', 'i32', this.#typed('f32', a))
  fromBits = (a: Value): Register => this.#compute('fromBits', 'f32', this.#typed('i32', a))

  /** Lane i = lane `pattern[i]` of a. */
  permute(a: Register, pattern: readonly number[]): Register {
    return this.#compute('permute', a.type, [a], pattern)
  }
  /** Lane i = lane `pattern[i]` of a and b, one behind the other. */
  permute2(a: Register, b: Register, pattern: readonly number[]): Register {
    return this.#compute('permute2', a.type, [a, b], pattern)
  }

  #parameter<P extends Parameter>(parameter: P): P {
    this.#parameters.push(parameter)
    return parameter
  }

  #into(block: Statement[], write: () => void): void {
    const outer = this.#block
    this.#block = block
    write()
    this.#block = outer
  }

  #register(type: ValueType, bound: number | null = null): Register {
    return { kind: 'register', id: this.#registers++, type, bound }
  }

  #access(buffer: BufferParameter, base: AffineLike, { laneStride = 1, within = null }: AccessOptions): Access {
    if (laneStride === 0 && within) throw new RangeError(`${this.name}: a range of lanes has no meaning for a splat`)
    return { buffer, base: Affine.of(base), laneStride, within }
  }

  #value(value: ValueLike): Value {
    return typeof value === 'number' ? this.float(value) : value
  }

  #typed(type: 'f32' | 'i32', ...values: ValueLike[]): Value[] {
    return values.map((value) => {
      const result = this.#value(value)
      if (result.type !== type) throw new TypeError(`${this.name}: expected ${type} lanes, received ${result.type}`)
      return result
    })
  }

  #float(op: ComputeOp, ...args: ValueLike[]): Register {
    return this.#compute(op, 'f32', this.#typed('f32', ...args))
  }

  #int(op: ComputeOp, ...args: Value[]): Register {
    return this.#compute(op, 'i32', this.#typed('i32', ...args))
  }

  #compute(op: ComputeOp, type: ValueType, args: readonly Value[], pattern: readonly number[] | null = null): Register {
    const dst = this.#register(type)
    this.#block.push({ kind: 'compute', op, dst, args, pattern })
    return dst
  }
}
