import { create, fromBinary } from '@bufbuild/protobuf'
import { isFloating } from '../../core/dtype.ts'
import { FileError } from '../../core/errors.ts'
import { Buffer, Parameter } from '../../nn/parameter.ts'
import type { Tensor } from '../../tensor/tensor.ts'
import { Allowance, type AllowanceOptions } from '../allowance.ts'
import { readBytes, withFile } from '../byte-source.ts'
import { type Edge, GraphModel, type Step } from '../graphs/graph-model.ts'
import { Attributes } from './attributes.ts'
import {
  type AttributeProto,
  type GraphProto,
  type ModelProto,
  ModelProtoSchema,
  type NodeProto,
  TensorProtoSchema,
} from './onnx-pb.ts'
import { images } from './ops/images.ts'
import { arithmetic } from './ops/arithmetic.ts'
import { normalization } from './ops/normalization.ts'
import type { Operations } from './ops/operation.ts'
import { recurrent } from './ops/recurrent.ts'
import { shaping } from './ops/shaping.ts'
import { computingDType, elementTypeName, isMarkedUntrained, type Reading, readTensor } from './tensors.ts'

const operations: Operations = { ...arithmetic, ...images, ...normalization, ...recurrent, ...shaping }

/** Inputs that are no weights: running statistics, sizes, scales of quantisation. */
const untrained: Readonly<Record<string, readonly number[]>> = {
  BatchNormalization: [3, 4],
  DequantizeLinear: [1, 2],
  Pad: [2],
  QuantizeLinear: [1, 2],
  Resize: [1, 2],
  Upsample: [1],
}

/** What the file may lie beside: the path of the model, or undefined where it came as bytes. */
export interface OnnxFile {
  readonly name: string
  readonly path: string | undefined
  readonly content: Uint8Array
}

export function damaged(name: string, problem: string): FileError {
  return new FileError('onnx', `${name}: ${problem}`)
}

/** The module that an ONNX file stands for. */
export async function graphModelOf(file: OnnxFile, options: AllowanceOptions): Promise<GraphModel> {
  const { name } = file
  const { graph, opsetImport } = parse(file)
  if (!graph) throw damaged(name, 'has no graph')
  if (graph.sparseInitializer.length > 0) throw damaged(name, 'sparse tensors are not supported')
  const opset = Number(opsetImport.find(({ domain }) => isStandard(domain))?.version ?? 1)
  checkSupported(name, graph)

  const allowance = new Allowance('onnx', name, file.content.length, options)
  const still = new Set(graph.node.flatMap((node) => (untrained[node.opType] ?? []).map((i) => node.input[i])))
  const constants = new Map<string, Parameter | Buffer>()
  const edges = new Map<string, Edge>()
  const define = (value: string, node: string, output = 0): void => {
    if (edges.has(value)) throw damaged(name, `two values are called '${value}'`)
    edges.set(value, { node, output })
  }
  for (const message of graph.initializer) {
    const x = await readTensor(message, readingOf(file, allowance, `initializer '${message.name}'`))
    define(message.name, message.name)
    const trained = isFloating(x.dtype) && x.rank > 0 && !still.has(message.name) && !isMarkedUntrained(message)
    constants.set(message.name, trained ? new Parameter(x) : new Buffer(x))
  }
  // Files of the first versions list initialisers among the inputs.
  const inputs = graph.input.filter((input) => !constants.has(input.name)).map((input) => input.name)
  for (const input of inputs) define(input, input)

  const steps = new Map<string, Step>()
  for (const node of graph.node) {
    const id = node.output.find((output) => output !== '')
    if (id === undefined) continue
    for (const [i, output] of node.output.entries()) if (output !== '') define(output, id, i)
    if (node.opType === 'Constant') {
      constants.set(id, await constantOf(node, readingOf(file, allowance, `node '${id}' (Constant)`)))
      continue
    }
    const fail = (problem: string): FileError => damaged(name, problem)
    const tensors = new Map<string, Tensor>()
    for (const { name: attribute, t: message } of node.attribute) {
      if (message) tensors.set(attribute, await readTensor(message, readingOf(file, allowance, `node '${id}'`)))
    }
    const attributes = new Attributes({ attributes: node.attribute, tensors, opset, outputs: node.output.length, fail })
    const operation = operations[node.opType]!
    steps.set(id, { name: id, op: node.opType, inputs: [], compute: (given) => operation(given, attributes) })
  }
  const edgeOf = (value: string): Edge => {
    const edge = edges.get(value)
    if (edge) return edge
    throw damaged(name, `nothing gives the value '${value}'`)
  }
  for (const node of graph.node) {
    const step = steps.get(node.output.find((output) => output !== '') ?? '')
    if (!step) continue
    steps.set(step.name, { ...step, inputs: node.input.map((value) => (value === '' ? undefined : edgeOf(value))) })
  }
  if (graph.output.length === 0) throw damaged(name, 'has no output')
  const outputNames = graph.output.map((output) => output.name)
  return new GraphModel({ constants, steps, inputs, outputs: outputNames.map(edgeOf), outputNames })
}

function parse({ name, content }: OnnxFile): ModelProto {
  try {
    return fromBinary(ModelProtoSchema, content, { readUnknownFields: false })
  } catch (error) {
    // The library throws what it finds: cut bytes, wrong types, messages in messages too deep for the stack.
    throw damaged(name, `is no ONNX file: ${(error as Error).message}`)
  }
}

const isStandard = (domain: string): boolean => domain === '' || domain === 'ai.onnx'

/** Throws an error that names all operations and element types that are not known. */
function checkSupported(name: string, graph: GraphProto): void {
  const unknown = new Set<string>()
  for (const { opType, domain } of graph.node) {
    const known = isStandard(domain) && (opType === 'Constant' || Object.hasOwn(operations, opType))
    if (!known) unknown.add(isStandard(domain) ? opType : `${domain}.${opType}`)
  }
  if (unknown.size > 0) throw damaged(name, `has operations that are not supported: ${[...unknown].join(', ')}`)
  for (const { name: value, type } of [...graph.input, ...graph.output]) {
    if (type?.value.case === undefined) continue
    if (type.value.case !== 'tensorType') throw damaged(name, `'${value}' is no tensor, which is not supported`)
    const { elemType } = type.value.value
    if (!computingDType(elemType))
      throw damaged(name, `'${value}': element type ${elementTypeName(elemType)} is not supported`)
  }
}

function readingOf(file: OnnxFile, allowance: Allowance, what: string): Reading {
  const { name, path } = file
  const fail = (problem: string): FileError => damaged(name, `${what}: ${problem}`)
  if (path === undefined) return { fail, allowance }
  const external: Reading['external'] = async (entries, length) => {
    const [location = '', offset = 0] = [entries.get('location'), Number(entries.get('offset') ?? 0)]
    // Names come from strangers: only files beside the model are opened.
    if (!/^\w[\w.+ -]*$/.test(location)) throw fail(`its data lie in '${location}', which is no plain file name`)
    const { dirname, join } = await import('node:path')
    return withFile('onnx', join(dirname(path), location), (source) => {
      if (!(offset >= 0 && offset + length <= source.size)) throw fail(`its data are cut short in '${location}'`)
      return readBytes(source, offset, length)
    })
  }
  return { fail, allowance, external }
}

/** The value of a node `Constant`: no parameter and no part of the state, as in the file. */
async function constantOf(node: NodeProto, reading: Reading): Promise<Buffer> {
  const given = (name: string): AttributeProto | undefined => node.attribute.find((own) => own.name === name)
  const [float, floats] = [given('value_float'), given('value_floats')]
  const [integer, list] = [given('value_int'), given('value_ints')]
  const message =
    given('value')?.t ??
    (float && create(TensorProtoSchema, { dataType: 1, floatData: [float.f] })) ??
    (floats &&
      create(TensorProtoSchema, { dataType: 1, floatData: floats.floats, dims: [BigInt(floats.floats.length)] })) ??
    (integer && create(TensorProtoSchema, { dataType: 7, int64Data: [integer.i] })) ??
    (list && create(TensorProtoSchema, { dataType: 7, int64Data: list.ints, dims: [BigInt(list.ints.length)] }))
  if (!message) throw reading.fail('its kind of value is not supported')
  return new Buffer(await readTensor(message, reading), { persistent: false })
}
