export { writeFileAtomic } from './atomic-file.ts'
export {
  decodeSafetensors,
  encodeSafetensors,
  loadSafetensors,
  type NamedTensors,
  type Safetensors,
  type SafetensorsOptions,
  saveSafetensors,
} from './safetensors.ts'
export { loadStateDict, saveStateDict } from './state-dict.ts'
