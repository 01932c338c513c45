import { isFloating } from '../../core/dtype.ts'
import type { FileError } from '../../core/errors.ts'
import { isRecord } from '../../core/record.ts'
import { Buffer, Parameter } from '../../nn/parameter.ts'
import type { Tensor } from '../../tensor/tensor.ts'
import type { AllowanceOptions } from '../allowance.ts'
import { GraphModel } from '../graphs/graph-model.ts'
import type { Edge, Step } from '../graphs/steps.ts'
import { arithmetic } from './graph/arithmetic.ts'
import { Attributes } from './graph/attributes.ts'
import { images } from './graph/images.ts'
import type { Operations } from './graph/operation.ts'
import { shaping } from './graph/shaping.ts'
import { damaged, loadTfjs, type TfjsFile } from './model-json.ts'

const operations: Operations = { ...arithmetic, ...images, ...shaping }

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
    else steps.set(name, { name, op, inputs: edges, compute: (given) => operations[op]!(given, attributes) })
  }
  for (const step of steps.values()) {
    const known = (node: string): boolean => steps.has(node) || constants.has(node) || inputs.includes(node)
    const lost = step.inputs.find((edge) => edge && !known(edge.node))
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
  const taken = new Set([...steps.values()].flatMap(({ inputs }) => inputs.map((edge) => edge?.node)))
  return [...steps.keys()].filter((name) => !taken.has(name)).map((node) => ({ node, output: 0 }))
}
