import { toStorage } from '../core/dtype.ts'
import { FileError } from '../core/errors.ts'
import { Tensor } from '../tensor/tensor.ts'
import { loadSafetensors, saveSafetensors } from './safetensors.ts'

/** Plain data with tensors anywhere in it: objects, lists, numbers (also NaN and infinities), texts, booleans, null. */
export type StateTree =
  | Tensor
  | number
  | string
  | boolean
  | null
  | undefined
  | readonly StateTree[]
  | { readonly [name: string]: StateTree }

/** Of the layout of checkpoint files. */
const version = '1'

/**
 * Writes a state tree to one file, whole or not at all: the tensors as safetensors, all else as JSON in its header, and a
 * SHA-256 of both.
 *
 * Throws a {@link FileError} when the folder is not writable or the device is full; an older file of this name is then untouched.
 */
export async function saveCheckpoint(path: string, state: StateTree): Promise<void> {
  const tensors = new Map<string, Tensor>()
  const json = JSON.stringify(pack(state, tensors))
  const sha256 = await sumOf(json, tensors)
  await saveSafetensors(path, tensors, { metadata: { checkpoint: version, state: json, sha256 } })
}

/** Reads what {@link saveCheckpoint} wrote. Throws a {@link FileError} when the file is absent, truncated or damaged in any bit. */
export async function loadCheckpoint(path: string): Promise<StateTree> {
  const { tensors, metadata } = await loadSafetensors(path)
  const { checkpoint, state, sha256 } = metadata
  if (checkpoint !== version || state === undefined) {
    const found =
      checkpoint === undefined ? 'it holds no training state' : `its layout is ${checkpoint}, expected ${version}`
    throw new FileError('checkpoint', `${path}: not a checkpoint that can be read: ${found}`)
  }
  if ((await sumOf(state, tensors)) !== sha256) {
    throw new FileError('checkpoint', `${path}: damaged: its content does not have the sum that was written with it`)
  }
  return unpack(JSON.parse(state), tensors)
}

async function sumOf(json: string, tensors: ReadonlyMap<string, Tensor>): Promise<string> {
  const { createHash } = await import('node:crypto')
  const hash = createHash('sha256').update(json)
  for (const name of [...tensors.keys()].sort()) {
    const x = tensors.get(name)!
    const { buffer, byteOffset, byteLength } = toStorage(await x.data(), x.dtype)
    hash.update(`${name} ${x.dtype} ${x.shape}`).update(new Uint8Array(buffer, byteOffset, byteLength))
  }
  return hash.digest('hex')
}

/* In JSON, objects with the one key `$` stand for what JSON cannot hold: {"$": "tensor:3"}, {"$": "NaN"}. */

function pack(value: StateTree, tensors: Map<string, Tensor>, path = ''): unknown {
  if (value instanceof Tensor) {
    const name = path || 'value'
    tensors.set(name, value)
    return { $: `tensor:${name}` }
  }
  if (typeof value === 'number' && (!Number.isFinite(value) || Object.is(value, -0))) {
    return { $: Object.is(value, -0) ? '-0' : String(value) }
  }
  if (typeof value !== 'object' || value === null) return value
  const inner = (name: string | number): string => (path ? `${path}.${name}` : `${name}`)
  if (Array.isArray(value)) return value.map((item, i) => pack(item, tensors, inner(i)))
  return Object.fromEntries(Object.entries(value).map(([name, item]) => [name, pack(item, tensors, inner(name))]))
}

function unpack(value: unknown, tensors: ReadonlyMap<string, Tensor>): StateTree {
  if (typeof value !== 'object' || value === null) return value as StateTree
  if (Array.isArray(value)) return value.map((item) => unpack(item, tensors))
  const entries = Object.entries(value)
  const [first] = entries
  if (entries.length === 1 && first?.[0] === '$') {
    const text = String(first[1])
    if (!text.startsWith('tensor:')) return Number(text)
    return tensors.get(text.slice('tensor:'.length))
  }
  return Object.fromEntries(entries.map(([name, item]) => [name, unpack(item, tensors)]))
}
