import { FileError } from '../../core/errors.ts'
import { isRecord } from '../../core/record.ts'
import { sizeOf } from '../../core/shape.ts'
import { buffer } from '../../graph/ops/leaves.ts'
import { Tensor } from '../../tensor/tensor.ts'
import { Allowance, type AllowanceOptions } from '../allowance.ts'
import { readBytes, sourceOf, withFile } from '../byte-source.ts'
import { dtypeOf, type ElementType, readElements, storedBytes } from '../elements.ts'

/** What TensorFlow.js stores: `model.json` with the topology and a list of weights, and their bytes in files beside it. */
export interface TfjsFile {
  /** Layers of Keras, or the graph of TensorFlow. */
  readonly kind: 'layers' | 'graph'
  readonly topology: Readonly<Record<string, unknown>>
  /** By their names in TensorFlow, in TensorFlow's layouts. */
  readonly tensors: ReadonlyMap<string, Tensor>
  /** Of a graph: which of its nodes are inputs and outputs, where the file says so. */
  readonly signature?: Readonly<Record<string, unknown>>
}

interface Weight {
  readonly name: string
  readonly shape: readonly number[]
  readonly dtype: 'float32' | 'int32' | 'bool' | 'uint8'
  readonly quantization: Quantization | undefined
}

interface Quantization {
  readonly dtype: 'uint8' | 'uint16' | 'float16'
  readonly scale: number
  readonly min: number
}

/** A topology of more bytes than this is no model. */
const maxJsonBytes = 100_000_000

/**
 * Reads a model in the format of TensorFlow.js: `path` is its `model.json`, the weights are in files beside it. Weights that
 * were quantised are widened again. Throws a `FileError` when a file is absent or damaged.
 */
export async function loadTfjs(path: string, options: AllowanceOptions = {}): Promise<TfjsFile> {
  const text = await withFile('tfjs', path, async (source) => {
    if (source.size > maxJsonBytes) throw damaged(path, `${source.size} bytes are too many for a model.json`)
    return new TextDecoder().decode(await readBytes(source, 0, source.size))
  })
  const json = parse(path, text)
  const { modelTopology: topology, weightsManifest: manifest } = json
  if (!isRecord(topology)) throw damaged(path, 'has no modelTopology')
  if (!Array.isArray(manifest)) throw damaged(path, 'has no weightsManifest')
  const tensors = new Map<string, Tensor>()
  for (const group of manifest) await readGroup(path, group, tensors, options)
  const graph = json['format'] === 'graph-model' || Array.isArray(topology['node'])
  const { signature } = json
  return { kind: graph ? 'graph' : 'layers', topology, tensors, ...(isRecord(signature) && { signature }) }
}

/** Weights that lie one after the other in files that lie one after the other. */
async function readGroup(
  path: string,
  group: unknown,
  tensors: Map<string, Tensor>,
  options: AllowanceOptions,
): Promise<void> {
  const { dirname, join } = await import('node:path')
  if (!isRecord(group) || !Array.isArray(group['paths']) || !Array.isArray(group['weights'])) {
    throw damaged(path, 'a group of weights has no paths or no weights')
  }
  const shards: Uint8Array[] = []
  for (const shard of group['paths']) {
    // Names come from strangers: only files beside the model are opened.
    if (typeof shard !== 'string' || !/^\w[\w.+ -]*$/.test(shard)) {
      throw damaged(path, `weights in ${JSON.stringify(shard)}, which is no plain file name`)
    }
    shards.push(await withFile('tfjs', join(dirname(path), shard), (source) => readBytes(source, 0, source.size)))
  }
  const size = shards.reduce((sum, shard) => sum + shard.length, 0)
  const bytes = new Uint8Array(size)
  let at = 0
  for (const shard of shards) {
    bytes.set(shard, at)
    at += shard.length
  }
  const source = sourceOf(bytes, path)
  const allowance = new Allowance('tfjs', path, size, options)
  at = 0
  for (const entry of group['weights']) {
    const weight = checkWeight(path, entry)
    if (tensors.has(weight.name)) throw damaged(path, `two weights are called '${weight.name}'`)
    const stored: ElementType = weight.quantization?.dtype ?? weight.dtype
    const count = sizeOf(weight.shape)
    const length = count * storedBytes(stored)
    if (!(length <= size - at)) throw damaged(path, `weight '${weight.name}' is cut short`)
    allowance.take(4 * count, `weight '${weight.name}'`)
    const fail = (problem: string): FileError => damaged(path, `weight '${weight.name}': ${problem}`)
    const elements = await readElements(source, at, count, stored, fail)
    const x = new Tensor(buffer(elements, weight.shape, dtypeOf(stored)))
    tensors.set(weight.name, weight.quantization ? widened(x, weight.quantization, weight.dtype) : x)
    at += length
  }
  if (at !== size) throw damaged(path, `the weights of a group take ${at} bytes, ${size} are there`)
}

function widened(x: Tensor, { dtype, scale, min }: Quantization, wanted: Weight['dtype']): Tensor {
  if (dtype === 'float16') return x.to(wanted)
  const values = x.to('float32').mul(scale).add(min)
  return wanted === 'int32' ? values.round().to('int32') : values
}

function checkWeight(path: string, entry: unknown): Weight {
  const fail = (problem: string): FileError => damaged(path, `a weight ${problem}`)
  if (!isRecord(entry) || typeof entry['name'] !== 'string') throw fail('has no name')
  const { name, shape, dtype, quantization } = entry
  if (!Array.isArray(shape) || !shape.every((size) => Number.isSafeInteger(size) && size >= 0)) {
    throw fail(`'${name}' has a damaged shape`)
  }
  if (dtype !== 'float32' && dtype !== 'int32' && dtype !== 'bool' && dtype !== 'uint8') {
    throw fail(`'${name}' has dtype ${JSON.stringify(dtype)}; expected float32, int32, uint8 or bool`)
  }
  return {
    name,
    shape,
    dtype,
    quantization: checkQuantization(quantization, (problem) => fail(`'${name}' ${problem}`)),
  }
}

function checkQuantization(value: unknown, fail: (problem: string) => FileError): Quantization | undefined {
  if (value === undefined) return undefined
  if (!isRecord(value)) throw fail('has a damaged quantization')
  const { dtype, scale = 1, min = 0 } = value
  if (dtype !== 'uint8' && dtype !== 'uint16' && dtype !== 'float16') {
    throw fail(`is quantised as ${JSON.stringify(dtype)}; expected uint8, uint16 or float16`)
  }
  if (typeof scale !== 'number' || typeof min !== 'number') throw fail('has a damaged quantization')
  return { dtype, scale, min }
}

function parse(path: string, text: string): Record<string, unknown> {
  let json: unknown
  try {
    json = JSON.parse(text)
  } catch {
    throw damaged(path, 'is not valid JSON')
  }
  if (!isRecord(json)) throw damaged(path, 'is not a model.json')
  return json
}

export function damaged(path: string, problem: string): FileError {
  return new FileError('tfjs', `${path}: ${problem}`)
}
