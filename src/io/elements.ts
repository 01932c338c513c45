import { allocate, type DType, type TypedArray } from '../core/dtype.ts'
import type { FileError } from '../core/errors.ts'
import { float32ToFloat16 } from '../core/half.ts'
import { type ByteSource, readBytes } from './byte-source.ts'

/** How the elements of an array are stored in files, by PyTorch's names. */
export type ElementType =
  | DType
  | 'int8'
  | 'int16'
  | 'int64'
  | 'uint16'
  | 'uint32'
  | 'uint64'
  | 'float8_e4m3fn'
  | 'float8_e5m2'
  | 'float8_e8m0fnu'

interface Layout {
  /** Size of an element in the file. */
  readonly bytes: number
  /** What it becomes here; every value is kept exactly. */
  readonly dtype: DType
  /** Turns stored elements into those of `dtype`; undefined where they are the same bits. */
  readonly convert?: (bytes: Uint8Array, out: TypedArray, fail: Fail) => void
}

/** Makes the error for a value that cannot be kept. */
export type Fail = (problem: string) => FileError

type Elements<T> = new (buffer: ArrayBufferLike, offset: number, length: number) => ArrayLike<T>

/** Elements that a narrower or wider integer type takes as they are. */
function widened(make: Elements<number>): NonNullable<Layout['convert']> {
  return (bytes, out) => {
    const stored = new make(bytes.buffer, bytes.byteOffset, out.length)
    for (let i = 0; i < out.length; i++) out[i] = stored[i]!
  }
}

/** Elements that may not fit into int32: each is compared with what it became. */
function narrowed<T extends number | bigint>(name: string, make: Elements<T>): NonNullable<Layout['convert']> {
  return (bytes, out, fail) => {
    const stored = new make(bytes.buffer, bytes.byteOffset, out.length)
    for (let i = 0; i < out.length; i++) {
      const value = stored[i]!
      out[i] = Number(value)
      if (out[i] !== Number(value)) throw fail(`${name} value ${value} does not fit into int32`)
    }
  }
}

/** Eight-bit floats: what each of the 256 patterns stands for, as bits or numbers of the wider type. */
function tabled(entry: (bits: number) => number): NonNullable<Layout['convert']> {
  let table: Float64Array | undefined
  return (bytes, out) => {
    table ??= Float64Array.from({ length: 256 }, (_, bits) => entry(bits))
    for (let i = 0; i < out.length; i++) out[i] = table[bytes[i]!]!
  }
}

/** Sign, four bits of exponent with bias 7, three of fraction; no infinities, one NaN of each sign (Micikevicius et al. 2022). */
function e4m3ToFloat16(bits: number): number {
  const sign = bits & 0x80 ? -1 : 1
  const exponent = (bits >> 3) & 15
  const fraction = bits & 7
  if (exponent === 15 && fraction === 7) return float32ToFloat16(Number.NaN)
  const magnitude = exponent === 0 ? fraction * 2 ** -9 : (1 + fraction / 8) * 2 ** (exponent - 7)
  return float32ToFloat16(sign * magnitude)
}

const layouts: Readonly<Record<ElementType, Layout>> = {
  bool: {
    bytes: 1,
    dtype: 'bool',
    convert(bytes, out, fail) {
      const bad = bytes.find((value) => value > 1)
      if (bad !== undefined) throw fail(`a BOOL must be 0 or 1, received ${bad}`)
      out.set(bytes)
    },
  },
  uint8: { bytes: 1, dtype: 'uint8' },
  int8: { bytes: 1, dtype: 'int32', convert: widened(Int8Array) },
  int16: { bytes: 2, dtype: 'int32', convert: widened(Int16Array) },
  uint16: { bytes: 2, dtype: 'int32', convert: widened(Uint16Array) },
  int32: { bytes: 4, dtype: 'int32' },
  uint32: { bytes: 4, dtype: 'int32', convert: narrowed('U32', Uint32Array) },
  int64: { bytes: 8, dtype: 'int32', convert: narrowed('I64', BigInt64Array) },
  uint64: { bytes: 8, dtype: 'int32', convert: narrowed('U64', BigUint64Array) },
  float8_e4m3fn: { bytes: 1, dtype: 'float16', convert: tabled(e4m3ToFloat16) },
  float8_e5m2: { bytes: 1, dtype: 'float16', convert: tabled((bits) => bits << 8) },
  float8_e8m0fnu: {
    bytes: 1,
    dtype: 'float32',
    convert: tabled((bits) => (bits === 255 ? Number.NaN : 2 ** (bits - 127))),
  },
  float16: { bytes: 2, dtype: 'float16' },
  bfloat16: { bytes: 2, dtype: 'bfloat16' },
  float32: { bytes: 4, dtype: 'float32' },
  float64: { bytes: 8, dtype: 'float64' },
}

/** Bytes of one element in a file. */
export function storedBytes(type: ElementType): number {
  return layouts[type].bytes
}

/** The dtype that stored elements have here: eight- and sixteen-bit integers become int32, as do wider ones that fit. */
export function dtypeOf(type: ElementType): DType {
  return layouts[type].dtype
}

/** Bytes converted at a time, so that narrowing needs no second copy of a tensor. */
const chunkBytes = 1 << 20

/** Reads `count` elements from position `from` on. Throws what `fail` makes of a value that cannot be kept. */
export async function readElements(
  source: ByteSource,
  from: number,
  count: number,
  type: ElementType,
  fail: Fail,
): Promise<TypedArray> {
  const { bytes, dtype, convert } = layouts[type]
  if (!convert) return takeElements(await readBytes(source, from, count * bytes), type, fail)
  const out = allocate(dtype, count)
  const step = chunkBytes / bytes
  for (let start = 0; start < count; start += step) {
    const length = Math.min(step, count - start)
    out.set(takeElements(await readBytes(source, from + start * bytes, length * bytes), type, fail), start)
  }
  return out
}

/**
 * The elements that `stored` holds, little-endian unless `bigEndian`. Bytes that fill their buffer are taken over without a
 * copy, so nobody else may keep them.
 */
export function takeElements(
  stored: Uint8Array<ArrayBuffer>,
  type: ElementType,
  fail: Fail,
  { bigEndian = false }: { bigEndian?: boolean } = {},
): TypedArray {
  const { bytes, dtype, convert } = layouts[type]
  const own = stored.byteLength === stored.buffer.byteLength ? stored : stored.slice()
  if (bigEndian) reverseElements(own, bytes)
  const count = own.length / bytes
  if (!convert) {
    const make = allocate(dtype, 0).constructor as new (buffer: ArrayBuffer) => TypedArray
    return new make(own.buffer)
  }
  const out = allocate(dtype, count)
  convert(own, out, fail)
  return out
}

function reverseElements(bytes: Uint8Array, size: number): void {
  if (size > 1) for (let at = 0; at < bytes.length; at += size) bytes.subarray(at, at + size).reverse()
}
