import { isFloating } from '../../core/dtype.ts'
import { type FileError, ValueError } from '../../core/errors.ts'
import { isRecord } from '../../core/record.ts'
import { postorder } from '../../graph/walk.ts'
import { type Member, Module } from '../../nn/module.ts'
import { Buffer, Parameter } from '../../nn/parameter.ts'
import type { Tensor } from '../../tensor/tensor.ts'
import type { AllowanceOptions } from '../allowance.ts'
import { arithmetic } from './graph/arithmetic.ts'
import { Attributes } from './graph/attributes.ts'
import { images } from './graph/images.ts'
import { type Operation, type Operations, settled } from './graph/operation.ts'
import { shaping } from './graph/shaping.ts'
import { damaged, loadTfjs, type TfjsFile } from './model-json.ts'

const operations: Operations = { ...arithmetic, ...images, ...shaping }

/** One of the outputs of a node. */
interface Edge {
  readonly node: string
  readonly output: number
}

/** A node that computes. */
interface Step {
  readonly name: string
  readonly op: string
  readonly operation: Operation
  readonly attributes: Attributes
  readonly inputs: readonly Edge[]
}

interface Parts {
  readonly constants: ReadonlyMap<string, Parameter | Buffer>
  readonly steps: ReadonlyMap<string, Step>
  readonly inputs: readonly string[]
  readonly outputs: readonly Edge[]
}

/**
 * A graph of TensorFlow whose nodes are carried out one by one. Its constants are the parameters, by their names in the graph:
 * those of floating dtype with at least one dimension can be trained and frozen, the others are buffers. Tensors are laid out as in
 * the graph, images mostly as [N, H, W, C].
 *
 * Where shapes depend on the data (`Where`, `SparseToDense` ...) every new shape has kernels of its own: give batches of equal
 * shapes. Such a graph reads values while it records, so `compile` does not take it.
 */
export class GraphModel extends Module {
  readonly #constants: ReadonlyMap<string, Parameter | Buffer>
  readonly #steps: ReadonlyMap<string, Step>
  readonly #inputs: readonly string[]
  readonly #outputs: readonly Edge[]
  readonly #orders = new Map<string, readonly Step[]>()

  constructor({ constants, steps, inputs, outputs }: Parts) {
    super()
    this.#constants = constants
    this.#steps = steps
    this.#inputs = inputs
    this.#outputs = outputs
  }

  protected override members(): (readonly [string, Member])[] {
    return [...super.members(), ...this.#constants]
  }

  /** Names of the inputs, in the order in which {@link forward} takes them. */
  get inputNames(): string[] {
    return [...this.#inputs]
  }

  get outputNames(): string[] {
    return this.#outputs.map(({ node }) => node)
  }

  /** The first output. */
  forward(...inputs: Tensor[]): Tensor {
    return this.run(inputs, [this.#outputs[0]!])[0]!
  }

  /** All outputs, in the order of {@link outputNames}. */
  forwardAll(...inputs: Tensor[]): Tensor[] {
    return this.run(inputs, this.#outputs)
  }

  /** What the node called `name` gives out, as features for another task. Throws a `ValueError` when there is none. */
  forwardTo(name: string, ...inputs: Tensor[]): Tensor {
    if (!this.#steps.has(name)) throw new ValueError('GraphModel', `no node that computes is called '${name}'`)
    return this.run(inputs, [{ node: name, output: 0 }])[0]!
  }

  private run(inputs: readonly Tensor[], outputs: readonly Edge[]): Tensor[] {
    if (inputs.length !== this.#inputs.length) {
      const names = this.#inputs.join(', ')
      throw new ValueError('GraphModel', `takes ${this.#inputs.length} inputs (${names}), received ${inputs.length}`)
    }
    const values = new Map<string, readonly Tensor[]>()
    for (const [name, constant] of this.#constants) values.set(name, [constant])
    for (const [i, input] of inputs.entries()) {
      // Whole numbers may decide shapes further on.
      if (!isFloating(input.dtype) && !input.isRealized) input.dataSync()
      values.set(this.#inputs[i]!, [input])
    }
    const read = ({ node, output }: Edge): Tensor => {
      const value = values.get(node)?.[output]
      if (value) return value
      throw new ValueError('GraphModel', `node '${node}' has no output ${output}`)
    }
    for (const step of this.order(outputs)) {
      const given = step.inputs.map(read)
      values.set(
        step.name,
        carryOut(step, given).map((x) => settled(x, given)),
      )
    }
    return outputs.map(read)
  }

  /** What has to be computed for `outputs`, producers first. */
  private order(outputs: readonly Edge[]): readonly Step[] {
    const key = outputs.map(({ node }) => node).join(' ')
    const known = this.#orders.get(key)
    if (known) return known
    const producers = ({ inputs }: { readonly inputs: readonly Edge[] }): Step[] =>
      inputs.flatMap(({ node }) => this.#steps.get(node) ?? [])
    const order = postorder(producers({ inputs: outputs }), producers)
    const done = new Set<Step>()
    for (const step of order) {
      if (!producers(step).every((producer) => done.has(producer)))
        throw new ValueError('GraphModel', `node '${step.name}' depends on itself`)
      done.add(step)
    }
    this.#orders.set(key, order)
    return order
  }
}

/** The outputs of a step; what goes wrong is told with its name. */
function carryOut({ name, op, operation, attributes }: Step, inputs: readonly Tensor[]): readonly Tensor[] {
  try {
    return [operation(inputs, attributes)].flat()
  } catch (error) {
    throw new ValueError('GraphModel', `node '${name}' (${op}): ${(error as Error).message}`, { cause: error })
  }
}

/**
 * Reads a model that TensorFlow.js stores as a graph: `path` is its `model.json`. The result is an ordinary module: it can be trained,
 * frozen, cut with {@link GraphModel.forwardTo}, and its state saved.
 *
 * Throws a `FileError` when a file is absent or damaged, holds layers, or has operations that are not known, all of which are named.
 */
export async function loadGraphModel(path: string, options: AllowanceOptions = {}): Promise<GraphModel> {
  return graphModel(path, await loadTfjs(path, options))
}

/** The model of a file that has been read; `path` is what errors call it. */
export function graphModel(path: string, { kind, topology, tensors, signature }: TfjsFile): GraphModel {
  if (kind === 'layers') throw damaged(path, 'holds layers, not a graph; use loadLayersModel')
  const nodes = topology['node']
  if (!Array.isArray(nodes)) throw damaged(path, 'has no nodes')
  const parsed = nodes.map((node) => parseNode(path, node))
  const unknown = new Set(parsed.map(({ op }) => op).filter((op) => !isLeaf(op) && !Object.hasOwn(operations, op)))
  if (unknown.size > 0) throw damaged(path, `has operations that are not supported: ${[...unknown].join(', ')}`)

  const statistics = new Set(parsed.filter(({ op }) => op.startsWith('FusedBatchNorm')).flatMap(statisticsOf))
  const constants = new Map<string, Parameter | Buffer>()
  const steps = new Map<string, Step>()
  const inputs: string[] = []
  for (const { name, op, inputs: edges, attributes } of parsed) {
    if (constants.has(name) || steps.has(name) || inputs.includes(name))
      throw damaged(path, `two nodes are called '${name}'`)
    if (op === 'Placeholder') inputs.push(name)
    else if (op === 'Const') constants.set(name, constantOf(path, name, tensors.get(name), statistics.has(name)))
    else steps.set(name, { name, op, attributes, inputs: edges, operation: operations[op]! })
  }
  for (const step of steps.values()) {
    const lost = step.inputs.find(({ node }) => !steps.has(node) && !constants.has(node) && !inputs.includes(node))
    if (lost) throw damaged(path, `node '${step.name}' takes '${lost.node}', which is no node`)
  }
  const outputs = namedIn(signature?.['outputs']) ?? ends(steps)
  const strange = outputs.find(({ node }) => !steps.has(node))
  if (strange || outputs.length === 0) throw damaged(path, `has no output ${strange?.node ?? ''}`)
  const named = namedIn(signature?.['inputs'])?.map(({ node }) => node)
  const all = named?.length === inputs.length && named.every((name) => inputs.includes(name))
  return new GraphModel({ constants, steps, inputs: all ? named : inputs, outputs })
}

interface ParsedNode {
  readonly name: string
  readonly op: string
  readonly inputs: readonly Edge[]
  readonly attributes: Attributes
}

const isLeaf = (op: string): boolean => op === 'Placeholder' || op === 'Const'

function parseNode(path: string, node: unknown): ParsedNode {
  if (!isRecord(node) || typeof node['name'] !== 'string' || typeof node['op'] !== 'string')
    throw damaged(path, 'a node has no name or no op')
  const { name, op, input = [], attr = {} } = node
  const fail = (problem: string): FileError => damaged(path, `node '${name}' (${op}): ${problem}`)
  if (!Array.isArray(input) || !input.every((edge) => typeof edge === 'string')) throw fail('its inputs are no names')
  if (!isRecord(attr)) throw fail('its attributes are damaged')
  // '^name' only asks for an order.
  const inputs = input.filter((edge) => !edge.startsWith('^')).map(edgeOf)
  return { name: name as string, op: op as string, inputs, attributes: new Attributes(attr, fail) }
}

/** `name` or `name:1`. */
function edgeOf(text: string): Edge {
  const [, node = text, output = '0'] = /^(.*?)(?::(\d+))?$/s.exec(text) ?? []
  return { node, output: Number(output) }
}

/** Running mean and variance, which are no parameters. */
function statisticsOf({ inputs }: ParsedNode): string[] {
  return inputs.slice(3, 5).map(({ node }) => node)
}

function constantOf(path: string, name: string, value: Tensor | undefined, isStatistic: boolean): Parameter | Buffer {
  if (!value) throw damaged(path, `there is no weight for constant '${name}'`)
  return isFloating(value.dtype) && value.rank > 0 && !isStatistic ? new Parameter(value) : new Buffer(value)
}

/** Nodes that the model's signature names. */
function namedIn(entries: unknown): Edge[] | undefined {
  if (!isRecord(entries)) return undefined
  return Object.values(entries).flatMap((entry) =>
    isRecord(entry) && typeof entry['name'] === 'string' ? [edgeOf(entry['name'])] : [],
  )
}

/** Nodes whose outputs no other takes. */
function ends(steps: ReadonlyMap<string, Step>): Edge[] {
  const taken = new Set([...steps.values()].flatMap(({ inputs }) => inputs.map(({ node }) => node)))
  return [...steps.keys()].filter((name) => !taken.has(name)).map((node) => ({ node, output: 0 }))
}
