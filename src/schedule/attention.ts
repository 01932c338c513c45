import { stridesOf } from '../core/shape.ts'
import type { Node } from '../graph/node.ts'
import {
  type AttentionGradient,
  attentionGradientOp,
  attentionLogSumExpOp,
  attentionOp,
  inputsOf,
  isSingleQuery,
} from '../graph/ops/attention.ts'
import { cast } from '../graph/ops/logic.ts'
import { computingType, widened } from '../graph/ops/precision.ts'
import { permute } from '../graph/ops/views.ts'
import { axisPosition, combine, fixed } from './affine.ts'
import { type Chain, chain, type ChainRead, type ChainResult, type Role, shapeOf, storedInOrder } from './chain.ts'
import { aliases, type Packing, panels, readThrough } from './operands.ts'

/**
 * A node of attention, of its log-sum-exps or of a gradient, that was not written out, in the form that chain kernels compute.
 * Undefined where it stays what it is: float64, the gradient of a mask, sizes of 0.
 */
export function lowerAttention(node: Node, inputs: readonly Node[], packing: Packing): Node | undefined {
  const of = resultOf(node)
  if (!of || computingType(node.dtype) !== 'float32') return undefined
  const sources = namedInputs(of, inputs, node.attrs as AttentionGradient)
  const { q, k, v } = sources as { q: Node; k: Node; v?: Node }
  const [batch, heads, queries, size] = q.shape as [number, number, number, number]
  const [, keyHeads, keys] = k.shape as [number, number, number]
  const width = v?.shape[3] ?? 0
  if (batch * heads * queries * keys * size === 0 || (width === 0) !== (of === 'sums')) return undefined
  const { causal } = node.attrs as AttentionGradient
  const isSingle = of === 'output' && isSingleQuery(node as Node<AttentionGradient>)
  const panel = isSingle ? 0 : packing.vectors * packing.lanes
  const problem = { of, batch, heads, keyHeads, queries, keys, size, width, causal, panel }
  const operands = new Map<Role, { node: Node; at: ChainRead['at'] }>()
  for (const [role, source] of Object.entries(sources) as [Role, Node][]) {
    operands.set(role, isSingle && isOfKeys(role) ? streamed(role, source, problem) : operand(role, source, problem))
  }
  const inPanels = (role: Role, x: Node): void => {
    const packed = panels(permute(widened(x), [0, 1, 3, 2]), 2, panel)
    operands.set(role, { node: packed, at: storedInOrder(shapeOf(role, problem)) })
  }
  if (!isSingle) inPanels('keyPanels', k)
  if (v && (of === 'query' || of === 'key')) inPanels('valuePanels', v)
  const reads = [...operands].map(([role, { at }]) => ({ role, at }))
  const made = chain(
    [...operands.values()].map((read) => read.node),
    { ...problem, reads },
  )
  return cast(made, node.dtype)
}

function resultOf({ op, attrs }: Node): ChainResult | undefined {
  if (op.name === attentionOp.name) return 'output'
  if (op.name === attentionLogSumExpOp.name) return 'sums'
  if (op.name !== attentionGradientOp.name) return undefined
  const { of } = attrs as AttentionGradient
  return of === 'mask' ? undefined : of
}

/** The inputs in the order in which the source has them. */
function namedInputs(of: ChainResult, inputs: readonly Node[], attrs: AttentionGradient): Partial<Record<Role, Node>> {
  if (of === 'sums') {
    const [q, k, scale, mask] = inputs as [Node, Node, Node, Node?]
    return { q, k, scale, ...(mask && { mask }) }
  }
  const { q, k, v, scale, mask, dropout } = inputsOf(inputs, attrs, of === 'output' ? 0 : 3)
  const [sums, delta, dy] = inputs.slice(4) as [Node, Node, Node]
  return {
    ...{ q, k, v, scale },
    ...(of !== 'output' && { sums, delta, dy }),
    ...(mask && { mask }),
    ...(dropout && { drop: dropout.key, p: dropout.p }),
  }
}

/** Read in place where only the order or the choice of elements stands between; vectors lie side by side. */
function operand(role: Role, source: Node, problem: Omit<Chain, 'reads'>): { node: Node; at: ChainRead['at'] } {
  const shape = shapeOf(role, problem)
  if (role === 'drop' || shape.length === 0) return { node: source, at: storedInOrder(shape) }
  // A mask of narrow numbers is widened as it is read.
  const isNarrow = role === 'mask' && source.dtype !== 'float64'
  const x = isNarrow ? source : cast(source, 'float32')
  const repeated = (d: number): boolean => x.shape[d] === 1 && shape[d] !== 1
  const positions = shape.map((_, d) => (repeated(d) ? fixed(0, shape.length) : axisPosition(d, shape.length)))
  const found = readThrough(x, positions, shape)
  const inVectors = role === 'q' || role === 'k' || role === 'v' || role === 'dy'
  const [, , row, element] = found.at.terms as [number, number, number, number]
  if (inVectors && (element !== 1 || aliases(4 * row))) return { node: x, at: storedInOrder(shape) }
  return found
}

function isOfKeys(role: Role): boolean {
  return role === 'k' || role === 'v'
}

/** Longest key or value whose elements are read side by side. */
const longestElement = 256

/**
 * Keys or values that are read once: in place where those of neighbouring keys lie side by side, or the elements of each; else from
 * a copy of the first kind.
 */
function streamed(role: Role, source: Node, problem: Omit<Chain, 'reads'>): { node: Node; at: ChainRead['at'] } {
  const shape = shapeOf(role, problem)
  const positions = shape.map((_, d) => axisPosition(d, shape.length))
  const found = readThrough(source, positions, shape)
  const [, , key, element] = found.at.terms as [number, number, number, number]
  if (key === 1 || (element === 1 && shape[3]! <= longestElement)) return found
  const order = [0, 1, 3, 2]
  const copy = permute(source, order)
  const strides = stridesOf(copy.shape)
  const steps = order.map((d) => strides[d]!)
  return { node: copy, at: combine(positions, steps, shape.length) }
}
