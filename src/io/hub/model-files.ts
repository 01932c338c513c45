import { FileError } from '../../core/errors.ts'
import { isRecord } from '../../core/record.ts'
import { readBytes, withFile } from '../byte-source.ts'
import { readShardIndex } from '../safetensors-shards.ts'
import { hubFileIfAny } from './hub.ts'
import { type HubOptions, isRepository } from './settings.ts'

/** Where the files of a model are: a repository of the hub, or a folder. */
export interface ModelFiles {
  /** What errors call it. */
  readonly name: string
  /** The weights, where the user named them. */
  readonly weights: string | undefined
  /** Path of the file, downloaded where need be; undefined where there is none. */
  find(file: string): Promise<string | undefined>
}

/** In the order in which they are looked for. */
const weightFiles: readonly string[] = [
  'model.safetensors',
  'model.safetensors.index.json',
  'pytorch_model.bin',
  'pytorch_model.bin.index.json',
]

/**
 * The files of `source`: a folder, a file of weights (other files are looked for beside it), or a repository `org/name`. What
 * exists on disk comes first. Throws a `FileError` when it is none of them.
 */
export async function modelFiles(source: string, options: HubOptions = {}): Promise<ModelFiles> {
  const [{ stat }, { dirname, join }] = await Promise.all([import('node:fs/promises'), import('node:path')])
  const there = await stat(source).catch(() => undefined)
  const beside = (folder: string) => async (file: string) => {
    const path = join(folder, file)
    return (await stat(path).catch(() => undefined)) ? path : undefined
  }
  if (there?.isDirectory()) return { name: source, weights: undefined, find: beside(source) }
  if (there) return { name: source, weights: source, find: beside(dirname(source)) }
  if (isRepository(source)) {
    return { name: source, weights: undefined, find: (file) => hubFileIfAny(source, file, options) }
  }
  throw new FileError(
    'hub',
    `${source}: no such file or folder, and not the name of a repository ('organisation/name')`,
  )
}

/** The files in a folder among them; all where `folder` is empty. */
export function filesBelow(files: ModelFiles, folder: string): ModelFiles {
  if (folder === '') return files
  return { name: `${files.name}/${folder}`, weights: undefined, find: (file) => files.find(`${folder}/${file}`) }
}

/** Path of the weights, for {@link loadTensors}; of shards, the index with all of them beside it. */
export async function findWeights(files: ModelFiles): Promise<string> {
  if (files.weights !== undefined) return files.weights
  for (const file of weightFiles) {
    const path = await files.find(file)
    if (path === undefined) continue
    if (file.endsWith('.index.json')) for (const shard of await shardsOf(path)) await needed(files, shard)
    return path
  }
  throw new FileError('hub', `${files.name}: has no weights; looked for ${weightFiles.join(', ')}`)
}

async function needed(files: ModelFiles, file: string): Promise<string> {
  const path = await files.find(file)
  if (path !== undefined) return path
  throw new FileError('hub', `${files.name}: has no file ${file}, which its index names`)
}

async function shardsOf(index: string): Promise<ReadonlySet<string>> {
  return new Set((await readShardIndex(index)).values())
}

/** A JSON object among the files; undefined where there is no such file. */
export async function readJson(files: ModelFiles, file: string): Promise<Record<string, unknown> | undefined> {
  const json = await readAnyJson(files, file)
  return json === undefined ? undefined : objectIn(files, file, json)
}

/** The content of a file, which is an object. */
export function objectIn(files: ModelFiles, file: string, json: unknown): Record<string, unknown> {
  if (isRecord(json)) return json
  throw new FileError('hub', `${files.name}: ${file} holds no JSON object`)
}

/** The content of a JSON file among the files; undefined where there is no such file. */
export async function readAnyJson(files: ModelFiles, file: string): Promise<unknown> {
  const path = await files.find(file)
  if (path === undefined) return undefined
  const text = await withFile('hub', path, async (source) => {
    if (source.size > maxJsonBytes) throw new FileError('hub', `${path}: ${source.size} bytes are too many`)
    return new TextDecoder().decode(await readBytes(source, 0, source.size))
  })
  try {
    return JSON.parse(text)
  } catch {
    throw new FileError('hub', `${path}: is not valid JSON`)
  }
}

const maxJsonBytes = 100_000_000
