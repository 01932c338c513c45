import { create, toBinary } from '@bufbuild/protobuf'
import { allocate } from '../../../core/dtype.ts'
import { ValueError } from '../../../core/errors.ts'
import { sizeOf } from '../../../core/shape.ts'
import { expand, type Node, withGrad } from '../../../graph/node.ts'
import { buffer } from '../../../graph/ops/leaves.ts'
import type { Module } from '../../../nn/module.ts'
import { Parameter } from '../../../nn/parameter.ts'
import { withoutTrace } from '../../../runtime/realize.ts'
import { Tensor } from '../../../tensor/tensor.ts'
import { leavesOf, rebuild, type Tree } from '../../../tensor/tree.ts'
import {
  GraphProtoSchema,
  type ModelProto,
  ModelProtoSchema,
  type ValueInfoProto,
  ValueInfoProtoSchema,
} from '../onnx-pb.ts'
import type { Conversions } from './conversion.ts'
import { elementwise } from './elementwise.ts'
import { products } from './products.ts'
import { type Extent, isBatch, Trace } from './trace.ts'
import { views } from './views.ts'
import { elementTypes, type Value, Writer } from './writer.ts'

const conversions: Conversions = { ...elementwise, ...products, ...views }

/** The operator set that files are written in, and the version of the format that came with it. */
const [opset, irVersion] = [18n, 8n]

export interface OnnxExportOptions {
  /** Whether the first dimension of all inputs is the batch, whose size may differ from the examples'. Default true. */
  readonly dynamicBatch?: boolean
  /** Default: `input`, `input_1` ...; inputs that are given by name have that name. */
  readonly inputNames?: readonly string[]
  /** Default: `output`, `output_1` ...; outputs that the model gives by name have that name. */
  readonly outputNames?: readonly string[]
}

/** What the module computes, recorded for given inputs: the inputs' and outputs' nodes. */
interface Recording {
  readonly inputs: readonly Node[]
  readonly outputs: readonly Node[]
}

/** The module as a message of ONNX. */
export async function modelOf(
  module: Module,
  examples: readonly Tree[],
  { dynamicBatch = true, inputNames, outputNames }: OnnxExportOptions,
): Promise<ModelProto> {
  const tensors = leavesOf(examples)
  if (tensors.length === 0) throw new ValueError('exportOnnx', 'expects example inputs, one or more tensors')
  const leaves = [...module.namedParameters(), ...module.namedBuffers()]
  // Values that were never computed would be a part of what is recorded.
  for (const [, leaf] of leaves) await leaf.data()
  for (const x of tensors) await x.data()

  const { recordings, names, batch } = evaluated(module, () => {
    if (!dynamicBatch) {
      const { recording, names } = record(module, examples, tensors)
      return { recordings: [recording, recording] as const, names, batch: 0 }
    }
    const [first, second] = [2, 3].map((n) =>
      record(
        module,
        examples,
        tensors.map((x) => repeated(x, n)),
      ),
    ) as [Recorded, Recorded]
    return { recordings: [first.recording, second.recording] as const, names: first.names, batch: 2 }
  })

  const trace = new Trace(batch)
  const [first, second] = recordings
  for (const [i, input] of first.inputs.entries()) trace.pair(input, second.inputs[i]!)
  for (const [i, output] of first.outputs.entries()) trace.pair(output, second.outputs[i]!)
  const writer = new Writer()
  const values = new Map<Node, Value>()
  const given = inputNames ?? named(examples, 'input')
  const inputs = first.inputs.map((node, i) => {
    const value = {
      name: writer.name(checked(given, i, first.inputs.length, 'inputNames')),
      extents: trace.extents(node),
    }
    values.set(node, value)
    return infoOf(value, node)
  })
  writer.batchInput = inputs[0]!.name
  for (const [name, leaf] of leaves) {
    const { node } = leaf
    if (values.has(node)) continue
    values.set(node, {
      name: writer.initializer(writer.name(name), node.value!, node.shape, node.dtype, leaf instanceof Parameter),
      extents: node.shape,
    })
  }

  const isKnown = (node: Node): boolean => {
    const conversion = Object.hasOwn(conversions, node.op.name) ? conversions[node.op.name] : undefined
    return conversion !== undefined && (conversion.takes?.(node) ?? true)
  }
  for (const node of trace.order(first.outputs, isKnown)) {
    if (!values.has(node)) values.set(node, written(node, { trace, writer, values, isKnown }))
  }

  const outputs = first.outputs.map((node, i) => {
    const value = values.get(node)!
    const name = writer.name(checked(outputNames ?? names, i, first.outputs.length, 'outputNames'))
    writer.output(value.name, name)
    values.set(node, { ...value, name })
    return infoOf({ ...value, name }, node)
  })
  const { nodes, initializers } = writer.used(outputs.map(({ name }) => name))
  return create(ModelProtoSchema, {
    irVersion,
    producerName: 'gradus',
    opsetImport: [{ version: opset }],
    graph: create(GraphProtoSchema, {
      name: module.constructor.name,
      node: nodes,
      initializer: initializers,
      input: inputs,
      output: outputs,
    }),
  })
}

/** The bytes of {@link modelOf}. */
export async function encode(
  module: Module,
  examples: readonly Tree[],
  options: OnnxExportOptions,
): Promise<Uint8Array> {
  const model = await modelOf(module, examples, options)
  const size = model.graph!.initializer.reduce((sum, { rawData }) => sum + rawData.length, 0)
  if (size >= 2 ** 31 - 2 ** 20)
    throw new ValueError(
      'exportOnnx',
      `a file of ONNX holds at most 2 GiB, the weights take ${size} bytes; use float16`,
    )
  return toBinary(ModelProtoSchema, model)
}

interface Recorded {
  readonly recording: Recording
  readonly names: readonly string[]
}

/** Calls `forward` with other tensors in the place of those of the examples. */
function record(module: Module, examples: readonly Tree[], tensors: readonly Tensor[]): Recorded {
  // Inputs of their own, so that an example that the module holds too is no constant.
  const inputs = tensors.map((x) => new Tensor(copied(x.node)))
  const forward = module.forward as unknown as (...given: readonly Tree[]) => Tree
  const result = withGrad(false, () => forward.apply(module, [...rebuild(examples, inputs)]))
  const outputs = leavesOf(result)
  if (outputs.length === 0) throw new ValueError('exportOnnx', 'forward gives no tensor')
  const nodes = (list: readonly Tensor[]): Node[] => list.map((x) => x.node)
  return { recording: { inputs: nodes(inputs), outputs: nodes(outputs) }, names: named([result], 'output') }
}

/** The first sample of `x`, `n` times. */
function repeated(x: Tensor, n: number): Tensor {
  const { value, shape, dtype } = x.node
  const [samples, ...rest] = shape
  if (samples === undefined || samples === 0) {
    throw new ValueError(
      'exportOnnx',
      `every input needs a batch dimension, received shape [${shape.join(', ')}]; pass { dynamicBatch: false } where there is none`,
    )
  }
  const size = sizeOf(rest)
  const all = allocate(dtype, n * size)
  for (let i = 0; i < n; i++) all.set(value!.subarray(0, size), i * size)
  return new Tensor(buffer(all, [n, ...rest], dtype))
}

function copied({ value, shape, dtype }: Node): Node {
  return buffer(value!, shape, dtype)
}

/** Runs `fn` with the module as it is in evaluation; nothing that it records or changes stays. */
function evaluated<T>(module: Module, fn: () => T): T {
  const before = module.modules().map((part) => [part, part.training] as const)
  module.eval()
  try {
    return withoutTrace(fn)
  } finally {
    for (const [part, training] of before) part.training = training
  }
}

/** Names of the tensors of a tree: the key of each in its object, or `base` with a number. */
function named(tree: readonly Tree[], base: string): string[] {
  const names: string[] = []
  const visit = (part: Tree, key: string | undefined): void => {
    if (part instanceof Tensor) names.push(key ?? (names.length === 0 ? base : `${base}_${names.length}`))
    else if (Array.isArray(part)) for (const item of part as readonly Tree[]) visit(item, undefined)
    else if (part) for (const [name, item] of Object.entries(part)) visit(item, name)
  }
  visit(tree, undefined)
  return names
}

function checked(names: readonly string[], i: number, count: number, option: string): string {
  const name = names[i]
  if (name !== undefined && names.length === count) return name
  throw new ValueError('exportOnnx', `${option} must be ${count} names, received ${names.length}`)
}

/** What the file says of an input or output. */
function infoOf({ name, extents }: Value, { dtype }: Node): ValueInfoProto {
  const dim = extents.map((extent) => ({
    value: isBatch(extent)
      ? { case: 'dimParam' as const, value: extent.times === 1 ? 'batch' : `${extent.times}*batch` }
      : { case: 'dimValue' as const, value: BigInt(extent) },
  }))
  const value = { elemType: elementTypes[dtype], shape: { dim } }
  return create(ValueInfoProtoSchema, { name, type: { value: { case: 'tensorType', value } } })
}

interface Context {
  readonly trace: Trace
  readonly writer: Writer
  readonly values: ReadonlyMap<Node, Value>
  readonly isKnown: (node: Node) => boolean
}

/** Writes what a node is computed by. */
function written(node: Node, { trace, writer, values, isKnown }: Context): Value {
  const extents = trace.extents(node)
  if (node.value) return { name: constantOf(node, extents, trace, writer), extents }
  if (!isKnown(node)) return values.get(expand(node))!
  const inputs = node.inputs.map((input) => values.get(input)!)
  return {
    name: conversions[node.op.name]!.write({ node, inputs, extents, extent: (of) => trace.extent(node, of), writer }),
    extents,
  }
}

/** A value that is known without the inputs: all of it, or one number as often as the batch size asks for. */
function constantOf(node: Node, extents: readonly Extent[], trace: Trace, writer: Writer): string {
  const { value, shape, dtype } = node
  const other = trace.twin(node).value!
  const uniform = value!.every((element) => element === value![0])
  const fixed = !extents.some(isBatch)
  if (!(fixed ? value!.every((element, i) => Object.is(element, other[i])) : uniform && value![0] === other[0]))
    throw new ValueError('exportOnnx', 'a constant depends on the batch size; pass { dynamicBatch: false }')
  if (value!.length > 0 && uniform && (shape.length === 0 || !fixed)) {
    const one = writer.scalar(value!.subarray(0, 1), dtype)
    return shape.length === 0 ? one : writer.add('Expand', [one, writer.shape(extents)])
  }
  return writer.initializer(writer.name('constant'), value!, shape, dtype)
}
