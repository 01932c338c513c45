import type { Module } from '../../nn/module.ts'
import type { Tree } from '../../tensor/tree.ts'
import type { AllowanceOptions } from '../allowance.ts'
import { writeFileAtomic } from '../atomic-file.ts'
import { readBytes, withFile } from '../byte-source.ts'
import type { GraphModel } from '../graphs/graph-model.ts'
import type { OnnxExportOptions } from './export/export.ts'

/**
 * Reads an ONNX model from a file or from bytes. The result is an ordinary module: initialisers of floating dtype with at least one
 * dimension are its parameters, under their names in the file; it can be trained, frozen, cut with `forwardTo`, and its state saved.
 * Batch normalisation keeps its statistics, and dropout does nothing. 64-bit integers are computed in 32 bits.
 *
 * Weights in a file of their own (models over 2 GB) are found beside the model. Throws a `FileError` when a file is absent or
 * damaged, or has operations or element types that are not known, all of which are named (https://onnx.ai/onnx/operators).
 */
export async function loadOnnx(source: string | Uint8Array, options: AllowanceOptions = {}): Promise<GraphModel> {
  const { graphModelOf } = await import('./load.ts')
  if (typeof source !== 'string') return graphModelOf({ name: 'model', path: undefined, content: source }, options)
  const content = await withFile('onnx', source, (file) => readBytes(file, 0, file.size))
  return graphModelOf({ name: source, path: source, content }, options)
}

/**
 * Writes what a module computes as an ONNX file of operator set 18. `exampleInputs` are what `forward` takes, with tensors of the right
 * shapes and dtypes, alone or in objects: `[tokens, { attentionMask }]`. They are recorded twice, at two batch sizes, so that the file
 * takes batches of any size: the first dimension of every input, unless `dynamicBatch` is false. The module is recorded as it is in
 * evaluation, whatever mode it is in: no dropout, running statistics in use. Parameters and buffers keep their names.
 *
 * Throws a `ValueError` where the module does what a graph of ONNX cannot say: an op that ONNX has not, sizes that depend on the batch
 * in another way than as multiples, random numbers, more than 2 GiB of weights.
 */
export async function exportOnnx(
  module: Module,
  exampleInputs: readonly Tree[],
  path: string,
  options: OnnxExportOptions = {},
): Promise<void> {
  await writeFileAtomic(path, [await encodeOnnx(module, exampleInputs, options)])
}

/** What {@link exportOnnx} writes, as bytes. */
export async function encodeOnnx(
  module: Module,
  exampleInputs: readonly Tree[],
  options: OnnxExportOptions = {},
): Promise<Uint8Array> {
  const { encode } = await import('./export/export.ts')
  return encode(module, exampleInputs, options)
}
