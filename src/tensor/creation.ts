import { checkDType, convertValues, type DType, isFloating, toStorage } from '../core/dtype.ts'
import { DTypeError, ShapeError, ValueError } from '../core/errors.ts'
import { checkShape, formatShape, type Shape, sizeOf } from '../core/shape.ts'
import { interpret } from '../graph/interpret.ts'
import type { Node } from '../graph/node.ts'
import { add, mul } from '../graph/ops/arithmetic.ts'
import { buffer, constant, iota, scalar } from '../graph/ops/leaves.ts'
import { cast, equal } from '../graph/ops/logic.ts'
import { broadcastTo, reshape } from '../graph/ops/views.ts'
import type { NestedArray } from './base.ts'
import { Tensor } from './tensor.ts'

export interface TensorOptions {
  /** Default: float32 for numbers, bool for booleans, the array's own type for typed arrays. */
  readonly dtype?: DType
  /** Whether gradients are collected. Default false. */
  readonly requiresGrad?: boolean
}

/** What `tensor()` takes: numbers and booleans nested to any depth, or a typed array (with a shape of its own). */
export type TensorData =
  | NestedArray
  | readonly NestedArray[]
  | Float32Array
  | Float64Array
  | Int32Array
  | Uint8Array
  | BigInt64Array

/**
 * A tensor with a copy of `data`. Typed arrays take a `shape` (default: one dimension). BigInt64Array (int64) is narrowed to
 * int32 and checked. Throws a {@link ShapeError} for ragged arrays, a {@link ValueError} for numbers that an integer dtype cannot
 * hold; fractions are cut off.
 */
export function tensor(data: TensorData, options: TensorOptions & { shape?: Shape } = {}): Tensor {
  const { values, shape, natural } = ArrayBuffer.isView(data) ? fromTypedArray(data) : fromNested(data as NestedArray)
  const dtype = checkDType('tensor', options.dtype ?? natural)
  const wanted = checkShape('tensor', options.shape ?? shape)
  if (sizeOf(wanted) !== values.length) {
    throw new ShapeError('tensor', `${values.length} elements do not fill shape ${formatShape(wanted)}`)
  }
  if (dtype !== natural) checkRange(values, dtype)
  return finish(buffer(toStorage(convertValues(values, dtype), dtype), wanted, dtype), options)
}

interface Parsed {
  readonly values: ArrayLike<number>
  readonly shape: Shape
  readonly natural: DType
}

type TypedData = Exclude<TensorData, NestedArray | readonly NestedArray[]>

function fromTypedArray(data: TypedData): Parsed {
  if (data instanceof BigInt64Array) return { values: narrowInt64(data), shape: [data.length], natural: 'int32' }
  return { values: data, shape: [data.length], natural: naturalDType(data) }
}

function naturalDType(data: Exclude<TypedData, BigInt64Array>): DType {
  if (data instanceof Float32Array) return 'float32'
  if (data instanceof Float64Array) return 'float64'
  if (data instanceof Int32Array) return 'int32'
  if (data instanceof Uint8Array) return 'uint8'
  throw new DTypeError(
    'tensor',
    `takes Float32Array, Float64Array, Int32Array, Uint8Array and BigInt64Array, received ${Object.prototype.toString.call(data).slice(8, -1)}; convert with Float32Array.from()`,
  )
}

function narrowInt64(data: BigInt64Array): Int32Array {
  const out = new Int32Array(data.length)
  data.forEach((value, i) => {
    out[i] = Number(value)
    if (BigInt(out[i]!) !== value)
      throw new ValueError('tensor', `int64 value ${value} at position ${i} does not fit into int32`)
  })
  return out
}

const ranges: Partial<Record<DType, readonly [number, number]>> = { int32: [-(2 ** 31), 2 ** 31 - 1], uint8: [0, 255] }

/** Integers are never wrapped silently. */
function checkRange(values: ArrayLike<number>, dtype: DType): void {
  const range = ranges[dtype]
  if (!range) return
  for (let i = 0; i < values.length; i++) {
    const value = Math.trunc(values[i]!)
    if (!(value >= range[0] && value <= range[1])) {
      throw new ValueError('tensor', `${values[i]} at position ${i} does not fit into ${dtype}`)
    }
  }
}

function fromNested(data: NestedArray): Parsed {
  const shape: number[] = []
  for (let level: NestedArray | undefined = data; Array.isArray(level); level = level[0]) shape.push(level.length)
  const values: number[] = []
  let booleans = true
  const visit = (item: NestedArray | undefined, depth: number): void => {
    if (Array.isArray(item)) {
      if (item.length !== shape[depth]) {
        throw new ShapeError(
          'tensor',
          `nested arrays are ragged: expected ${shape[depth] ?? 'a number'} at depth ${depth}, received ${item.length} elements`,
        )
      }
      for (let i = 0; i < item.length; i++) visit(item[i], depth + 1)
      return
    }
    if (typeof item !== 'number' && typeof item !== 'boolean') {
      throw new DTypeError(
        'tensor',
        `expects numbers or booleans, received ${item === null ? 'null' : typeof item} at position ${values.length}`,
      )
    }
    if (depth !== shape.length)
      throw new ShapeError('tensor', `nested arrays are ragged: a ${typeof item} at depth ${depth}, arrays elsewhere`)
    booleans &&= typeof item === 'boolean'
    values.push(Number(item))
  }
  visit(data, 0)
  return { values, shape, natural: booleans && values.length > 0 ? 'bool' : 'float32' }
}

/** What collects gradients holds its elements; everything else is computed where it is used. */
function finish(node: Node, { requiresGrad = false }: TensorOptions): Tensor {
  if (!requiresGrad) return new Tensor(node)
  const leaf = node.value ? node : buffer(interpret([node])[0]!, node.shape, node.dtype)
  return new Tensor(leaf).requireGrad()
}

function filled(op: string, shape: Shape, value: number | boolean, options: TensorOptions): Tensor {
  const dtype = checkDType(op, options.dtype ?? (typeof value === 'boolean' ? 'bool' : 'float32'))
  return finish(broadcastTo(scalar(Number(value), dtype), checkShape(op, shape)), options)
}

/** `shape` filled with one value. Default dtype: float32 for a number, bool for a boolean. */
export function full(shape: Shape, value: number | boolean, options: TensorOptions = {}): Tensor {
  return filled('full', shape, value, options)
}

/** `shape` filled with 0. Default dtype: float32. */
export function zeros(shape: Shape, options: TensorOptions = {}): Tensor {
  return filled('zeros', shape, 0, options)
}

/** `shape` filled with 1. Default dtype: float32. */
export function ones(shape: Shape, options: TensorOptions = {}): Tensor {
  return filled('ones', shape, 1, options)
}

/** One value in the shape and, by default, the dtype of `x`. */
export function fullLike(x: Tensor, value: number | boolean, options: TensorOptions = {}): Tensor {
  return full(x.shape, value, { dtype: x.dtype, ...options })
}

/** 0 in the shape and, by default, the dtype of `x`. */
export function zerosLike(x: Tensor, options: TensorOptions = {}): Tensor {
  return fullLike(x, 0, options)
}

/** 1 in the shape and, by default, the dtype of `x`. */
export function onesLike(x: Tensor, options: TensorOptions = {}): Tensor {
  return fullLike(x, 1, options)
}

/** [rows, columns] with 1 on the main diagonal and 0 elsewhere. Default dtype: float32. */
export function eye(rows: number, columns: number = rows, options: TensorOptions = {}): Tensor {
  checkShape('eye', [rows, columns])
  const dtype = checkDType('eye', options.dtype ?? 'float32')
  const diagonal = equal(reshape(iota(rows), [rows, 1]), reshape(iota(columns), [1, columns]))
  return finish(cast(diagonal, dtype), options)
}

/** 0, 1 ... below `end`. */
export function arange(end: number, options?: TensorOptions): Tensor
/** start, start + step ... before `end`. Default dtype: int32 if all three are whole numbers, else float32. */
export function arange(start: number, end: number, options?: TensorOptions): Tensor
export function arange(start: number, end: number, step: number, options?: TensorOptions): Tensor
export function arange(...args: (number | TensorOptions | undefined)[]): Tensor {
  const numbers = args.filter((arg) => typeof arg === 'number')
  const options = args.find((arg): arg is TensorOptions => typeof arg === 'object') ?? {}
  const [start, end, step] = numbers.length === 1 ? [0, numbers[0]!, 1] : [numbers[0]!, numbers[1]!, numbers[2] ?? 1]
  const length = Math.ceil((end - start) / step)
  if (!(length >= 0 && Number.isFinite(length))) {
    throw new ValueError('arange', `no steps of ${step} lead from ${start} to ${end}`)
  }
  const whole = numbers.every(Number.isInteger)
  const dtype = checkDType('arange', options.dtype ?? (whole ? 'int32' : 'float32'))
  if (!whole)
    return finish(
      sequence(length, dtype, (i) => start + i * step),
      options,
    )
  const steps = mul(iota(length), constant(step, 'int32'))
  return finish(cast(add(steps, constant(start, 'int32')), dtype), options)
}

/** `steps` numbers evenly spaced from `start` to `end`, both included. Default dtype: float32. */
export function linspace(start: number, end: number, steps: number, options: TensorOptions = {}): Tensor {
  return finish(
    spaced('linspace', start, end, steps, options, (x) => x),
    options,
  )
}

/** `steps` numbers from base^start to base^end, evenly spaced in their exponents. Default base: 10. */
export function logspace(
  start: number,
  end: number,
  steps: number,
  options: TensorOptions & { readonly base?: number } = {},
): Tensor {
  const { base = 10 } = options
  return finish(
    spaced('logspace', start, end, steps, options, (x) => base ** x),
    options,
  )
}

/** Counted from the nearer end, so that both ends are exact. */
function spaced(
  op: string,
  start: number,
  end: number,
  steps: number,
  { dtype = 'float32' }: TensorOptions,
  map: (x: number) => number,
): Node {
  checkShape(op, [steps])
  const step = steps > 1 ? (end - start) / (steps - 1) : 0
  return sequence(steps, checkDType(op, dtype), (i) =>
    map(2 * i < steps ? start + i * step : end - (steps - 1 - i) * step),
  )
}

/** A leaf [length] with the values of `at`, formed in double precision. */
function sequence(length: number, dtype: DType, at: (i: number) => number): Node {
  const values = Float64Array.from({ length }, (_, i) => at(i))
  if (!isFloating(dtype)) checkRange(values, dtype)
  return buffer(toStorage(convertValues(values, dtype), dtype), [length], dtype)
}

/** Rows and columns of the elements on and below diagonal number `offset` of a [rows, columns] matrix: int32 [2, n]. */
export function trilIndices(rows: number, columns: number, offset = 0): Tensor {
  return triangleIndices('trilIndices', rows, columns, (i, j) => j - i <= offset)
}

/** Rows and columns of the elements on and above diagonal number `offset` of a [rows, columns] matrix: int32 [2, n]. */
export function triuIndices(rows: number, columns: number, offset = 0): Tensor {
  return triangleIndices('triuIndices', rows, columns, (i, j) => j - i >= offset)
}

function triangleIndices(op: string, rows: number, columns: number, inside: (i: number, j: number) => boolean): Tensor {
  checkShape(op, [rows, columns])
  const [is, js]: [number[], number[]] = [[], []]
  for (let i = 0; i < rows; i++)
    for (let j = 0; j < columns; j++) {
      if (!inside(i, j)) continue
      is.push(i)
      js.push(j)
    }
  return new Tensor(buffer(Int32Array.from([...is, ...js]), [2, is.length], 'int32'))
}
