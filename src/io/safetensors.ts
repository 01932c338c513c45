import { bytesPerElement, type DType, toStorage } from '../core/dtype.ts'
import { ValueError } from '../core/errors.ts'
import { sizeOf } from '../core/shape.ts'
import { buffer } from '../graph/ops/leaves.ts'
import { Tensor } from '../tensor/tensor.ts'
import { writeFileAtomic } from './atomic-file.ts'
import { type ByteSource, readBytes, sourceOf, withFile } from './byte-source.ts'
import { dtypeOf, readElements } from './elements.ts'
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
import { isShardIndex, loadShards, saveShards } from './safetensors-shards.ts'

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

export interface SaveSafetensorsOptions extends SafetensorsOptions {
  /**
   * Tensors of more bytes than this are spread over several files with an index, as the hub does: `model.safetensors`
   * becomes `model-00001-of-00002.safetensors` ... and `model.safetensors.index.json`. Default: one file.
   */
  readonly maxShardBytes?: number
}

/** Tensors by name. */
export type NamedTensors = ReadonlyMap<string, Tensor> | Readonly<Record<string, Tensor>>

/**
 * Reads a safetensors file, or all that an index (`model.safetensors.index.json`) names. Floats, I32, U8 and BOOL keep their
 * dtype; I8, I16, U16 and, where all values fit, U32, I64 and U64 become int32; eight-bit floats become float16
 * (F8_E8M0 float32). Elements are read straight into the memory of their tensors: there is never a second copy of the file.
 *
 * Throws a `FileError` when the file is absent, truncated, inconsistent in any way, holds another dtype, or an integer
 * that does not fit.
 */
export async function loadSafetensors(path: string): Promise<Safetensors> {
  if (isShardIndex(path)) return loadShards(path, loadSafetensors)
  return withFile('safetensors', path, readSafetensors)
}

/** The content of a safetensors file given as bytes; `name` is used in errors. Errors as {@link loadSafetensors}. */
export async function decodeSafetensors(bytes: Uint8Array, name = 'data'): Promise<Safetensors> {
  return readSafetensors(sourceOf(bytes, name))
}

/**
 * Writes tensors to a safetensors file, whole or not at all: see {@link writeFileAtomic}. `safetensors.torch.load_file`
 * reads it.
 */
export async function saveSafetensors(
  path: string,
  tensors: NamedTensors,
  { maxShardBytes, ...options }: SaveSafetensorsOptions = {},
): Promise<void> {
  if (maxShardBytes !== undefined) {
    return saveShards(path, sorted(tensors), maxShardBytes, (file, part) => saveSafetensors(file, part, options))
  }
  await writeFileAtomic(path, encode(tensors, options))
}

/** The bytes of a safetensors file. */
export async function encodeSafetensors(tensors: NamedTensors, options: SafetensorsOptions = {}): Promise<Uint8Array> {
  const chunks: Uint8Array[] = []
  for await (const chunk of encode(tensors, options)) chunks.push(chunk)
  const out = new Uint8Array(chunks.reduce((sum, chunk) => sum + chunk.length, 0))
  let at = 0
  for (const chunk of chunks) {
    out.set(chunk, at)
    at += chunk.length
  }
  return out
}

async function readSafetensors(source: ByteSource): Promise<Safetensors> {
  const { name: file, size } = source
  const headerBytes = parsePrefix(file, await readBytes(source, 0, Math.min(prefixBytes, size)), size)
  const dataFrom = prefixBytes + headerBytes
  const header = await readBytes(source, prefixBytes, headerBytes)
  const { entries, metadata } = parseHeader(file, header, size - dataFrom)
  const tensors = new Map<string, Tensor>()
  for (const { name, format, shape, begin } of entries) {
    const type = formats[format]
    const fail = (problem: string) => damaged(file, `tensor '${name}': ${problem}`)
    const elements = await readElements(source, dataFrom + begin, sizeOf(shape), type, fail)
    tensors.set(name, new Tensor(buffer(elements, shape, dtypeOf(type))))
  }
  return { tensors, metadata }
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

/** In the order in which they are written: wide dtypes first, so that each is aligned; within a dtype by name. */
function sorted(tensors: NamedTensors): [string, Tensor][] {
  const list: [string, Tensor][] = tensors instanceof Map ? [...tensors] : Object.entries(tensors)
  const order = Object.keys(formats)
  const rank = (x: Tensor): number => order.indexOf(formatOf[x.dtype])
  return list.sort(([a, x], [b, y]) => rank(x) - rank(y) || (a < b ? -1 : 1))
}

/** Header and data; the bytes of a tensor are made when they are asked for. */
async function* encode(tensors: NamedTensors, { metadata = {} }: SafetensorsOptions): AsyncGenerator<Uint8Array> {
  const list = sorted(tensors)
  const entries: Entry[] = []
  let at = 0
  for (const [name, { dtype, shape, size }] of list) {
    if (name === '__metadata__') throw new ValueError('safetensors', `a tensor cannot be named '${name}'`)
    const end = at + size * bytesPerElement(dtype)
    entries.push({ name, format: formatOf[dtype], shape, begin: at, end })
    at = end
  }
  yield formatHeader({ entries, metadata })
  for (const [, x] of list) {
    const stored = toStorage(await x.data(), x.dtype)
    yield new Uint8Array(stored.buffer, stored.byteOffset, stored.byteLength)
  }
}
