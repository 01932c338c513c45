import { type DType, toStorage, type TypedArray } from '../core/dtype.ts'
import { ValueError } from '../core/errors.ts'
import { sizeOf } from '../core/shape.ts'
import { buffer } from '../graph/ops/leaves.ts'
import { Tensor } from '../tensor/tensor.ts'
import { writeFileAtomic } from './atomic-file.ts'
import {
  damaged,
  type Entry,
  type Format,
  formatHeader,
  formats,
  parseHeader,
  parsePrefix,
  prefixBytes,
} from './safetensors-header.ts'
import { fileError } from './system-error.ts'

/** What a safetensors file holds. */
export interface Safetensors {
  /** In the order in which they lie in the file. */
  readonly tensors: ReadonlyMap<string, Tensor>
  readonly metadata: Readonly<Record<string, string>>
}

export interface SafetensorsOptions {
  /** Texts kept in the header. Default none. */
  readonly metadata?: Readonly<Record<string, string>>
}

/** Tensors by name. */
export type NamedTensors = ReadonlyMap<string, Tensor> | Readonly<Record<string, Tensor>>

/**
 * Reads a safetensors file. F32, F64, F16, BF16, I32, U8 and BOOL keep their dtype, I64 is narrowed to int32.
 *
 * Throws a `FileError` when the file is absent, truncated, inconsistent in any way, holds another dtype, or an I64 value
 * that does not fit.
 */
export async function loadSafetensors(path: string): Promise<Safetensors> {
  const { open } = await import('node:fs/promises')
  try {
    const file = await open(path, 'r')
    try {
      const { size } = await file.stat()
      return await readSafetensors(path, size, async (from, length) => {
        const bytes = new Uint8Array(length)
        for (let done = 0; done < length; ) {
          const { bytesRead } = await file.read(bytes, done, length - done, from + done)
          if (bytesRead === 0) throw damaged(path, 'was cut short while being read')
          done += bytesRead
        }
        return bytes
      })
    } finally {
      await file.close()
    }
  } catch (error) {
    throw fileError('safetensors', path, error)
  }
}

/** The content of a safetensors file given as bytes; `name` is used in errors. Errors as {@link loadSafetensors}. */
export async function decodeSafetensors(bytes: Uint8Array, name = 'data'): Promise<Safetensors> {
  // Not slice: that of Node's Buffer does not copy.
  return readSafetensors(
    name,
    bytes.length,
    async (from, length) => new Uint8Array(bytes.subarray(from, from + length)),
  )
}

/**
 * Writes tensors to a safetensors file, whole or not at all: see {@link writeFileAtomic}. `safetensors.torch.load_file`
 * reads it.
 */
export async function saveSafetensors(
  path: string,
  tensors: NamedTensors,
  options: SafetensorsOptions = {},
): Promise<void> {
  await writeFileAtomic(path, await encode(tensors, options))
}

/** The bytes of a safetensors file. */
export async function encodeSafetensors(tensors: NamedTensors, options: SafetensorsOptions = {}): Promise<Uint8Array> {
  const chunks = await encode(tensors, options)
  const out = new Uint8Array(chunks.reduce((sum, chunk) => sum + chunk.length, 0))
  let at = 0
  for (const chunk of chunks) {
    out.set(chunk, at)
    at += chunk.length
  }
  return out
}

/** `read` gives a fresh copy of some bytes of the file. */
async function readSafetensors(
  file: string,
  fileBytes: number,
  read: (from: number, length: number) => Promise<Uint8Array>,
): Promise<Safetensors> {
  const headerBytes = parsePrefix(file, await read(0, Math.min(prefixBytes, fileBytes)), fileBytes)
  const dataFrom = prefixBytes + headerBytes
  const { entries, metadata } = parseHeader(file, await read(prefixBytes, headerBytes), fileBytes - dataFrom)
  const tensors = new Map<string, Tensor>()
  for (const entry of entries) {
    const bytes = await read(dataFrom + entry.begin, entry.end - entry.begin)
    tensors.set(entry.name, new Tensor(buffer(fromBytes(file, entry, bytes), entry.shape, formats[entry.format].dtype)))
  }
  return { tensors, metadata }
}

function fromBytes(file: string, { name, format, shape }: Entry, { buffer: bytes }: Uint8Array): TypedArray {
  switch (format) {
    case 'F32':
      return new Float32Array(bytes)
    case 'F64':
      return new Float64Array(bytes)
    case 'F16':
    case 'BF16':
      return new Uint16Array(bytes)
    case 'I32':
      return new Int32Array(bytes)
    case 'U8':
      return new Uint8Array(bytes)
    case 'BOOL': {
      const bools = new Uint8Array(bytes)
      const bad = bools.find((value) => value > 1)
      if (bad !== undefined) throw damaged(file, `tensor '${name}': a BOOL must be 0 or 1, received ${bad}`)
      return bools
    }
    case 'I64': {
      const wide = new BigInt64Array(bytes)
      const narrow = new Int32Array(sizeOf(shape))
      for (const [i, value] of wide.entries()) {
        narrow[i] = Number(value)
        if (BigInt(narrow[i]!) !== value) {
          throw damaged(file, `tensor '${name}': I64 value ${value} does not fit into int32`)
        }
      }
      return narrow
    }
  }
}

const formatOf: Readonly<Record<DType, Format>> = {
  float32: 'F32',
  float64: 'F64',
  float16: 'F16',
  bfloat16: 'BF16',
  int32: 'I32',
  uint8: 'U8',
  bool: 'BOOL',
}

/** Header and data. Wide dtypes come first, so that every tensor is aligned; within a dtype the names are sorted. */
async function encode(tensors: NamedTensors, { metadata = {} }: SafetensorsOptions): Promise<Uint8Array[]> {
  const list: [string, Tensor][] = tensors instanceof Map ? [...tensors] : Object.entries(tensors)
  const order = Object.keys(formats)
  const rank = (x: Tensor): number => order.indexOf(formatOf[x.dtype])
  list.sort(([a, x], [b, y]) => rank(x) - rank(y) || (a < b ? -1 : 1))
  const chunks: Uint8Array[] = []
  const entries: Entry[] = []
  let at = 0
  for (const [name, x] of list) {
    if (name === '__metadata__') throw new ValueError('safetensors', `a tensor cannot be named '${name}'`)
    const stored = toStorage(await x.data(), x.dtype)
    const bytes = new Uint8Array(stored.buffer, stored.byteOffset, stored.byteLength)
    chunks.push(bytes)
    entries.push({ name, format: formatOf[x.dtype], shape: x.shape, begin: at, end: at + bytes.length })
    at += bytes.length
  }
  return [formatHeader({ entries, metadata }), ...chunks]
}
