import type { DType } from '../../core/dtype.ts'
import type { FileError } from '../../core/errors.ts'
import { sizeOf } from '../../core/shape.ts'
import { buffer } from '../../graph/ops/leaves.ts'
import { Tensor } from '../../tensor/tensor.ts'
import type { Allowance } from '../allowance.ts'
import { dtypeOf, type ElementType, storedBytes, takeElements } from '../elements.ts'
import type { TensorProto } from './onnx-pb.ts'

/** Names of ONNX's element types, by their numbers. */
const names: readonly string[] = [
  ...[
    'UNDEFINED',
    'FLOAT',
    'UINT8',
    'INT8',
    'UINT16',
    'INT16',
    'INT32',
    'INT64',
    'STRING',
    'BOOL',
    'FLOAT16',
    'DOUBLE',
  ],
  ...['UINT32', 'UINT64', 'COMPLEX64', 'COMPLEX128', 'BFLOAT16', 'FLOAT8E4M3FN', 'FLOAT8E4M3FNUZ', 'FLOAT8E5M2'],
  ...['FLOAT8E5M2FNUZ', 'UINT4', 'INT4', 'FLOAT4E2M1', 'FLOAT8E8M0', 'UINT2', 'INT2', 'FLOAT6E2M3', 'FLOAT6E3M2'],
]

/** What errors call element type `code`. */
export function elementTypeName(code: number): string {
  return names[code] ?? `number ${code}`
}

/** ONNX's numbers of the element types that can be read. */
const elementTypes: ReadonlyMap<number, ElementType> = new Map<number, ElementType>([
  [1, 'float32'],
  [2, 'uint8'],
  [3, 'int8'],
  [4, 'uint16'],
  [5, 'int16'],
  [6, 'int32'],
  [7, 'int64'],
  [9, 'bool'],
  [10, 'float16'],
  [11, 'float64'],
  [12, 'uint32'],
  [13, 'uint64'],
  [16, 'bfloat16'],
  [17, 'float8_e4m3fn'],
  [19, 'float8_e5m2'],
  [24, 'float8_e8m0fnu'],
])

/** Those that are computed with here: int64 becomes int32, with a range check where it is read. */
const computed: ReadonlySet<ElementType> = new Set<ElementType>([
  ...(['float32', 'float64', 'float16', 'bfloat16', 'int32', 'int64', 'uint8', 'bool'] as const),
])

/** The dtype that computing uses for ONNX's element type `code`; undefined where there is none. */
export function computingDType(code: number): DType | undefined {
  const type = elementTypes.get(code)
  return type && computed.has(type) ? dtypeOf(type) : undefined
}

/** How our own files say of a tensor that it is no parameter. */
export const untrainedMark: { readonly key: string; readonly value: string } = { key: 'gradus', value: 'buffer' }

/** Whether a file says so. */
export function isMarkedUntrained({ metadataProps }: TensorProto): boolean {
  return metadataProps.some(({ key, value }) => key === untrainedMark.key && value === untrainedMark.value)
}

export interface Reading {
  /** Makes the error for a problem with this tensor. */
  readonly fail: (problem: string) => FileError
  readonly allowance: Allowance
  /** The bytes of a tensor that lie in a file of their own. */
  readonly external?: (entries: ReadonlyMap<string, string>, bytes: number) => Promise<Uint8Array<ArrayBuffer>>
}

/** The tensor that a message holds. 64-bit integers must fit into 32 bits; the largest and smallest stand for "as far as there is". */
export async function readTensor(message: TensorProto, { fail, allowance, external }: Reading): Promise<Tensor> {
  const type = elementTypes.get(message.dataType)
  if (!type) throw fail(`element type ${elementTypeName(message.dataType)} is not supported`)
  const shape = message.dims.map(Number)
  const count = sizeOf(shape)
  if (!shape.every((size) => Number.isSafeInteger(size) && size >= 0) || !Number.isSafeInteger(count))
    throw fail(`its shape [${shape.join(', ')}] is none`)
  const length = count * storedBytes(type)
  // Shapes are believed only as far as there are bytes.
  const stored = message.dataLocation === 1 ? undefined : (rawBytes(message) ?? listedBytes(message, type))
  if (stored && stored.length !== length)
    throw fail(`has ${stored.length} bytes, shape [${shape.join(', ')}] of ${type} needs ${length}`)
  if (!stored && !external) throw fail('its data lie in another file; load the model by its path')
  allowance.take(2 * length, 'its data')
  const bytes = stored ?? (await external!(new Map(message.externalData.map(({ key, value }) => [key, value])), length))
  if (type === 'int64') limitExtremes(bytes)
  return new Tensor(buffer(takeElements(bytes, type, fail), shape, dtypeOf(type)))
}

function rawBytes({ rawData }: TensorProto): Uint8Array<ArrayBuffer> | undefined {
  return rawData.length > 0 ? (rawData.slice() as Uint8Array<ArrayBuffer>) : undefined
}

/** Elements given as numbers: narrow types, and the bits of half-precision floats, as int32. */
function listedBytes(message: TensorProto, type: ElementType): Uint8Array<ArrayBuffer> {
  const { int32Data: words } = message
  const elements =
    type === 'float32'
      ? Float32Array.from(message.floatData)
      : type === 'float64'
        ? Float64Array.from(message.doubleData)
        : type === 'int64'
          ? BigInt64Array.from(message.int64Data)
          : type === 'uint64' || type === 'uint32'
            ? asUnsigned(message.uint64Data, type)
            : storedBytes(type) === 1
              ? Uint8Array.from(words)
              : storedBytes(type) === 2
                ? Uint16Array.from(words)
                : Int32Array.from(words)
  return new Uint8Array(elements.buffer as ArrayBuffer)
}

function asUnsigned(values: readonly bigint[], type: 'uint32' | 'uint64'): BigUint64Array | Uint32Array {
  return type === 'uint64' ? BigUint64Array.from(values) : Uint32Array.from(values, Number)
}

/** From here on a 64-bit integer is no number but a limit: `x[1:]` is written as the slice from 1 to 2⁶³ − 1. */
const limit = 2n ** 62n

function limitExtremes(bytes: Uint8Array<ArrayBuffer>): void {
  const values = new BigInt64Array(bytes.buffer, bytes.byteOffset, bytes.length / 8)
  for (let i = 0; i < values.length; i++) {
    if (values[i]! >= limit) values[i] = 2n ** 31n - 1n
    else if (values[i]! <= -limit) values[i] = -(2n ** 31n)
  }
}
