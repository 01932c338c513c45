export type { AllowanceOptions } from './allowance.ts'
export { type Content, writeFileAtomic } from './atomic-file.ts'
export { loadCheckpoint, saveCheckpoint, type StateTree } from './checkpoint-file.ts'
export { CheckpointFolder, type FoundCheckpoint } from './checkpoint-folder.ts'
export { GraphModel } from './graphs/graph-model.ts'
export type { OnnxExportOptions } from './onnx/export/export.ts'
export { encodeOnnx, exportOnnx, loadOnnx } from './onnx/onnx.ts'
export { type HubOptions, type HubProgress, hubFile } from './hub/hub.ts'
export { type Llama2c, loadLlama2c } from './llama2c.ts'
export { decodeNpy, encodeNpy, loadNpy, saveNpy } from './npy.ts'
export { decodeNpz, encodeNpz, loadNpz, type NpzOptions, saveNpz } from './npz.ts'
export { decodePyTorch, loadPyTorch, type PickleKey, type PyTorchValue } from './pytorch/pytorch.ts'
export {
  decodeSafetensors,
  encodeSafetensors,
  loadSafetensors,
  type NamedTensors,
  type Safetensors,
  type SafetensorsOptions,
  type SaveSafetensorsOptions,
  saveSafetensors,
} from './safetensors.ts'
export { Settings } from './settings.ts'
export { loadStateDict, saveStateDict } from './state-dict.ts'
export { loadGraphModel } from './tfjs/load-graph-model.ts'
export { LayersModel, loadLayersModel } from './tfjs/layers-model.ts'
export { loadTfjs, type TfjsFile } from './tfjs/model-json.ts'
export { type BatchOptions, loadTokenizer, type TextOrPair, type TokenBatch, Tokenizer } from './tokenizer.ts'
export { loadTensors, type WeightsOptions } from './weights.ts'
