/** Helpers around modules, as `torch.nn.utils`. */
export * from './clip-grad.ts'
export { fuseConvBnEval } from './fuse.ts'
export * from './parameters-to-vector.ts'
export * as parametrizations from './parametrizations.ts'
export * as prune from './prune.ts'
export * as rnn from './rnn.ts'
