import { allocate, type DType, toStorage, type TypedArray } from '../core/dtype.ts'
import { FileError } from '../core/errors.ts'
import { type Shape, sizeOf, stridesOf } from '../core/shape.ts'
import { buffer } from '../graph/ops/leaves.ts'
import { Tensor } from '../tensor/tensor.ts'
import { writeFileAtomic } from './atomic-file.ts'
import { type ByteSource, readBytes, sourceOf, withFile } from './byte-source.ts'
import { dtypeOf, type ElementType, readElements, storedBytes, takeElements } from './elements.ts'
import { gather } from './strided.ts'

/**
 * NumPy's arrays (https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html): a magic word, a version, the length
 * of a header, the header as a Python dict of three known keys, and the elements.
 */

const magic = Uint8Array.of(0x93, ...new TextEncoder().encode('NUMPY'))

/** NumPy refuses longer headers, too. */
const maxHeaderBytes = 10_000

/** More dimensions than this NumPy does not have. */
const maxRank = 64

/** Letter and size of the dtypes that have a counterpart here. */
const elementTypes: Readonly<Record<string, ElementType>> = {
  ...{
    b1: 'bool',
    u1: 'uint8',
    i1: 'int8',
    u2: 'uint16',
    i2: 'int16',
    u4: 'uint32',
    i4: 'int32',
    u8: 'uint64',
    i8: 'int64',
  },
  ...{ f2: 'float16', f4: 'float32', f8: 'float64' },
}

interface Header {
  readonly type: ElementType
  readonly bigEndian: boolean
  readonly fortran: boolean
  readonly shape: Shape
  /** Where the elements begin. */
  readonly from: number
}

/**
 * Reads an array that `numpy.save` wrote (`.npy`). Dtypes become those of {@link loadSafetensors}.
 *
 * Throws a `FileError` when the file is absent, damaged, or holds anything but numbers and booleans: arrays of objects are
 * pickles, complex numbers, dates and records have no counterpart.
 */
export async function loadNpy(path: string): Promise<Tensor> {
  return withFile('npy', path, readNpy)
}

/** The array of a `.npy` file given as bytes; `name` is used in errors. Errors as {@link loadNpy}. */
export async function decodeNpy(bytes: Uint8Array, name = 'data'): Promise<Tensor> {
  return readNpy(sourceOf(bytes, name))
}

/** Writes a tensor as a `.npy` file, whole or not at all. NumPy has no bfloat16: such tensors are written as float32. */
export async function saveNpy(path: string, x: Tensor): Promise<void> {
  await writeFileAtomic(path, await npyChunks(x))
}

/** The bytes of a `.npy` file, as `numpy.save` writes them. */
export async function encodeNpy(x: Tensor): Promise<Uint8Array> {
  const [header, data] = await npyChunks(x)
  const out = new Uint8Array(header.length + data.length)
  out.set(header)
  out.set(data, header.length)
  return out
}

export function isNpy(start: Uint8Array): boolean {
  return magic.every((byte, i) => start[i] === byte)
}

async function readNpy(source: ByteSource): Promise<Tensor> {
  const fail = (problem: string): FileError => new FileError('npy', `${source.name}: ${problem}`)
  const { type, bigEndian, fortran, shape, from } = await readHeader(source, fail)
  const size = sizeOf(shape)
  const needed = size * storedBytes(type)
  if (needed !== source.size - from) {
    throw fail(`shape [${shape.join(', ')}] of ${type} takes ${needed} bytes, ${source.size - from} are there`)
  }
  let elements: TypedArray
  if (bigEndian) elements = takeElements(await readBytes(source, from, needed), type, fail, { bigEndian })
  else elements = await readElements(source, from, size, type, fail)
  if (fortran && shape.length > 1) {
    const strides = stridesOf(shape.toReversed()).reverse()
    elements = gather(elements, allocate(dtypeOf(type), size), 0, shape, strides)
  }
  return new Tensor(buffer(elements, shape, dtypeOf(type)))
}

async function readHeader(source: ByteSource, fail: (problem: string) => FileError): Promise<Header> {
  const start = await readBytes(source, 0, Math.min(12, source.size))
  if (!isNpy(start) || start.length < 12) throw fail('not a .npy file')
  const version = start[6]!
  if (version < 1 || version > 3) throw fail(`version ${version} of the format is not known`)
  const view = new DataView(start.buffer)
  const textFrom = version === 1 ? 10 : 12
  const length = version === 1 ? view.getUint16(8, true) : view.getUint32(8, true)
  if (length > maxHeaderBytes) throw fail(`a header of ${length} bytes is longer than ${maxHeaderBytes}`)
  if (length > source.size - textFrom) throw fail('the header is cut short')
  const text = new TextDecoder().decode(await readBytes(source, textFrom, length))
  return { ...parseHeader(text, fail), from: textFrom + length }
}

/** `{'descr': '<f4', 'fortran_order': False, 'shape': (3, 4), }` in any order and spacing. */
function parseHeader(text: string, fail: (problem: string) => FileError): Omit<Header, 'from'> {
  const entries = new Map<string, string>()
  const entry = /\s*(['"])(\w+)\1\s*:\s*('[^']*'|"[^"]*"|True|False|\([\d\s,L]*\)|\[.*?\])\s*(,|(?=\}))/y
  const begin = text.match(/^\s*\{/)
  if (!begin) throw fail('the header is damaged')
  entry.lastIndex = begin[0].length
  for (let at = entry.lastIndex; ; at = entry.lastIndex) {
    const match = entry.exec(text)
    if (!match) {
      if (!/^\s*\}\s*$/.test(text.slice(at))) throw fail('the header is damaged')
      break
    }
    const [, , key, value] = match
    if (entries.has(key!)) throw fail(`the header names '${key}' twice`)
    entries.set(key!, value!)
  }
  const { type, bigEndian } = parseDescription(entries.get('descr'), fail)
  const order = entries.get('fortran_order')
  if (order !== 'True' && order !== 'False') throw fail('the header has no fortran_order')
  return { type, bigEndian, fortran: order === 'True', shape: parseShape(entries.get('shape'), fail) }
}

function parseDescription(
  descr: string | undefined,
  fail: (problem: string) => FileError,
): { type: ElementType; bigEndian: boolean } {
  const [, order, name = ''] = descr?.match(/^['"]([<>|=])(\w+)['"]$/) ?? []
  const type = Object.hasOwn(elementTypes, name) ? elementTypes[name] : undefined
  if (order === undefined || !type)
    throw fail(`dtype ${descr} has no counterpart; expected one of ${Object.keys(elementTypes).join(', ')}`)
  return { type, bigEndian: order === '>' }
}

function parseShape(text: string | undefined, fail: (problem: string) => FileError): number[] {
  if (!text?.startsWith('(')) throw fail('the header has no shape')
  const parts = text
    .slice(1, -1)
    .split(',')
    .map((part) => part.trim())
  if (parts.at(-1) === '') parts.pop()
  const shape = parts.map((part) => (/^\d+L?$/.test(part) ? Number.parseInt(part, 10) : Number.NaN))
  let size = 8
  for (const extent of shape) size *= extent
  if (shape.length > maxRank || ![size, ...shape].every(Number.isSafeInteger)) throw fail(`shape ${text} is damaged`)
  return shape
}

const descriptions: Readonly<Record<DType, string>> = {
  bool: '|b1',
  uint8: '|u1',
  int32: '<i4',
  float16: '<f2',
  bfloat16: '<f4',
  float32: '<f4',
  float64: '<f8',
}

/** NumPy leaves room for a first dimension of this many digits. */
const growthDigits = 21

async function npyChunks(x: Tensor): Promise<[Uint8Array, Uint8Array]> {
  const { shape } = x
  const tuple = shape.length === 1 ? `(${shape[0]},)` : `(${shape.join(', ')})`
  const growth = ' '.repeat(shape.length > 0 ? growthDigits - String(shape[0]).length : 0)
  const text = `{'descr': '${descriptions[x.dtype]}', 'fortran_order': False, 'shape': ${tuple}, }${growth}`
  const length = Math.ceil((10 + text.length + 1) / 64) * 64
  const header = new Uint8Array(length).fill(0x20)
  header.set(magic)
  header.set([1, 0], 6)
  new DataView(header.buffer).setUint16(8, length - 10, true)
  header.set(new TextEncoder().encode(text), 10)
  header[length - 1] = 10
  const values = await x.data()
  const stored = x.dtype === 'float16' ? toStorage(values, 'float16') : values
  return [header, new Uint8Array(stored.buffer, stored.byteOffset, stored.byteLength)]
}
