import { FileError } from '../core/errors.ts'
import { isRecord } from '../core/record.ts'
import type { Shape } from '../core/shape.ts'
import { type ElementType, storedBytes } from './elements.ts'

/**
 * The header of a safetensors file (https://huggingface.co/docs/safetensors): eight bytes with its length, then JSON that
 * names dtype, shape and place of every tensor. Files come from strangers, so everything is checked before it is used.
 */

/** dtypes as the format names them. */
export type Format =
  | 'F64'
  | 'F32'
  | 'F16'
  | 'BF16'
  | 'BOOL'
  | `F8_${'E8M0' | 'E4M3' | 'E5M2'}`
  | `${'I' | 'U'}${8 | 16 | 32 | 64}`

/** What they stand for, those that writers put first at the beginning. */
export const formats: Readonly<Record<Format, ElementType>> = {
  I64: 'int64',
  U64: 'uint64',
  F64: 'float64',
  F32: 'float32',
  I32: 'int32',
  U32: 'uint32',
  BF16: 'bfloat16',
  F16: 'float16',
  I16: 'int16',
  U16: 'uint16',
  F8_E8M0: 'float8_e8m0fnu',
  F8_E4M3: 'float8_e4m3fn',
  F8_E5M2: 'float8_e5m2',
  I8: 'int8',
  U8: 'uint8',
  BOOL: 'bool',
}

/** Where a tensor lies; `begin` and `end` are counted from the end of the header. */
export interface Entry {
  readonly name: string
  readonly format: Format
  readonly shape: Shape
  readonly begin: number
  readonly end: number
}

export interface Header {
  /** In the order in which they lie in the file. */
  readonly entries: readonly Entry[]
  readonly metadata: Readonly<Record<string, string>>
}

/** Bytes before the JSON. */
export const prefixBytes = 8

/** What the reference implementation accepts at most. */
const maxHeaderBytes = 100_000_000

const metadataKey = '__metadata__'

/** Length of the JSON, from the first eight bytes of a file of `fileBytes`. */
export function parsePrefix(file: string, prefix: Uint8Array, fileBytes: number): number {
  if (fileBytes < prefixBytes) throw damaged(file, `${fileBytes} bytes are too few for a safetensors file`)
  const length = new DataView(prefix.buffer, prefix.byteOffset, prefixBytes).getBigUint64(0, true)
  if (length > BigInt(maxHeaderBytes)) {
    throw damaged(file, `not a safetensors file: its header would be ${length} bytes long, more than ${maxHeaderBytes}`)
  }
  if (Number(length) > fileBytes - prefixBytes) {
    throw damaged(file, `truncated: the header needs ${length} bytes, ${fileBytes - prefixBytes} are there`)
  }
  return Number(length)
}

/** Parses the JSON and checks that the tensors fill the `dataBytes` behind it without holes or overlaps. */
export function parseHeader(file: string, bytes: Uint8Array, dataBytes: number): Header {
  const text = decodeText(file, bytes)
  const json = parseJson(file, text)
  const repeated = repeatedKey(text)
  if (repeated !== undefined) throw damaged(file, `the header names '${repeated}' twice`)
  const metadata = checkMetadata(file, json[metadataKey])
  const entries = Object.entries(json)
    .filter(([name]) => name !== metadataKey)
    .map(([name, value]) => checkEntry(file, name, value))
    .sort((a, b) => a.begin - b.begin || a.end - b.end)
  let end = 0
  for (const entry of entries) {
    if (entry.begin !== end) {
      const what = entry.begin < end ? 'overlaps the tensor before it' : 'leaves a hole before it'
      throw damaged(file, `tensor '${entry.name}' ${what}: it begins at ${entry.begin}, expected ${end}`)
    }
    end = entry.end
  }
  if (end !== dataBytes) {
    throw damaged(file, `${end > dataBytes ? 'truncated: ' : ''}the tensors need ${end} bytes, ${dataBytes} are there`)
  }
  return { entries, metadata }
}

/** The header of a file, its length before it, padded so that the data begins at a multiple of eight bytes. */
export function formatHeader({ entries, metadata }: Header): Uint8Array {
  const json: Record<string, unknown> = Object.create(null)
  if (Object.keys(metadata).length > 0) json[metadataKey] = metadata
  for (const { name, format, shape, begin, end } of entries) {
    json[name] = { dtype: format, shape, data_offsets: [begin, end] }
  }
  const text = new TextEncoder().encode(JSON.stringify(json))
  const length = Math.ceil(text.length / 8) * 8
  const bytes = new Uint8Array(prefixBytes + length).fill(0x20)
  bytes.set(text, prefixBytes)
  new DataView(bytes.buffer).setBigUint64(0, BigInt(length), true)
  return bytes
}

export function damaged(file: string, problem: string): FileError {
  return new FileError('safetensors', `${file}: ${problem}`)
}

function decodeText(file: string, bytes: Uint8Array): string {
  if (bytes[0] !== 0x7b) throw damaged(file, "not a safetensors file: its header does not begin with '{'")
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes)
  } catch {
    throw damaged(file, 'the header is not valid UTF-8')
  }
}

function parseJson(file: string, text: string): Record<string, unknown> {
  try {
    return JSON.parse(text)
  } catch (error) {
    throw damaged(file, `the header is not valid JSON: ${(error as Error).message.split('\n', 1)[0]}`)
  }
}

function checkMetadata(file: string, value: unknown): Record<string, string> {
  if (value === undefined) return {}
  if (isRecord(value) && Object.values(value).every((item) => typeof item === 'string')) {
    return value as Record<string, string>
  }
  throw damaged(file, `${metadataKey} must hold texts only`)
}

function checkEntry(file: string, name: string, value: unknown): Entry {
  const fail = (problem: string): FileError => damaged(file, `tensor '${name}': ${problem}`)
  if (!isRecord(value)) throw fail('its entry is not an object')
  const { dtype, shape, data_offsets: offsets, ...others } = value
  const [unknown] = Object.keys(others)
  if (unknown !== undefined) throw fail(`unknown key '${unknown}'`)
  if (!isFormat(dtype)) {
    throw fail(`dtype ${JSON.stringify(dtype)} is not supported; expected one of ${Object.keys(formats).join(', ')}`)
  }
  if (!isSizes(shape)) throw fail(`shape ${JSON.stringify(shape)} is not a list of whole numbers ≥ 0`)
  if (!isSizes(offsets) || offsets.length !== 2) {
    throw fail(`data_offsets ${JSON.stringify(offsets)} are not two whole numbers ≥ 0`)
  }
  const [begin, end] = offsets as [number, number]
  let bytes = storedBytes(formats[dtype])
  for (const size of shape) {
    bytes *= size
    if (!Number.isSafeInteger(bytes)) throw fail(`shape [${shape.join(', ')}] overflows`)
  }
  if (end - begin !== bytes) {
    throw fail(`${dtype} [${shape.join(', ')}] takes ${bytes} bytes, data_offsets give ${end - begin}`)
  }
  return { name, format: dtype, shape, begin, end }
}

function isFormat(value: unknown): value is Format {
  return typeof value === 'string' && Object.hasOwn(formats, value)
}

function isSizes(value: unknown): value is number[] {
  return Array.isArray(value) && value.every((size) => Number.isSafeInteger(size) && size >= 0)
}

/** A key that valid JSON text repeats within one object; JSON.parse would silently take the last. */
function repeatedKey(json: string): string | undefined {
  const open: Set<string>[] = []
  for (const [token, colon] of json.matchAll(/[{}]|"(?:[^"\\]|\\.)*"(\s*:)?/g)) {
    if (token === '{') open.push(new Set())
    else if (token === '}') open.pop()
    else if (colon !== undefined) {
      const key: string = JSON.parse(token.slice(0, -colon.length))
      const keys = open.at(-1)
      if (keys?.has(key)) return key
      keys?.add(key)
    }
  }
  return undefined
}
