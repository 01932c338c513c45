import type { Module } from '../nn/module.ts'
import type { LoadOptions, LoadReport } from '../nn/state-dict.ts'
import type { Tensor } from '../tensor/tensor.ts'
import { type SaveSafetensorsOptions, saveSafetensors } from './safetensors.ts'
import { loadTensors, type WeightsOptions } from './weights.ts'

/**
 * Writes the parameters and buffers of a model to a safetensors file, whole or not at all. Names and layouts are
 * PyTorch's, so the same model there takes it with `model.load_state_dict(safetensors.torch.load_file(path))`.
 */
export async function saveStateDict(
  model: Module,
  path: string,
  { metadata, ...options }: SaveSafetensorsOptions = {},
): Promise<void> {
  await saveSafetensors(path, model.stateDict(), { metadata: { format: 'pt', ...metadata }, ...options })
}

/**
 * Loads the parameters and buffers of a model from a file of any format that {@link loadTensors} knows. Names that
 * `nn.DataParallel` has prefixed with `module.` are taken without it.
 *
 * Throws a `FileError` when the file cannot be read, and a `StateDictError` when its entries do not fit the model, which is
 * then unchanged; see {@link Module.loadStateDict}.
 */
export async function loadStateDict(
  model: Module,
  path: string,
  { strict, ...options }: LoadOptions & WeightsOptions = {},
): Promise<LoadReport> {
  const tensors = await loadTensors(path, options)
  return model.loadStateDict(unwrapped(model, tensors), strict === undefined ? {} : { strict })
}

const wrapper = 'module.'

/** Without the prefix that every name has and no name of the model. */
function unwrapped(model: Module, tensors: ReadonlyMap<string, Tensor>): ReadonlyMap<string, Tensor> {
  const wrapped = [...tensors.keys()].every((name) => name.startsWith(wrapper))
  if (!wrapped || Object.keys(model.stateDict()).some((name) => name.startsWith(wrapper))) return tensors
  return new Map([...tensors].map(([name, x]) => [name.slice(wrapper.length), x]))
}
