import { allocateValues, type Values } from '../core/dtype.ts'
import { type Shape, sizeOf, stridesOf } from '../core/shape.ts'
import { type Node, type Op, record } from '../graph/node.ts'
import {
  type AttentionGradient,
  attentionGradientOp,
  attentionLogSumExpOp,
  attentionOp,
} from '../graph/ops/attention.ts'
import { type Affine, axisPosition, combine, evaluate } from './affine.ts'

/**
 * Attention that is computed block by block, in the one form that kernels know: what is read lies where it is, however it was
 * permuted or cut out, but for keys and values in panels of columns, from which a block of scores and of their gradients is
 * multiplied. One query a head needs no panels: keys and values, too, are read in place.
 */
export interface Chain {
  /** The result: attention itself, the logarithms of the sums of its weights, or the gradient of an input. */
  readonly of: ChainResult
  readonly batch: number
  /** Query heads, and the key heads that they share. */
  readonly heads: number
  readonly keyHeads: number
  readonly queries: number
  readonly keys: number
  /** Size of a head of queries and keys, and of one of values. */
  readonly size: number
  readonly width: number
  readonly causal: boolean
  /** Columns of a panel; 0 where keys and values are read in place, for one query a head. */
  readonly panel: number
  /** What each input is. */
  readonly reads: readonly ChainRead[]
}

export type ChainResult = 'output' | 'sums' | 'query' | 'key' | 'value'

/** One input, and where its elements are. */
export interface ChainRead {
  readonly role: Role
  /** Over the axes of {@link shapeOf} the role. */
  readonly at: Affine
}

/**
 * The inputs of attention by name: `drop` is the key of the random call and `p` the probability of dropping a weight, `sums`
 * the logarithms and `delta` Σ dy ∘ y of each query.
 */
export type Role = SourceRole | 'keyPanels' | 'valuePanels'
type SourceRole = 'q' | 'k' | 'v' | 'scale' | 'sums' | 'delta' | 'dy' | 'mask' | 'drop' | 'p'

/** The shape in which a role is read. */
export function shapeOf(role: Role, chain: Omit<Chain, 'reads'>): Shape {
  const { batch, heads, keyHeads, queries, keys, size, width, panel } = chain
  const panels = Math.ceil(keys / panel)
  switch (role) {
    case 'q':
      return [batch, heads, queries, size]
    case 'k':
      return [batch, keyHeads, keys, size]
    case 'v':
      return [batch, keyHeads, keys, width]
    case 'dy':
      return [batch, heads, queries, width]
    case 'sums':
    case 'delta':
      return [batch, heads, queries]
    case 'mask':
      return [batch, heads, queries, keys]
    case 'drop':
      return [3]
    case 'scale':
    case 'p':
      return []
    case 'keyPanels':
      return [batch, keyHeads, panels, size, panel]
    case 'valuePanels':
      return [batch, keyHeads, panels, width, panel]
  }
}

function resultShape({ of, batch, heads, keyHeads, queries, keys, size, width }: Chain): Shape {
  switch (of) {
    case 'output':
      return [batch, heads, queries, width]
    case 'sums':
      return [batch, heads, queries]
    case 'query':
      return [batch, heads, queries, size]
    case 'key':
      return [batch, keyHeads, keys, size]
    case 'value':
      return [batch, keyHeads, keys, width]
  }
}

/** What attention looks like in the graph of a plan. It is never recorded by users. */
export const chainOp: Op<Chain> = {
  name: 'chain',
  kind: 'contract',
  infer: (_, chain) => ({ shape: resultShape(chain), dtype: 'float32' }),
  evaluate(node, values) {
    const chain = node.attrs
    const sources = chain.reads.flatMap(({ role, at }, i) => {
      if (role === 'keyPanels' || role === 'valuePanels') return []
      const { dtype } = node.inputs[i]!
      const shape = shapeOf(role, chain)
      return { input: { shape, dtype } as Node, values: gathered(values[i]!, at, shape) }
    })
    const like = { ...node, attrs: sourceAttrs(chain), inputs: sources.map(({ input }) => input) }
    return sourceOp(chain.of).evaluate!(
      like as unknown as Node,
      sources.map((input) => input.values),
    )
  },
}

/** The op that a chain was made from. */
function sourceOp(of: ChainResult): Op {
  if (of === 'output') return attentionOp as unknown as Op
  return (of === 'sums' ? attentionLogSumExpOp : attentionGradientOp) as unknown as Op
}

function sourceAttrs({ of, causal, reads }: Chain): AttentionGradient {
  const has = (role: Role): boolean => reads.some((read) => read.role === role)
  return { causal, masked: has('mask'), dropped: has('drop'), of: of as AttentionGradient['of'] }
}

function gathered(values: Values, at: Affine, shape: Shape): Values {
  const out = allocateValues('float64', sizeOf(shape))
  const strides = stridesOf(shape)
  for (let i = 0; i < out.length; i++)
    out[i] =
      values[
        evaluate(
          at,
          shape.map((n, d) => Math.floor(i / strides[d]!) % n),
        )
      ]!
  return out
}

/** Where an array lies that is stored in the shape of its role. */
export function storedInOrder(shape: Shape): Affine {
  return combine(
    shape.map((_, d) => axisPosition(d, shape.length)),
    stridesOf(shape),
    shape.length,
  )
}

export function chain(inputs: readonly Node[], attrs: Chain): Node<Chain> {
  return record(chainOp, inputs, attrs)
}

export function isChain(node: Node): node is Node<Chain> {
  return node.op.name === chainOp.name
}
