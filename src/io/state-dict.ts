import type { Module } from '../nn/module.ts'
import type { LoadOptions, LoadReport } from '../nn/state-dict.ts'
import { loadSafetensors, saveSafetensors, type SafetensorsOptions } from './safetensors.ts'

/**
 * Writes the parameters and buffers of a model to a safetensors file, whole or not at all. Names and layouts are
 * PyTorch's, so the same model there takes it with `model.load_state_dict(safetensors.torch.load_file(path))`.
 */
export async function saveStateDict(model: Module, path: string, { metadata }: SafetensorsOptions = {}): Promise<void> {
  await saveSafetensors(path, model.stateDict(), { metadata: { format: 'pt', ...metadata } })
}

/**
 * Loads the parameters and buffers of a model from a safetensors file, written here or by PyTorch.
 *
 * Throws a `FileError` when the file cannot be read, and a `StateDictError` when its entries do not fit the model, which is
 * then unchanged; see {@link Module.loadStateDict}.
 */
export async function loadStateDict(model: Module, path: string, options: LoadOptions = {}): Promise<LoadReport> {
  const { tensors } = await loadSafetensors(path)
  return model.loadStateDict(tensors, options)
}
