import { create } from '@bufbuild/protobuf'
import { isFloating } from '../../core/dtype.ts'
import type { FileError } from '../../core/errors.ts'
import { Buffer, Parameter } from '../../nn/parameter.ts'
import type { Tensor } from '../../tensor/tensor.ts'
import type { Allowance } from '../allowance.ts'
import type { Edge, Step } from '../graphs/steps.ts'
import { Attributes } from './attributes.ts'
import { type Branch, conditional } from './branches.ts'
import { damaged, type OnnxFile, readingOf } from './file.ts'
import { type AttributeProto, type GraphProto, type NodeProto, TensorProtoSchema } from './onnx-pb.ts'
import { operations } from './ops/all.ts'
import { isMarkedUntrained, type Reading, readTensor } from './tensors.ts'

/** Inputs that are no weights: running statistics, sizes, scales of quantisation. */
const untrained: Readonly<Record<string, readonly number[]>> = {
  BatchNormalization: [3, 4],
  DequantizeLinear: [1, 2],
  Pad: [2],
  QuantizeLinear: [1, 2],
  Resize: [1, 2],
  Upsample: [1],
}

/** A graph whose names have been found, and what it is given. */
interface ReadGraph extends Branch {
  readonly inputs: readonly string[]
}

/** The values that a graph knows by name: its own, and those of the graphs around it. */
class Scope {
  readonly #own = new Map<string, Edge>()
  readonly #around: Scope | undefined
  /** Stands before a name that another branch has, too. */
  readonly path: string

  constructor(path = '', around?: Scope) {
    this.path = path
    this.#around = around
  }

  find(value: string): Edge | undefined {
    return this.#own.get(value) ?? this.#around?.find(value)
  }

  define(value: string, edge: Edge): void {
    this.#own.set(value, edge)
  }
}

/** Takes graphs apart: one call of {@link read} for a model, whose constants, those in branches too, are then all in one place. */
export class GraphReader {
  readonly constants: Map<string, Parameter | Buffer> = new Map()
  readonly #file: OnnxFile
  readonly #opset: number
  readonly #allowance: Allowance
  /** Initialisers that are no parameters. */
  readonly #still: ReadonlySet<string | undefined>
  /** Of all nodes: names in a file need only differ from those around them, these differ in the whole model. */
  readonly #names = new Set<string>()

  /** Of `graphs` all are looked through for what is to be trained; `opset` is the version of the operator set. */
  constructor(file: OnnxFile, graphs: readonly GraphProto[], opset: number, allowance: Allowance) {
    this.#file = file
    this.#opset = opset
    this.#allowance = allowance
    const nodes = graphs.flatMap(({ node }) => node)
    this.#still = new Set(nodes.flatMap((node) => (untrained[node.opType] ?? []).map((i) => node.input[i])))
  }

  async read(graph: GraphProto, scope: Scope = new Scope()): Promise<ReadGraph> {
    for (const message of graph.initializer) {
      const x = await readTensor(message, this.reading(`initializer '${message.name}'`))
      const trained = isFloating(x.dtype) && x.rank > 0 && !this.#still.has(message.name) && !isMarkedUntrained(message)
      this.constants.set(this.define(scope, [message.name]), trained ? new Parameter(x) : new Buffer(x))
    }
    // Files of the first versions list initialisers among the inputs.
    const inputs = graph.input.filter((input) => !this.constants.has(input.name)).map((input) => input.name)
    for (const input of inputs) this.define(scope, [input])
    const named = new Map<NodeProto, string>()
    for (const node of graph.node) if (node.output.some(isGiven)) named.set(node, this.define(scope, node.output))

    const steps = new Map<string, Step>()
    for (const [node, name] of named) {
      if (node.opType === 'Constant') this.constants.set(name, await this.constant(node, name))
      else
        steps.set(
          name,
          node.opType === 'If' ? await this.branching(node, name, scope) : await this.step(node, name, scope),
        )
    }
    return { inputs, steps, outputs: graph.output.map((output) => this.edge(scope, output.name)) }
  }

  /** Makes the outputs of a node known, and gives the node a name: that of its first output. */
  private define(scope: Scope, outputs: readonly string[]): string {
    const first = outputs.find(isGiven) ?? ''
    const name = this.#names.has(first) ? scope.path + first : first
    const twice = (value: string): FileError => damaged(this.#file.name, `two values are called '${value}'`)
    if (this.#names.has(name)) throw twice(name)
    this.#names.add(name)
    for (const [output, value] of outputs.entries()) {
      if (scope.find(value)) throw twice(value)
      if (isGiven(value)) scope.define(value, { node: name, output })
    }
    return name
  }

  private edge(scope: Scope, value: string): Edge {
    const edge = scope.find(value)
    if (edge) return edge
    throw damaged(this.#file.name, `nothing gives the value '${value}'`)
  }

  private reading(what: string): Reading {
    return readingOf(this.#file, this.#allowance, what)
  }

  private async step(node: NodeProto, name: string, scope: Scope): Promise<Step> {
    const fail = (problem: string): FileError => damaged(this.#file.name, problem)
    const tensors = new Map<string, Tensor>()
    for (const { name: attribute, t: message } of node.attribute)
      if (message) tensors.set(attribute, await readTensor(message, this.reading(`node '${name}'`)))
    const facts = { attributes: node.attribute, tensors, opset: this.#opset, outputs: node.output.length, fail }
    const attributes = new Attributes(facts)
    const operation = operations[node.opType]!
    const inputs = node.input.map((value) => (value === '' ? undefined : this.edge(scope, value)))
    return { name, op: node.opType, inputs, compute: (given) => operation(given, attributes) }
  }

  private async branching(node: NodeProto, name: string, scope: Scope): Promise<Step> {
    const fail = (problem: string): FileError => damaged(this.#file.name, `node '${name}' (If): ${problem}`)
    const branch = async (attribute: string): Promise<Branch> => {
      const graph = node.attribute.find((own) => own.name === attribute)?.g
      if (!graph) throw fail(`attribute ${attribute} is missing`)
      if (graph.output.length !== node.output.length)
        throw fail(`has ${node.output.length} outputs, its ${attribute} ${graph.output.length}`)
      return this.read(graph, new Scope(`${name}.${attribute}.`, scope))
    }
    return conditional(
      name,
      this.edge(scope, node.input[0] ?? ''),
      await branch('then_branch'),
      await branch('else_branch'),
    )
  }

  /** The value of a node `Constant`: no parameter and no part of the state, as in the file. */
  private async constant(node: NodeProto, name: string): Promise<Buffer> {
    const reading = this.reading(`node '${name}' (Constant)`)
    const given = (attribute: string): AttributeProto | undefined =>
      node.attribute.find((own) => own.name === attribute)
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
}

const isGiven = (value: string): boolean => value !== ''
