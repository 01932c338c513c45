import { FileError, ValueError } from '../core/errors.ts'
import type { Tensor } from '../tensor/tensor.ts'
import { Allowance, type AllowanceOptions } from './allowance.ts'
import { writeFileAtomic } from './atomic-file.ts'
import { readBytes, withFile } from './byte-source.ts'
import { decodeNpy, encodeNpy } from './npy.ts'
import type { NamedTensors } from './safetensors.ts'
import { isZip, readZip, shortened, writeZip } from './zip.ts'

/** Several NumPy arrays in a zip archive, each as `name.npy`. */

export interface NpzOptions {
  /** Compress, as `numpy.savez_compressed` does. Default false, as `numpy.savez`. */
  readonly compress?: boolean
}

/**
 * Reads the arrays that `numpy.savez` or `numpy.savez_compressed` wrote (`.npz`), by name. Dtypes and errors as
 * {@link loadNpy}; an archive that would take too much memory is refused before anything is expanded.
 */
export async function loadNpz(path: string, options: AllowanceOptions = {}): Promise<Map<string, Tensor>> {
  const bytes = await withFile('npz', path, (source) => readBytes(source, 0, source.size))
  return decodeNpz(bytes, { name: path, ...options })
}

/** The arrays of a `.npz` file given as bytes; `name` is used in errors. Errors as {@link loadNpz}. */
export async function decodeNpz(
  bytes: Uint8Array,
  { name = 'data', ...options }: AllowanceOptions & { readonly name?: string } = {},
): Promise<Map<string, Tensor>> {
  // An archive without entries begins with the record that ends others.
  if (!isZip(bytes) && !(bytes[0] === 0x50 && bytes[1] === 0x4b))
    throw new FileError('npz', `${name}: not a zip archive`)
  const arrays = new Map<string, Tensor>()
  for (const [entry, content] of readZip('npz', name, bytes, new Allowance('npz', name, bytes.length, options))) {
    if (!entry.endsWith('.npy')) throw new FileError('npz', `${name}: '${shortened(entry)}' is not a NumPy array`)
    arrays.set(entry.slice(0, -'.npy'.length), await decodeNpy(content, `${name}: ${shortened(entry)}`))
  }
  return arrays
}

/** Writes tensors as a `.npz` file that `numpy.load` reads, whole or not at all. bfloat16 is written as float32. */
export async function saveNpz(path: string, tensors: NamedTensors, options: NpzOptions = {}): Promise<void> {
  await writeFileAtomic(path, [await encodeNpz(tensors, options)])
}

/** The bytes of a `.npz` file. */
export async function encodeNpz(tensors: NamedTensors, options: NpzOptions = {}): Promise<Uint8Array> {
  const entries = new Map<string, Uint8Array>()
  for (const [name, x] of tensors instanceof Map ? tensors : Object.entries(tensors)) {
    if (name === '' || name.includes('\0'))
      throw new ValueError('npz', `an array cannot be named ${JSON.stringify(name)}`)
    entries.set(`${name}.npy`, await encodeNpy(x as Tensor))
  }
  return writeZip(entries, options)
}
