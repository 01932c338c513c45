import { FileError } from '../../core/errors.ts'
import type { ElementType } from '../elements.ts'
import { isMade, kindOf, type Made, type Names, type PickleKey, type PickleValue } from './pickle.ts'

/** The closed list of what files of PyTorch may name, and the tensors that come of it. */

/** A run of elements that tensors look into. */
export interface Storage extends Made {
  readonly kind: 'a storage'
  /** Under which its data is stored in the file. */
  readonly key: string
  /** Undefined for bytes of which only the tensors know what they are. */
  readonly type: ElementType | undefined
  /** Number of elements, or of bytes where `type` is undefined. */
  readonly count: number
  /** Where a view of an older file begins. */
  readonly offset: number
}

/** A tensor whose elements have not been read yet. */
export interface StoredTensor extends Made {
  readonly kind: 'a tensor'
  readonly storage: Storage
  readonly type: ElementType
  readonly offset: number
  readonly shape: readonly number[]
  readonly strides: readonly number[]
}

export const isStorage = (value: PickleValue): value is Storage => isMade(value) && value.kind === 'a storage'
export const isStoredTensor = (value: PickleValue): value is StoredTensor => isMade(value) && value.kind === 'a tensor'

const storageTypes: Readonly<Record<string, ElementType>> = {
  DoubleStorage: 'float64',
  FloatStorage: 'float32',
  HalfStorage: 'float16',
  BFloat16Storage: 'bfloat16',
  LongStorage: 'int64',
  IntStorage: 'int32',
  ShortStorage: 'int16',
  CharStorage: 'int8',
  ByteStorage: 'uint8',
  BoolStorage: 'bool',
}

const torchDTypes: Readonly<Record<string, ElementType>> = {
  ...{
    float64: 'float64',
    double: 'float64',
    float32: 'float32',
    float: 'float32',
    float16: 'float16',
    half: 'float16',
  },
  ...{
    bfloat16: 'bfloat16',
    int64: 'int64',
    long: 'int64',
    int32: 'int32',
    int: 'int32',
    int16: 'int16',
    short: 'int16',
  },
  ...{ int8: 'int8', uint8: 'uint8', uint16: 'uint16', uint32: 'uint32', uint64: 'uint64', bool: 'bool' },
  ...{ float8_e4m3fn: 'float8_e4m3fn', float8_e5m2: 'float8_e5m2', float8_e8m0fnu: 'float8_e8m0fnu' },
}

/** NumPy's scalars, as training scripts keep their best accuracy. */
const numpyTypes: Readonly<Record<string, (view: DataView) => number | boolean>> = {
  f8: (view) => view.getFloat64(0, true),
  f4: (view) => view.getFloat32(0, true),
  i8: (view) => Number(view.getBigInt64(0, true)),
  i4: (view) => view.getInt32(0, true),
  i2: (view) => view.getInt16(0, true),
  i1: (view) => view.getInt8(0),
  u1: (view) => view.getUint8(0),
  b1: (view) => view.getUint8(0) !== 0,
}

/** More dimensions than this no tensor has. */
const maxRank = 64

/** What `file` may name. */
export function torchNames(file: string): Names {
  const fail = (problem: string): FileError => new FileError('pytorch', `${file}: ${problem}`)
  const fixed = new Map<string, Made>()
  const add = (kind: string, call?: Made['call']): void => void fixed.set(kind, call ? { kind, call } : { kind })

  const rebuildTensor = (args: readonly PickleValue[], type?: ElementType): StoredTensor => {
    const [storage = null, offset, size, stride] = args
    if (!isStorage(storage)) throw fail(`a tensor needs a storage, received ${kindOf(storage)}`)
    const elements = type ?? storage.type
    if (!elements) throw fail('a tensor over an untyped storage has no dtype')
    if (
      !isCounts(size) ||
      !isCounts(stride) ||
      size.length !== stride.length ||
      size.length > maxRank ||
      !isCount(offset)
    ) {
      throw fail('a tensor has a damaged size, stride or offset')
    }
    return { kind: 'a tensor', storage, type: elements, offset: storage.offset + offset, shape: size, strides: stride }
  }
  const rebuildParameter = ([data = null]: readonly PickleValue[]): PickleValue => {
    if (!isStoredTensor(data)) throw fail(`a parameter needs a tensor, received ${kindOf(data)}`)
    return data
  }
  const dict = ([pairs = []]: readonly PickleValue[]): PickleValue => {
    if (pairs instanceof Map) return new Map(pairs)
    if (!Array.isArray(pairs)) throw fail(`a dict is made of pairs, received ${kindOf(pairs)}`)
    return new Map(
      pairs.map((pair): [PickleKey, PickleValue] => {
        const [key, value] = Array.isArray(pair) ? pair : []
        if (value === undefined || !isKey(key)) throw fail(`a dict is made of pairs, received ${kindOf(pair)}`)
        return [key, value]
      }),
    )
  }
  const list = ([items = []]: readonly PickleValue[]): PickleValue[] => {
    if (Array.isArray(items)) return items
    throw fail(`expected a list, received ${kindOf(items)}`)
  }
  const device = ([type = null, index]: readonly PickleValue[]): PickleValue => {
    if (typeof type !== 'string') throw fail(`a device has a name, received ${kindOf(type)}`)
    return index === undefined ? type : `${type}:${index}`
  }
  /** How protocol 2 writes bytes: as Latin-1 text. */
  const encode = ([text = null, encoding]: readonly PickleValue[]): PickleValue => {
    if (typeof text !== 'string' || encoding !== 'latin1') throw fail('bytes are not Latin-1 text')
    return Uint8Array.from(text, (letter) => letter.charCodeAt(0))
  }
  const numpyDType = ([name = null]: readonly PickleValue[]): NumpyDType => {
    if (typeof name !== 'string' || !Object.hasOwn(numpyTypes, name)) {
      throw fail(`the NumPy dtype ${JSON.stringify(name)} is refused`)
    }
    const dtype: NumpyDType = {
      kind: 'numpy.dtype',
      name,
      setState(state) {
        const order = Array.isArray(state) ? state[1] : undefined
        if (order !== '<' && order !== '|') throw fail('a NumPy scalar is not little-endian')
      },
    }
    return dtype
  }
  const numpyScalar = ([dtype = null, bytes]: readonly PickleValue[]): PickleValue => {
    const name = isMade(dtype) && dtype.kind === 'numpy.dtype' ? (dtype as NumpyDType).name : ''
    const read = numpyTypes[name]
    if (!read || !(bytes instanceof Uint8Array) || bytes.length !== Number(name[1]))
      throw fail('a NumPy scalar is damaged')
    return read(new DataView(bytes.buffer, bytes.byteOffset))
  }

  for (const name of Object.keys(torchDTypes)) add(`torch.${name}`)
  for (const name of Object.keys(storageTypes)) for (const module of ['torch', 'torch.cuda']) add(`${module}.${name}`)
  add('torch.storage.UntypedStorage')
  add('torch.UntypedStorage')
  add('torch._utils._rebuild_tensor', (args) => rebuildTensor(args))
  add('torch._utils._rebuild_tensor_v2', (args) => rebuildTensor(args))
  add('torch._utils._rebuild_tensor_v3', (args) => {
    const dtype = args[6] ?? null
    const type = isMade(dtype) ? torchDTypes[dtype.kind.replace('torch.', '')] : undefined
    if (!type) throw fail(`a tensor needs a dtype, received ${kindOf(dtype)}`)
    return rebuildTensor(args, type)
  })
  add('torch._utils._rebuild_parameter', rebuildParameter)
  add('torch._utils._rebuild_parameter_with_state', rebuildParameter)
  add('torch.Size', list)
  add('torch.device', device)
  for (const module of ['collections.OrderedDict', 'builtins.dict', '__builtin__.dict']) add(module, dict)
  for (const module of ['builtins.set', '__builtin__.set']) add(module, (args) => new Set(list(args)))
  add('_codecs.encode', encode)
  add('numpy.dtype', numpyDType)
  for (const module of ['numpy.core', 'numpy._core']) add(`${module}.multiarray.scalar`, numpyScalar)

  return {
    find: (module, name) => fixed.get(`${module}.${name}`),
    persistent: (id) => (Array.isArray(id) && id[0] === 'storage' ? storageOf(id) : undefined),
  }
}

interface NumpyDType extends Made {
  readonly name: string
}

/** ('storage', type, key, location, number of elements, view: (key, offset, size) or None in files before 0.4). */
function storageOf([, type = null, key, , count, view = null]: readonly PickleValue[]): Storage | undefined {
  const name = isMade(type) ? type.kind : ''
  const elements = storageTypes[name.split('.').at(-1) ?? '']
  if ((!elements && !name.endsWith('.UntypedStorage')) || typeof key !== 'string' || !isCount(count)) return undefined
  const offset = Array.isArray(view) ? view[1] : 0
  if (!isCount(offset)) return undefined
  return { kind: 'a storage', key, type: elements, count, offset }
}

function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0
}

function isCounts(value: unknown): value is number[] {
  return Array.isArray(value) && value.every(isCount)
}

function isKey(value: PickleValue | undefined): value is PickleKey {
  return value !== undefined && (value === null || typeof value !== 'object')
}
