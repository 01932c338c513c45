import { convertValues } from '../core/dtype.ts'
import { sameShape } from '../core/shape.ts'
import { staleError } from '../graph/interpret.ts'
import { type Attrs, Node, record, withGrad } from '../graph/node.ts'
import { bufferOp, constant, constantOp, scalarOp } from '../graph/ops/leaves.ts'
import { broadcastTo, concat, permute, type Range, reshape } from '../graph/ops/views.ts'
import { postorder } from '../graph/walk.ts'

/** A computation that nothing outside refers to: what plans are made of. */
export interface Program {
  /** The results, one for each root; several roots may have the same. */
  readonly targets: readonly Node[]
  /** Everything the results need, producers first, without leaves. */
  readonly order: readonly Node[]
  /** Placeholders of leaves and of run-time numbers, in the order of {@link argumentsOf}. */
  readonly leaves: readonly Node[]
  readonly scalars: readonly Node[]
}

/** What a run has to be given: realised nodes and numbers, in an order that depends on the structure alone. */
export interface Arguments {
  readonly leaves: readonly Node[]
  readonly scalars: readonly Node[]
}

export function argumentsOf(roots: readonly Node[], order: readonly Node[] = recordedOrder(roots)): Arguments {
  const leaves = new Set<Node>()
  for (const root of roots) if (root.value) leaves.add(root)
  for (const node of order) for (const input of node.inputs) if (input.value) leaves.add(input)
  return { leaves: [...leaves], scalars: order.filter(({ op }) => op === scalarOp) }
}

/** Unrealised nodes below `roots`, producers before consumers; composites are one node each. */
function recordedOrder(roots: readonly Node[]): Node[] {
  return postorder(roots, (node) => {
    if (node.value) return undefined
    if (node.stale) throw staleError()
    return node.inputs
  })
}

/**
 * The computation without the traces of how it was recorded: composites are written out, aliases gone, equal expressions
 * merged, and what does nothing is dropped. All nodes are new, so that a plan keeps no recorded node and no data alive. Nodes
 * for which `isKernel` holds, and those that are too large to be written out, stay what they are.
 */
export function canonicalize(roots: readonly Node[], isKernel: (node: Node) => boolean = () => false): Program {
  const isWrittenOut = (node: Node): boolean => {
    const { op } = node
    return !op.evaluate || (op.decompose !== undefined && !isKernel(node) && !op.staysWhole?.(node))
  }
  const recorded = recordedOrder(roots)
  const { leaves, scalars } = argumentsOf(roots, recorded)
  const known = new Map<Node, Node>()
  const unique = new Map<string, Node>()
  for (const { shape, dtype } of leaves)
    known.set(leaves[known.size]!, new Node(bufferOp, [], { shape, dtype }, { shape, dtype }, false))
  const resolve = (node: Node): Node => known.get(node)!
  const meaning = (node: Node): Node => {
    const inputs = node.inputs.map(resolve)
    return isWrittenOut(node) ? writtenOut(node, inputs) : merged(node, inputs, unique)
  }
  const writtenOut = (node: Node, inputs: readonly Node[]): Node => {
    const expansion = node.op.decompose!(inputs, node.attrs, node)
    for (const input of inputs) known.set(input, input)
    const steps = postorder([expansion], (step) => (known.has(step) ? undefined : step.inputs))
    for (const step of steps) known.set(step, meaning(step))
    return resolve(expansion)
  }
  withGrad(false, () => {
    for (const node of recorded) known.set(node, meaning(node))
  })
  const targets = roots.map(resolve)
  return { targets, order: producersFirst(targets), leaves: leaves.map(resolve), scalars: scalars.map(resolve) }
}

/**
 * The program with nodes replaced by what `rule` makes of them and of their replaced inputs (undefined: the node as it is),
 * simplified and merged again.
 */
export function rewrite(program: Program, rule: (node: Node, inputs: readonly Node[]) => Node | undefined): Program {
  const replaced = new Map<Node, Node>()
  const now = (node: Node): Node => replaced.get(node) ?? node
  return withGrad(false, () => {
    for (const node of program.order) {
      const inputs = node.inputs.map(now)
      replaced.set(node, rule(node, inputs) ?? withInputs(node, inputs))
    }
    const unique = new Map<string, Node>()
    const simple = new Map<Node, Node>()
    const known = (node: Node): Node => simple.get(node) ?? node
    for (const node of producersFirst(program.targets.map(now)))
      simple.set(node, merged(node, node.inputs.map(known), unique))
    const scalars = program.scalars.map((node) => known(now(node)))
    const targets = program.targets.map((node) => known(now(node)))
    return { targets, order: producersFirst(targets), leaves: program.leaves, scalars }
  })
}

export function producersFirst(targets: readonly Node[]): Node[] {
  return postorder(targets, (node) => (isPlaceholder(node) ? undefined : node.inputs))
}

/** Whether a node of a program stands for a leaf. */
export function isPlaceholder(node: Node): boolean {
  return node.op === bufferOp
}

/** Ops whose result is their first input; they matter only while recording and differentiating. */
const aliases: ReadonlySet<string> = new Set(['assign', 'detach', 'custom', 'checkpoint'])

export function merged(node: Node, inputs: readonly Node[], unique: Map<string, Node>): Node {
  if (aliases.has(node.op.name)) return inputs[0]!
  const simple = simplified(node, inputs)
  if (simple) return interned(simple, simple.inputs, unique, () => simple)
  return interned(node, inputs, unique, () => withInputs(node, inputs))
}

/** The node with inputs of the same types in place of its own: nothing has to be inferred again. Leaves are made anew. */
function withInputs(node: Node, inputs: readonly Node[]): Node {
  const isSame = inputs.length > 0 && inputs.every((input, i) => input === node.inputs[i])
  return isSame ? node : new Node(node.op, inputs, node.attrs, node, false)
}

/** The node of this structure that is known already, or the one made now. */
function interned(node: Node, inputs: readonly Node[], unique: Map<string, Node>, make: () => Node): Node {
  if (isPlaceholder(node)) return node
  const key = structure(node, inputs)
  let known = unique.get(key)
  if (!known) {
    known = make()
    unique.set(key, known)
  }
  return known
}

/**
 * Equal for expressions that are certain to have equal values: types follow from inputs and settings. Scalars and barriers are
 * never merged.
 */
function structure(node: Node, inputs: readonly Node[]): string {
  const { name } = node.op
  let key = name === 'scalar' || name === 'barrier' ? `${name}#${node.id}` : name
  for (const input of inputs) key += `,${input.id}`
  return name === 'constant' ? `${key}:${constantValue(node)}${node.dtype}` : `${key}:${textOf(node.attrs)}`
}

const texts = new WeakMap<Attrs, string>()

/** Settings as text; made once, since rewritten nodes keep their settings. */
function textOf(attrs: Attrs): string {
  let text = texts.get(attrs)
  if (text === undefined) {
    text = JSON.stringify(attrs)
    texts.set(attrs, text)
  }
  return text
}

/** The number a scalar constant holds, as its dtype rounds it; −0 keeps its sign. */
function constantValue(node: Node): number | string | undefined {
  if (node.op.name !== constantOp.name) return undefined
  const value = convertValues([(node.attrs as { value: number }).value], node.dtype)[0]!
  return Object.is(value, -0) ? '-0' : value
}

type Rule = (node: Node, inputs: readonly Node[]) => Node | undefined

const rules: Readonly<Record<string, Rule>> = {
  mul: (node, [a, b]) => neutral(node, a!, b!, 1) ?? neutral(node, b!, a!, 1),
  div: (node, [a, b]) => neutral(node, a!, b!, 1),
  sub: (node, [a, b]) => neutral(node, a!, b!, 0),
  neg: (_, [x]) => (x!.op.name === 'neg' ? x!.inputs[0] : undefined),
  reshape: (node, [x]) =>
    x!.op.name === 'reshape' || sameShape(x!.shape, node.shape)
      ? reshape(source(x!, 'reshape'), node.shape)
      : undefined,
  slice: (node, [x]) => (x!.op.name === 'concat' ? partsOf(node, x!) : undefined),
  broadcast: (node, [x]) => (x!.op.name === 'broadcast' ? broadcastTo(x!.inputs[0]!, node.shape) : undefined),
  permute(node, [x]) {
    if (x!.op.name !== 'permute') return undefined
    const inner = (x!.attrs as { order: readonly number[] }).order
    return permute(
      x!.inputs[0]!,
      (node.attrs as typeof x & { order: readonly number[] }).order.map((d) => inner[d]!),
    )
  },
}

/** Those parts of a concatenation that a slice begins and ends with, where it cuts none. */
function partsOf(node: Node, joined: Node): Node | undefined {
  const { dim } = joined.attrs as { readonly dim: number }
  const { ranges } = node.attrs as { readonly ranges: readonly Range[] }
  const { start, stop, step } = ranges[dim]!
  const isWhole = ({ start, stop, step }: Range, d: number): boolean =>
    d === dim || (start === 0 && stop === joined.shape[d] && step === 1)
  if (step !== 1 || !ranges.every(isWhole)) return undefined
  const parts: Node[] = []
  let at = 0
  for (const part of joined.inputs) {
    const end = at + part.shape[dim]!
    if (at >= start && end <= stop) parts.push(part)
    else if (end > start && at < stop) return undefined
    at = end
  }
  return parts.length > 0 ? concat(parts, dim) : undefined
}

function source(x: Node, op: string): Node {
  return x.op.name === op ? x.inputs[0]! : x
}

/** x where `x ∘ e` is x for the constant e and the shape stays. Adding 0 is not among them: −0 + 0 is 0. */
function neutral(node: Node, x: Node, e: Node, value: number): Node | undefined {
  return constantValue(e) === value && sameShape(x.shape, node.shape) ? x : undefined
}

function simplified(node: Node, inputs: readonly Node[]): Node | undefined {
  const folded = foldConstants(node, inputs)
  if (folded) return folded
  return rules[node.op.name]?.(node, inputs)
}

/** Elementwise operations on scalar constants are done at once. */
function foldConstants(node: Node, inputs: readonly Node[]): Node | undefined {
  if (node.op.kind !== 'elementwise' || node.shape.length > 0) return undefined
  if (!inputs.every((input) => input.op.name === constantOp.name)) return undefined
  const values = inputs.map((input) => input.op.evaluate!(input, []))
  return constant(node.op.evaluate!(record(node.op, inputs, node.attrs), values)[0]!, node.dtype)
}
