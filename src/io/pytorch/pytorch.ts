import { FileError } from '../../core/errors.ts'
import { Allowance, type AllowanceOptions } from '../allowance.ts'
import { readBytes, withFile } from '../byte-source.ts'
import { type ElementType, storedBytes, takeElements } from '../elements.ts'
import { isZip, readZip } from '../zip.ts'
import { Materializer, type PyTorchValue } from './materialize.ts'
import { isStorage, type Storage, torchNames } from './names.ts'
import { type Names, type PickleValue, unpickle } from './pickle.ts'

export type { PyTorchValue } from './materialize.ts'
export type { PickleKey } from './pickle.ts'

/**
 * Reads what `torch.save` wrote (`.pt`, `.pth`, `.bin`): a zip archive, or the older pickle with raw storages behind it. As
 * `torch.load(path, weights_only=True)`, it builds tensors and plain containers and runs nothing: dicts become Maps, lists
 * and tuples arrays. Dtypes become those of {@link loadSafetensors}; requiresGrad is not kept.
 *
 * Throws a `FileError` when the file is absent, damaged, takes too much memory, or names anything but tensors and plain values:
 * whole modules, for example, are code; save their state dict instead.
 */
export async function loadPyTorch(path: string, options: AllowanceOptions = {}): Promise<PyTorchValue> {
  const bytes = await withFile('pytorch', path, (source) => readBytes(source, 0, source.size))
  return decode(bytes, path, options)
}

/** The content of such a file given as bytes; `name` is used in errors. Errors as {@link loadPyTorch}. */
export async function decodePyTorch(
  bytes: Uint8Array,
  { name = 'data', ...options }: AllowanceOptions & { readonly name?: string } = {},
): Promise<PyTorchValue> {
  return decode(bytes, name, options)
}

/** Whether a file begins as {@link loadPyTorch} expects: a zip archive, or a pickle of protocol 2. */
export function isPyTorch(start: Uint8Array): boolean {
  return isZip(start) || (start[0] === 0x80 && start[1] === 2 && start[2] === 0x8a)
}

function decode(bytes: Uint8Array, file: string, options: AllowanceOptions): PyTorchValue {
  const allowance = new Allowance('pytorch', file, bytes.length, options)
  if (isZip(bytes)) return decodeZip(bytes, file, allowance)
  if (bytes[0] === 0x80) return decodeLegacy(bytes, file, allowance)
  if (isTar(bytes)) throw damaged(file, 'the tar format of PyTorch before 0.1.10 is not supported; save the file again')
  throw damaged(file, 'neither a zip archive nor a pickle')
}

/** `name/data.pkl` is the pickle, `name/data/KEY` the storages, `name/byteorder` says little or big. */
function decodeZip(bytes: Uint8Array, file: string, allowance: Allowance): PyTorchValue {
  const entries = readZip('pytorch', file, bytes, allowance)
  const pickle = [...entries.keys()].find((name) => /^[^/]*\/data\.pkl$/.test(name))
  if (pickle === undefined) throw damaged(file, 'the archive has no data.pkl')
  const root = pickle.slice(0, -'data.pkl'.length)
  if (entries.has(`${root}constants.pkl`)) {
    throw damaged(file, 'is a TorchScript archive, which is code; save model.state_dict() instead')
  }
  const order = entries.get(`${root}byteorder`)
  const bigEndian = order !== undefined && new TextDecoder().decode(order) === 'big'
  const { value } = unpickle(file, entries.get(pickle)!, 0, torchNames(file))
  const read = (storage: Storage, type: ElementType) => {
    const data = entries.get(`${root}data/${storage.key}`)
    const needed = storage.count * (storage.type ? storedBytes(storage.type) : 1)
    if (data?.length !== needed) {
      throw damaged(file, `storage ${storage.key} has ${data?.length ?? 0} bytes, expected ${needed}`)
    }
    const whole = data.subarray(0, data.length - (data.length % storedBytes(type))) as Uint8Array<ArrayBuffer>
    return takeElements(whole, type, (problem) => damaged(file, `storage ${storage.key}: ${problem}`), { bigEndian })
  }
  return new Materializer(file, read, allowance).convert(value)
}

const magic = 0x1950a86a20f9469cfc6cn
const protocol = 1001

/** Five pickles (magic number, protocol, about the machine, the object, keys of the storages), then the storages. */
function decodeLegacy(bytes: Uint8Array, file: string, allowance: Allowance): PyTorchValue {
  let at = 0
  const next = (names: Names): PickleValue => {
    const { value, end } = unpickle(file, bytes, at, names)
    at = end
    return value
  }
  if (next(nothing) !== magic) throw damaged(file, 'a pickle, but not one of PyTorch')
  const version = next(nothing)
  if (version !== protocol) throw damaged(file, `protocol ${String(version)} is not supported, expected ${protocol}`)
  const machine = next(nothing)
  const bigEndian = machine instanceof Map && machine.get('little_endian') === false
  const storages = new Map<string, Storage>()
  const names = torchNames(file)
  const value = next({
    find: names.find,
    persistent(id) {
      const storage = names.persistent(id)
      if (storage && isStorage(storage)) storages.set(storage.key, storage)
      return storage
    },
  })
  const keys = next(nothing)
  if (!Array.isArray(keys)) throw damaged(file, 'has no list of storages')
  const places = new Map<string, { readonly from: number; readonly count: number }>()
  for (const key of keys) {
    const storage = typeof key === 'string' ? storages.get(key) : undefined
    if (!storage?.type) throw damaged(file, 'lists a storage that nothing uses')
    const count =
      at + 8 <= bytes.length ? new DataView(bytes.buffer, bytes.byteOffset + at).getBigInt64(0, !bigEndian) : -1n
    const length = Number(count) * storedBytes(storage.type)
    if (!(count >= 0n && length <= bytes.length - at - 8)) throw damaged(file, `storage ${storage.key} is cut short`)
    places.set(storage.key, { from: at + 8, count: Number(count) })
    at += 8 + length
  }
  const read = (storage: Storage, type: ElementType) => {
    const place = places.get(storage.key)
    if (!place || place.count < storage.offset + storage.count) {
      throw damaged(file, `storage ${storage.key} has ${place?.count ?? 0} elements, expected ${storage.count}`)
    }
    const length = place.count * storedBytes(type)
    allowance.take(length, `storage ${storage.key}`)
    const data = bytes.slice(place.from, place.from + length) as Uint8Array<ArrayBuffer>
    return takeElements(data, type, (problem) => damaged(file, `storage ${storage.key}: ${problem}`), { bigEndian })
  }
  return new Materializer(file, read, allowance).convert(value)
}

/** Pickles of plain values only. */
const nothing: Names = { find: () => undefined, persistent: () => undefined }

function isTar(bytes: Uint8Array): boolean {
  return new TextDecoder().decode(bytes.subarray(257, 262)) === 'ustar'
}

function damaged(file: string, problem: string): FileError {
  return new FileError('pytorch', `${file}: ${problem}`)
}
