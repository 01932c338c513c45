import type { Values } from '../../core/dtype.ts'
import { dependencies, roundHalf } from '../interpret.ts'
import { type Attrs, Node, type Op, record, type TensorType } from '../node.ts'
import { bufferOp, constantOp, iotaOp } from '../ops/leaves.ts'
import { postorder } from '../walk.ts'

/** One node of a body as the interpreter runs it: values are kept by number, parameters first. */
interface Step {
  readonly node: Node
  readonly inputs: readonly number[]
}

interface Evaluation {
  readonly steps: readonly Step[]
  /** Where the results are found. */
  readonly results: readonly number[]
}

/**
 * A graph between parameters and results: what happens at one step of a scan. Bodies of equal structure are one object, so that
 * `id`, all that a plan's key sees of it, tells them apart. Large fields are private for that reason.
 */
export class Body {
  readonly id: number
  readonly #parameters: readonly Node[]
  readonly #results: readonly Node[]
  #evaluation: Evaluation | undefined

  constructor(id: number, parameters: readonly Node[], results: readonly Node[]) {
    this.id = id
    this.#parameters = parameters
    this.#results = results
  }

  get parameters(): readonly Node[] {
    return this.#parameters
  }

  get results(): readonly Node[] {
    return this.#results
  }

  /** Number of operations, those inside of composites included. */
  get size(): number {
    return this.#program().steps.length
  }

  /** The results' values, given those of the parameters. */
  evaluate(parameters: readonly Values[]): Values[] {
    const { steps, results } = this.#program()
    const values = [...parameters]
    for (const { node, inputs } of steps) {
      const given = inputs.map((slot) => values[slot]!)
      values.push(roundHalf(node.op.evaluate ? node.op.evaluate(node, given) : given[0]!, node))
    }
    return results.map((slot) => values[slot]!)
  }

  #program(): Evaluation {
    if (this.#evaluation) return this.#evaluation
    const slots = new Map(this.#parameters.map((parameter, i) => [parameter, i]))
    const order = postorder(this.#results, (node) => (slots.has(node) ? undefined : dependencies(node)))
    const steps = order.map((node): Step => {
      slots.set(node, slots.size)
      return { node, inputs: dependencies(node).map((input) => slots.get(input)!) }
    })
    this.#evaluation = { steps, results: this.#results.map((node) => slots.get(node)!) }
    return this.#evaluation
  }

  /** The results over other nodes in place of the parameters. */
  instantiate(parameters: readonly Node[]): Node[] {
    return rebuilt(this.#results, new Map(this.#parameters.map((parameter, i) => [parameter, parameters[i]!])))
  }
}

/** `nodes` recorded again over what `replaced` has in place of some of their ancestors. */
export function rebuilt(nodes: readonly Node[], replaced: ReadonlyMap<Node, Node>): Node[] {
  const copies = new Map(replaced)
  for (const node of postorder(nodes, (x) => (copies.has(x) ? undefined : x.inputs))) {
    if (copies.has(node)) continue
    const inputs = node.inputs.map((input) => copies.get(input)!)
    copies.set(node, inputs.length === 0 ? node : record(node.op, inputs, node.attrs))
  }
  return nodes.map((node) => copies.get(node)!)
}

/** A node that stands for what a body is given. */
export function placeholder({ shape, dtype }: TensorType, requiresGrad: boolean): Node {
  return new Node(bufferOp, [], { shape, dtype }, { shape, dtype }, requiresGrad)
}

/** Bodies by structure. The oldest are forgotten: a second body of equal structure costs a plan, nothing else. */
const known = new Map<string, Body>()
const keptBodies = 1024
let nextId = 0

/** The body with these parameters and results, or an earlier one of the same structure. */
export function internBody(parameters: readonly Node[], results: readonly Node[]): Body {
  const key = structureOf(parameters, results)
  const before = known.get(key)
  if (before) return before
  const body = new Body(nextId++, parameters, results)
  known.set(key, body)
  if (known.size > keptBodies) known.delete(known.keys().next().value!)
  return body
}

function structureOf(parameters: readonly Node[], results: readonly Node[]): string {
  const numbers = new Map<Node, number>()
  const lines: string[] = []
  const add = (node: Node, text: string): void => {
    numbers.set(node, numbers.size)
    lines.push(`${text}:${node.dtype}[${node.shape.join(',')}]${node.requiresGrad ? 'g' : ''}`)
  }
  for (const parameter of parameters) add(parameter, 'parameter')
  for (const node of postorder(results, (x) => (numbers.has(x) ? undefined : x.inputs))) {
    if (numbers.has(node)) continue
    add(
      node,
      `${numberOf(node.op)}(${node.inputs.map((input) => numbers.get(input)).join(',')})${attrText(node.attrs)}`,
    )
  }
  return `${lines.join(';')}=>${results.map((node) => numbers.get(node)).join(',')}`
}

const identities = new WeakMap<object, number>()
let identified = 0

/** A number for an op or a function, which have no other name that is certain to be theirs alone. */
function numberOf(thing: Op | object): number {
  let number = identities.get(thing)
  if (number === undefined) {
    number = identified++
    identities.set(thing, number)
  }
  return number
}

function attrText(value: unknown): string {
  if (typeof value === 'number') return Object.is(value, -0) ? '-0' : String(value)
  if (typeof value === 'function') return `function ${numberOf(value)}`
  if (Array.isArray(value)) return `[${value.map(attrText).join(',')}]`
  if (typeof value !== 'object' || value === null) return JSON.stringify(value) ?? 'undefined'
  return `{${Object.entries(value as Attrs).map(([name, part]) => `${name}:${attrText(part)}`)}}`
}

/** What became of a function that was traced. */
export interface Trace {
  /** Its parameters are those that were asked for, then one for each capture. */
  readonly body: Body
  /** Nodes from outside that the function reads, and what it computes from them alone: the same at every step. */
  readonly captures: readonly Node[]
}

/** The body that `fn` records when it is given placeholders of these types. */
export function trace(
  types: readonly TensorType[],
  requiresGrad: (type: TensorType) => boolean,
  fn: (parameters: readonly Node[]) => readonly Node[],
): Trace {
  const parameters = types.map((type) => placeholder(type, requiresGrad(type)))
  const start = parameters[0]?.id ?? placeholder({ shape: [], dtype: 'bool' }, false).id
  const results = fn(parameters)
  return closed(parameters, results, (node) => node.id < start || node.value !== undefined)
}

/**
 * The body with what `results` read beyond `parameters` as further parameters: everything `outside` is one, and so is all that
 * follows from nothing else. Constants stay inside.
 */
export function closed(parameters: readonly Node[], results: readonly Node[], outside: (node: Node) => boolean): Trace {
  const given = new Set(parameters)
  const varies = new Set<Node>(parameters)
  const constants = new Set<Node>()
  const order = postorder(results, (node) => (given.has(node) || outside(node) ? [] : node.inputs))
  for (const node of order) {
    if (given.has(node)) continue
    const isOutside = outside(node)
    if (!isOutside && node.inputs.some((input) => varies.has(input))) varies.add(node)
    else if (node.op === constantOp || node.op === iotaOp) constants.add(node)
    else if (!isOutside && node.inputs.length > 0 && node.inputs.every((input) => constants.has(input)))
      constants.add(node)
  }
  const copies = new Map<Node, Node>(parameters.map((parameter) => [parameter, parameter]))
  const captures: Node[] = []
  const inside = (node: Node): boolean => varies.has(node) || constants.has(node)
  for (const node of postorder(results, (x) => (copies.has(x) ? undefined : inside(x) ? x.inputs : []))) {
    if (copies.has(node)) continue
    if (!inside(node)) {
      captures.push(node)
      copies.set(node, placeholder(node, node.requiresGrad))
      continue
    }
    const inputs = node.inputs.map((input) => copies.get(input)!)
    copies.set(node, inputs.length === 0 ? node : new Node(node.op, inputs, node.attrs, node, node.requiresGrad))
  }
  const all = [...parameters, ...captures.map((node) => copies.get(node)!)]
  return {
    body: internBody(
      all,
      results.map((node) => copies.get(node)!),
    ),
    captures,
  }
}
