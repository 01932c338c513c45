import { fromBinary } from '@bufbuild/protobuf'
import { Allowance, type AllowanceOptions } from '../allowance.ts'
import { GraphModel } from '../graphs/graph-model.ts'
import { graphsIn } from './branches.ts'
import { damaged, type OnnxFile } from './file.ts'
import { GraphReader } from './graph-reader.ts'
import { type GraphProto, type ModelProto, ModelProtoSchema } from './onnx-pb.ts'
import { operations } from './ops/all.ts'
import { computingDType, elementTypeName } from './tensors.ts'

/** The module that an ONNX file stands for. */
export async function graphModelOf(file: OnnxFile, options: AllowanceOptions): Promise<GraphModel> {
  const { name } = file
  const { graph, opsetImport } = parse(file)
  if (!graph) throw damaged(name, 'has no graph')
  const graphs = graphsIn(graph)
  checkSupported(name, graphs)
  if (graph.output.length === 0) throw damaged(name, 'has no output')

  const opset = Number(opsetImport.find(({ domain }) => isStandard(domain))?.version ?? 1)
  const reader = new GraphReader(file, graphs, opset, new Allowance('onnx', name, file.content.length, options))
  const parts = await reader.read(graph)
  const outputNames = graph.output.map((output) => output.name)
  return new GraphModel({ ...parts, constants: reader.constants, outputNames })
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

/** What {@link GraphReader} takes apart itself. */
const structural: readonly string[] = ['Constant', 'If']

/** Throws an error that names all operations and element types that are not known. */
function checkSupported(name: string, graphs: readonly GraphProto[]): void {
  const unknown = new Set<string>()
  for (const { opType, domain } of graphs.flatMap(({ node }) => node)) {
    const known = isStandard(domain) && (structural.includes(opType) || Object.hasOwn(operations, opType))
    if (!known) unknown.add(isStandard(domain) ? opType : `${domain}.${opType}`)
  }
  if (unknown.size > 0) throw damaged(name, `has operations that are not supported: ${[...unknown].join(', ')}`)
  if (graphs.some(({ sparseInitializer }) => sparseInitializer.length > 0))
    throw damaged(name, 'sparse tensors are not supported')
  for (const { name: value, type } of graphs.flatMap(({ input, output }) => [...input, ...output])) {
    if (type?.value.case === undefined) continue
    if (type.value.case !== 'tensorType') throw damaged(name, `'${value}' is no tensor, which is not supported`)
    const { elemType } = type.value.value
    if (!computingDType(elemType))
      throw damaged(name, `'${value}': element type ${elementTypeName(elemType)} is not supported`)
  }
}
