export * from './core/errors.ts'
export type { DType } from './core/dtype.ts'
export type { Shape } from './core/shape.ts'
export { setDevice, setThreads } from './runtime/device.ts'
export { realize } from './tensor/base.ts'
export { compile } from './tensor/compile.ts'
export * from './tensor/creation.ts'
export { cdist } from './tensor/distance.ts'
export { einsum } from './tensor/einsum.ts'
export * from './tensor/grad.ts'
export * from './tensor/joining.ts'
export { bucketize, searchSorted } from './tensor/methods/sorting.ts'
export {
  bernoulli,
  defaultGenerator,
  Generator,
  type GeneratorState,
  manualSeed,
  rand,
  randint,
  randn,
  randperm,
} from './tensor/random.ts'
export { scan, type ScanOptions } from './tensor/scan.ts'
export type { Tree } from './tensor/tree.ts'
export type { Index, RangeText } from './tensor/selection.ts'
export { Tensor } from './tensor/tensor.ts'
export * as nn from './nn/index.ts'
export * as F from './nn/functional/index.ts'
export * as optim from './optim/index.ts'
