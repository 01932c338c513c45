import type { AllowanceOptions } from '../allowance.ts'
import { readBytes, withFile } from '../byte-source.ts'
import type { GraphModel } from '../graphs/graph-model.ts'

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
