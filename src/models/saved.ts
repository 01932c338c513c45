import { FileError } from '../core/errors.ts'
import { writeFileAtomic } from '../io/atomic-file.ts'
import { makeFolder } from '../io/folder.ts'
import { findWeights, modelFiles, readJson } from '../io/hub/model-files.ts'
import { saveSafetensors } from '../io/safetensors.ts'
import { loadTensors } from '../io/weights.ts'
import type { Module } from '../nn/module.ts'
import type { PublishedName } from './architecture.ts'
import { timmNames } from './timm.ts'

export interface SaveModelOptions {
  /** What the model has to be made from again: the configuration of {@link fromPretrained}, or settings of your own. Default `{}`. */
  readonly config?: Readonly<Record<string, unknown>>
  /** Spreads the weights over files of at most so many bytes. Default: one file. */
  readonly maxShardBytes?: number
}

/**
 * Writes `config.json` and `model.safetensors` to a folder, as the hub has them, each whole or not at all. Where `config` names a network of
 * timm, the weights have timm's names.
 */
export async function saveModel(
  folder: string,
  model: Module,
  { config = {}, maxShardBytes }: SaveModelOptions = {},
): Promise<void> {
  await makeFolder(folder)
  const nameOf = publishedName(config)
  const state = Object.entries(model.stateDict()).map(([name, x]) => [nameOf(name), x] as const)
  await saveSafetensors(`${folder}/model.safetensors`, Object.fromEntries(state), {
    metadata: { format: 'pt' },
    ...(maxShardBytes !== undefined && { maxShardBytes }),
  })
  await writeFileAtomic(`${folder}/config.json`, `${JSON.stringify(config, null, 2)}\n`)
}

/**
 * The model of a folder that {@link saveModel} wrote. `make` gets the configuration and gives an untrained model; models of known
 * architectures need none: see {@link fromPretrained}.
 *
 * ```ts
 * const model = await loadModel('digits', ({ width }) => new Digits(Number(width)))
 * ```
 *
 * Throws a `FileError` when the files cannot be read, and a `StateDictError` when the weights do not fit.
 */
export async function loadModel<M extends Module>(
  folder: string,
  make: (config: Readonly<Record<string, unknown>>) => M,
): Promise<M> {
  const files = await modelFiles(folder, { offline: true })
  const config = await readJson(files, 'config.json')
  if (!config) throw new FileError('loadModel', `${folder}: has no config.json`)
  const model = make(config)
  const tensors = await loadTensors(await findWeights(files))
  const own = new Map(Object.keys(model.stateDict()).map((name) => [publishedName(config)(name), name]))
  model.loadStateDict(new Map([...tensors].map(([name, x]) => [own.get(name) ?? name, x])))
  return model
}

/** What the network that `config` names calls its parts elsewhere. */
function publishedName({ architecture }: Readonly<Record<string, unknown>>): PublishedName {
  return (typeof architecture === 'string' && timmNames(architecture)) || ((name) => name)
}
