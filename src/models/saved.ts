import { FileError } from '../core/errors.ts'
import { writeFileAtomic } from '../io/atomic-file.ts'
import { makeFolder } from '../io/folder.ts'
import { findWeights, modelFiles, readJson } from '../io/hub/model-files.ts'
import { saveSafetensors } from '../io/safetensors.ts'
import { loadTensors } from '../io/weights.ts'
import type { Module } from '../nn/module.ts'
import { asOwn, fromPublished, type Published, toPublished } from './published.ts'
import { findTimm } from './timm.ts'

export interface SaveModelOptions {
  /** What the model has to be made from again: the configuration of {@link fromPretrained}, or settings of your own. Default `{}`. */
  readonly config?: Readonly<Record<string, unknown>>
  /** Spreads the weights over files of at most so many bytes. Default: one file. */
  readonly maxShardBytes?: number
}

/**
 * Writes `config.json` and `model.safetensors` to a folder, as the hub has them, each whole or not at all. Where `config` names a network of
 * timm, the weights have timm's names and shapes.
 */
export async function saveModel(
  folder: string,
  model: Module,
  { config = {}, maxShardBytes }: SaveModelOptions = {},
): Promise<void> {
  await makeFolder(folder)
  await saveSafetensors(`${folder}/model.safetensors`, toPublished(model.stateDict(), publishedAs(config)), {
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
  model.loadStateDict(fromPublished(model.stateDict(), tensors, publishedAs(config)))
  return model
}

/** How the network that `config` names is held elsewhere. */
function publishedAs({ architecture }: Readonly<Record<string, unknown>>): Published {
  return (typeof architecture === 'string' && findTimm(architecture)?.published) || asOwn
}
