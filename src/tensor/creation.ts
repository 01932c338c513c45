import { allocate, checkDType, convertValues, type DType, toStorage, type TypedArray } from '../core/dtype.ts'
import { IndexError, ShapeError } from '../core/errors.ts'
import { checkShape, formatShape, type Shape, sizeOf } from '../core/shape.ts'
import { buffer, constant, iota } from '../graph/ops/leaves.ts'
import { broadcastTo, reshape } from '../graph/ops/views.ts'
import { type NestedArray, wrap } from './base.ts'
import type { Tensor } from './tensor.ts'

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
 * A tensor with a copy of `data`. Typed arrays take a `shape` (default: one dimension). int64 data is narrowed to int32
 * and checked.
 */
export function tensor(data: TensorData, options: TensorOptions & { shape?: Shape } = {}): Tensor {
  const { values, shape, natural } = ArrayBuffer.isView(data) ? fromTypedArray(data) : fromNested(data as NestedArray)
  const dtype = checkDType('tensor', options.dtype ?? natural)
  const wanted = checkShape('tensor', options.shape ?? shape)
  if (sizeOf(wanted) !== values.length) {
    throw new ShapeError('tensor', `${values.length} elements do not fill shape ${formatShape(wanted)}`)
  }
  return finish(wrap(buffer(toStorage(convertValues(values, dtype), dtype), wanted, dtype)), options)
}

interface Parsed {
  readonly values: ArrayLike<number>
  readonly shape: Shape
  readonly natural: DType
}

function fromTypedArray(data: Exclude<TensorData, NestedArray | readonly NestedArray[]>): Parsed {
  if (data instanceof BigInt64Array) return { values: narrowInt64(data), shape: [data.length], natural: 'int32' }
  const natural: DType =
    data instanceof Float64Array
      ? 'float64'
      : data instanceof Int32Array
        ? 'int32'
        : data instanceof Uint8Array
          ? 'uint8'
          : 'float32'
  return { values: data, shape: [data.length], natural }
}

function narrowInt64(data: BigInt64Array): Int32Array {
  const out = new Int32Array(data.length)
  data.forEach((value, i) => {
    out[i] = Number(value)
    if (BigInt(out[i]!) !== value)
      throw new IndexError('tensor', `int64 value ${value} at position ${i} does not fit into int32`)
  })
  return out
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
      for (const part of item) visit(part, depth + 1)
      return
    }
    if (depth !== shape.length)
      throw new ShapeError('tensor', `nested arrays are ragged: a ${typeof item} at depth ${depth}, arrays elsewhere`)
    booleans &&= typeof item === 'boolean'
    values.push(Number(item))
  }
  visit(data, 0)
  return { values, shape, natural: booleans && values.length > 0 ? 'bool' : 'float32' }
}

function finish(x: Tensor, { requiresGrad = false }: TensorOptions): Tensor {
  return requiresGrad ? x.requireGrad() : x
}

/** `shape` filled with one number. */
export function full(shape: Shape, value: number, options: TensorOptions = {}): Tensor {
  const dtype = checkDType('full', options.dtype ?? 'float32')
  checkShape('full', shape)
  if (!options.requiresGrad) return wrap(broadcastTo(constant(value, dtype), shape))
  const data: TypedArray = allocate(dtype, sizeOf(shape)).fill(0)
  return finish(wrap(buffer(toStorage(convertValues(data, dtype).fill(value), dtype), shape, dtype)), options)
}

export function zeros(shape: Shape, options: TensorOptions = {}): Tensor {
  return full(shape, 0, options)
}

export function ones(shape: Shape, options: TensorOptions = {}): Tensor {
  return full(shape, 1, options)
}

/** 0, 1 ... n − 1 in `shape` [n]. */
export function range(length: number, dtype: DType = 'int32'): Tensor {
  return wrap(reshape(iota(length, dtype), [length]))
}
