/**
 * Lane code: what one kernel does, in structured loops over virtual vector registers of `lanes` 32-bit lanes. It says nothing of a target's
 * registers or instructions; emitters only turn it into bytes, the interpreter runs it, the verifier proves its accesses in bounds.
 *
 * A program is called once for each chunk. Its parameters are the cells of the argument block, 8 bytes each, in order: the address of a buffer,
 * or a 32-bit scalar in the low half.
 */
import type { Affine, IndexVariable } from './affine.ts'

/** What a buffer holds. Loads widen to f32 or i32, stores narrow again (f16, bf16: round to nearest even; u8: the low byte). */
export type ElementType = 'f32' | 'i32' | 'f16' | 'bf16' | 'u8'
/** What a register holds in every lane. A mask holds one bit a lane. */
export type ValueType = 'f32' | 'i32' | 'mask'

export const elementBytes: Readonly<Record<ElementType, number>> = { f32: 4, i32: 4, f16: 2, bf16: 2, u8: 1 }

/** The type in which elements are computed. */
export function valueTypeOf(element: ElementType): 'f32' | 'i32' {
  return element === 'i32' || element === 'u8' ? 'i32' : 'f32'
}

/** A buffer parameter. */
export interface BufferParameter {
  readonly kind: 'buffer'
  readonly name: string
  readonly cell: number
  readonly type: ElementType
  /** Elements; of working memory, those of one thread. */
  readonly length: number
  /** Elements between the parts of threads in working memory: thread t owns elements from t · threadStride on. 0: all share the buffer. */
  readonly threadStride: number
}
/** A number that may change from run to run: a learning rate, a step count. */
export interface ScalarParameter {
  readonly kind: 'scalar'
  readonly name: string
  readonly cell: number
  readonly type: 'f32' | 'i32'
}
/** Address of the error cell of the plan: 32-bit code (1: index out of range), 32-bit op number, 64-bit index, size and position. */
export interface ErrorParameter {
  readonly kind: 'error'
  readonly name: string
  readonly cell: number
}
export type Parameter = BufferParameter | ScalarParameter | ErrorParameter

/** A virtual vector register. */
export interface Register {
  readonly kind: 'register'
  readonly id: number
  readonly type: ValueType
  /** Set for checked indices: every lane is in [0, bound). */
  readonly bound: number | null
}
/** The same number in every lane. */
export interface Constant {
  readonly kind: 'constant'
  readonly type: 'f32' | 'i32'
  readonly value: number
}
export type Value = Register | Constant

/** Lanes i with `low ≤ at + i < high`. */
export interface LaneRange {
  readonly at: Affine
  readonly low: number
  readonly high: number
}

/** Lane i touches element `base + i · laneStride`. */
export interface Access {
  readonly buffer: BufferParameter
  readonly base: Affine
  /** 1: contiguous; 0: one element for all lanes (loads only). */
  readonly laneStride: number
  /** Lanes outside are not touched; a load gives 0 there. `null`: all lanes. */
  readonly within: LaneRange | null
}

/**
 * Arithmetic on lanes. `min(a, b) = a < b ? a : b` and `max(a, b) = a > b ? a : b`, so that a NaN in either gives b. `fma(a, b, c) = a·b + c`
 * and `fnma(a, b, c) = c − a·b`, rounded once. `round` is to nearest even. Comparisons with NaN are false but for `ne`. `toI32` rounds to
 * nearest even, `truncI32` towards zero; what does not fit gives −2³¹. Shifts and `rotl` take a constant count. `reduceX` folds the upper half
 * of the lanes onto the lower one until one is left, and gives it in every lane. `permute` and `permute2` take lanes of a, or of a and b one
 * behind the other, by a constant pattern.
 */
export type ComputeOp =
  | 'move'
  | 'add'
  | 'sub'
  | 'mul'
  | 'div'
  | 'min'
  | 'max'
  | 'fma'
  | 'fnma'
  | 'sqrt'
  | 'abs'
  | 'neg'
  | 'round'
  | 'floor'
  | 'ceil'
  | 'trunc'
  | 'lt'
  | 'le'
  | 'eq'
  | 'ne'
  | 'iadd'
  | 'isub'
  | 'imul'
  | 'imin'
  | 'imax'
  | 'iand'
  | 'ior'
  | 'ixor'
  | 'shl'
  | 'shr'
  | 'sar'
  | 'rotl'
  | 'ilt'
  | 'ieq'
  | 'select'
  | 'mand'
  | 'mor'
  | 'mnot'
  | 'toF32'
  | 'toI32'
  | 'truncI32'
  | 'bitsOf'
  | 'fromBits'
  | 'reduceAdd'
  | 'reduceMax'
  | 'reduceMin'
  | 'permute'
  | 'permute2'

export interface Compute {
  readonly kind: 'compute'
  readonly op: ComputeOp
  dst: Register
  readonly args: readonly Value[]
  /** Lanes of `permute` and `permute2`. */
  readonly pattern: readonly number[] | null
}
export interface Load {
  readonly kind: 'load'
  dst: Register
  readonly access: Access
}
export interface Store {
  readonly kind: 'store'
  readonly value: Value
  readonly access: Access
}
/** The cache line of an element will be read soon. It need not exist. */
export interface Prefetch {
  readonly kind: 'prefetch'
  readonly buffer: BufferParameter
  readonly base: Affine
}
/** Lane i reads element `base + scale · indices[i]`; `indices` has a bound. Lanes outside `within` give 0. */
export interface Gather {
  readonly kind: 'gather'
  dst: Register
  readonly buffer: BufferParameter
  readonly base: Affine
  readonly indices: Register
  readonly scale: number
  readonly within: LaneRange | null
}
/** dst = indices; lanes outside [0, bound) become 0 and are reported to the error cell with the op number and the position. */
export interface CheckIndices {
  readonly kind: 'check'
  dst: Register
  readonly indices: Value
  readonly bound: number
  readonly op: number
  /** Lane i holds the index at `position + i · laneStride`. */
  readonly position: Affine
  readonly laneStride: number
  /** Lanes outside are not looked at; they become 0. */
  readonly within: LaneRange | null
}
/** dst = the parameter in every lane. */
export interface ReadScalar {
  readonly kind: 'scalar'
  dst: Register
  readonly parameter: ScalarParameter
}
/** dst (i32) = value + laneStride · i */
export interface IndexToLanes {
  readonly kind: 'lanes'
  dst: Register
  readonly value: Affine
  readonly laneStride: number
}
/** dst (mask) = lanes of the range */
export interface RangeToMask {
  readonly kind: 'mask'
  dst: Register
  readonly range: LaneRange
}
/** variable = ⌊value / divisor⌋ or value mod divisor (value ≥ 0) */
export interface Divide {
  readonly kind: 'divide'
  readonly variable: IndexVariable
  readonly part: 'quotient' | 'remainder'
  readonly value: Affine
  readonly divisor: number
}
/** variable = element `base` of an i32 buffer; outside [0, bound) it is 0 and is reported to the error cell, unless there is no `op`. */
export interface ReadIndex {
  readonly kind: 'readIndex'
  readonly variable: IndexVariable
  readonly buffer: BufferParameter
  readonly base: Affine
  readonly bound: number
  readonly op: number | null
  /** Where the index stands, as reports say it. */
  readonly position: Affine
}
/** Runs the body with counter = 0, 1, ... count − 1, but only while `begin + step · counter < limit`. */
export interface Loop {
  readonly kind: 'loop'
  readonly counter: IndexVariable
  readonly begin: Affine
  readonly step: number
  readonly count: number
  readonly limit: number | null
  /** Nothing may be spilled to memory inside (contractions). */
  readonly hot: boolean
  readonly body: Statement[]
}
/** Runs the body if `low ≤ value < high`, else the other one. */
export interface When {
  readonly kind: 'when'
  readonly value: Affine
  readonly low: number
  readonly high: number
  readonly body: Statement[]
  readonly otherwise: Statement[]
}

export type Statement =
  | Compute
  | Load
  | Store
  | Prefetch
  | Gather
  | CheckIndices
  | ReadScalar
  | IndexToLanes
  | RangeToMask
  | Divide
  | ReadIndex
  | Loop
  | When

export interface LaneProgram {
  readonly name: string
  readonly lanes: number
  /** The kernel is called with chunk numbers 0 to chunks − 1. */
  readonly chunks: number
  readonly chunk: IndexVariable
  readonly parameters: readonly Parameter[]
  readonly body: readonly Statement[]
  readonly registers: number
}

/** Register that a statement defines, or `null`. */
export function definedBy(statement: Statement): Register | null {
  return 'dst' in statement ? statement.dst : null
}

/** Registers that a statement reads, those of nested statements not included. */
export function usedBy(statement: Statement): readonly Register[] {
  switch (statement.kind) {
    case 'compute':
      return statement.args.every(isRegister) ? statement.args : statement.args.filter(isRegister)
    case 'store':
      return isRegister(statement.value) ? [statement.value] : none
    case 'gather':
      return [statement.indices]
    case 'check':
      return isRegister(statement.indices) ? [statement.indices] : none
    default:
      return none
  }
}

const none: readonly Register[] = []

function isRegister(value: Value): value is Register {
  return value.kind === 'register'
}
