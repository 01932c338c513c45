import { FileError, ValueError } from '../core/errors.ts'
import { Tensor } from '../tensor/tensor.ts'
import type { AllowanceOptions } from './allowance.ts'
import { readBytes, withFile } from './byte-source.ts'
import { isNpy } from './npy.ts'
import { loadNpz } from './npz.ts'
import { isPyTorch, loadPyTorch, type PyTorchValue } from './pytorch/pytorch.ts'
import { loadSafetensors } from './safetensors.ts'
import { isShardIndex, loadShards } from './safetensors-shards.ts'
import { isZip } from './zip.ts'

export interface WeightsOptions extends AllowanceOptions {
  /** Under which key a PyTorch checkpoint keeps the state dict. Default: the top itself, or one of the usual keys. */
  readonly key?: string
}

/** Where training scripts keep the state dict, in this order. */
const usualKeys: readonly string[] = ['state_dict', 'model_state_dict', 'model', 'net', 'module', 'params', 'weights']

/**
 * Reads weights by name from a safetensors file, a PyTorch checkpoint, a `.npz` file, or an index of several such files
 * (`model.safetensors.index.json`, `pytorch_model.bin.index.json`). The content decides, not the ending.
 *
 * In a PyTorch checkpoint the state dict is looked for at the top and under `state_dict`, `model_state_dict`, `model`, `net`,
 * `module`, `params` and `weights`; `key` names another place. Throws a `FileError` when the file cannot be read or has no
 * state dict.
 */
export async function loadTensors(path: string, options: WeightsOptions = {}): Promise<ReadonlyMap<string, Tensor>> {
  if (isShardIndex(path)) {
    const load = async (file: string) => ({ tensors: await loadTensors(file, options), metadata: {} })
    return (await loadShards(path, load)).tensors
  }
  const start = await withFile('weights', path, (source) => readBytes(source, 0, Math.min(source.size, 64)))
  if (isZip(start) && isArchiveOfArrays(start)) return loadNpz(path, options)
  if (isPyTorch(start)) return stateDictIn(path, await loadPyTorch(path, options), options)
  if (isNpy(start)) throw new FileError('weights', `${path}: holds one array without a name; use loadNpy`)
  return (await loadSafetensors(path)).tensors
}

/** NumPy's archives begin with an array, PyTorch's never do. */
function isArchiveOfArrays(start: Uint8Array): boolean {
  const length = start[26]! + 256 * start[27]!
  return new TextDecoder().decode(start.subarray(30, 30 + length)).endsWith('.npy') || length > start.length - 30
}

/** The state dict in what a checkpoint holds. */
export function stateDictIn(
  file: string,
  value: PyTorchValue,
  { key }: Pick<WeightsOptions, 'key'> = {},
): ReadonlyMap<string, Tensor> {
  if (key !== undefined) {
    const found = value instanceof Map ? asStateDict(value.get(key)) : undefined
    if (found) return found
    throw new ValueError('weights', `${file}: no state dict under '${key}'; ${described(value)}`)
  }
  const top = asStateDict(value)
  if (top) return top
  for (const usual of usualKeys) {
    const found = value instanceof Map ? asStateDict(value.get(usual)) : undefined
    if (found) return found
  }
  throw new FileError('weights', `${file}: has no state dict at a usual place; ${described(value)}; pass { key }`)
}

function asStateDict(value: PyTorchValue | undefined): ReadonlyMap<string, Tensor> | undefined {
  if (!(value instanceof Map) || value.size === 0) return undefined
  for (const [name, x] of value) if (typeof name !== 'string' || !(x instanceof Tensor)) return undefined
  return value as ReadonlyMap<string, Tensor>
}

function described(value: PyTorchValue): string {
  if (!(value instanceof Map)) return 'the file holds no dict'
  const keys = [...value.keys()].slice(0, 10).map(String)
  return `its keys are ${keys.join(', ')}${value.size > keys.length ? ' ...' : ''}`
}
