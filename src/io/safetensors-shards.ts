import { bytesPerElement } from '../core/dtype.ts'
import { ValueError } from '../core/errors.ts'
import type { Tensor } from '../tensor/tensor.ts'
import { writeFileAtomic } from './atomic-file.ts'
import { readBytes, withFile } from './byte-source.ts'
import type { NamedTensors, Safetensors } from './safetensors.ts'
import { damaged } from './safetensors-header.ts'

/**
 * Weights spread over several files, as the hub keeps them: an index beside them says which tensor is in which file.
 */

const indexEnding = '.safetensors.index.json'

/** An index names tensors, it does not hold them. */
const maxIndexBytes = 100_000_000

export function isShardIndex(path: string): boolean {
  return path.endsWith('.index.json')
}

/** Which file holds which tensor. Throws a `FileError` when the index is no index or points outside its folder. */
export async function readShardIndex(path: string): Promise<ReadonlyMap<string, string>> {
  const text = await withFile('safetensors', path, async (source) => {
    if (source.size > maxIndexBytes) throw damaged(path, `an index of ${source.size} bytes is too large`)
    return new TextDecoder().decode(await readBytes(source, 0, source.size))
  })
  return parseShardIndex(path, text)
}

function parseShardIndex(path: string, text: string): ReadonlyMap<string, string> {
  let index: unknown
  try {
    index = JSON.parse(text)
  } catch {
    throw damaged(path, 'the index is not valid JSON')
  }
  const map = (index as { weight_map?: unknown } | null)?.weight_map
  if (typeof map !== 'object' || map === null || Array.isArray(map)) throw damaged(path, 'the index has no weight_map')
  const files = new Map<string, string>()
  for (const [name, file] of Object.entries(map)) {
    // Names come from strangers: only files beside the index are opened.
    if (typeof file !== 'string' || !/^[\w][\w.+ -]*$/.test(file)) {
      throw damaged(path, `tensor '${name}' is said to be in ${JSON.stringify(file)}, which is no plain file name`)
    }
    files.set(name, file)
  }
  return files
}

/** All tensors of all files that the index names. */
export async function loadShards(path: string, load: (path: string) => Promise<Safetensors>): Promise<Safetensors> {
  const { dirname, join } = await import('node:path')
  const index = await readShardIndex(path)
  const tensors = new Map<string, Tensor>()
  let metadata: Readonly<Record<string, string>> = {}
  for (const file of [...new Set(index.values())].sort()) {
    const shard = await load(join(dirname(path), file))
    metadata = { ...metadata, ...shard.metadata }
    for (const [name, x] of shard.tensors) {
      if (tensors.has(name)) throw damaged(path, `tensor '${name}' is in two files`)
      tensors.set(name, x)
    }
  }
  for (const [name, file] of index) {
    if (!tensors.has(name)) throw damaged(path, `tensor '${name}' is not in ${file}`)
  }
  return { tensors, metadata }
}

/** Writes tensors in files of at most `maxBytes` (a larger tensor has one for itself), then the index. */
export async function saveShards(
  path: string,
  tensors: readonly (readonly [string, Tensor])[],
  maxBytes: number,
  save: (path: string, tensors: NamedTensors) => Promise<void>,
): Promise<void> {
  if (!(maxBytes > 0)) throw new ValueError('safetensors', `maxShardBytes must be positive, received ${maxBytes}`)
  const base = path.replace(/\.safetensors$/, '')
  if (base === path)
    throw new ValueError('safetensors', `shards are named after a .safetensors file, received '${path}'`)
  const shards: Map<string, Tensor>[] = [new Map()]
  let bytes = 0
  let total = 0
  for (const [name, x] of tensors) {
    const size = x.size * bytesPerElement(x.dtype)
    if (bytes > 0 && bytes + size > maxBytes) {
      shards.push(new Map())
      bytes = 0
    }
    shards.at(-1)?.set(name, x)
    bytes += size
    total += size
  }
  if (shards.length === 1) return save(path, shards[0]!)
  const { basename } = await import('node:path')
  const places: [string, string][] = []
  const digits = (i: number): string => String(i).padStart(5, '0')
  for (const [i, shard] of shards.entries()) {
    const file = `${base}-${digits(i + 1)}-of-${digits(shards.length)}.safetensors`
    await save(file, shard)
    for (const name of shard.keys()) places.push([name, basename(file)])
  }
  const index = { metadata: { total_size: total }, weight_map: Object.fromEntries(places) }
  await writeFileAtomic(`${base}${indexEnding}`, `${JSON.stringify(index, null, 2)}\n`)
}
