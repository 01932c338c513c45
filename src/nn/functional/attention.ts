import { DTypeError, ShapeError, ValueError } from '../../core/errors.ts'
import { broadcastShapes, formatShape } from '../../core/shape.ts'
import type { Node } from '../../graph/node.ts'
import { add, mul } from '../../graph/ops/arithmetic.ts'
import { softmax } from '../../graph/ops/composite.ts'
import { contract, matmul } from '../../graph/ops/contract.ts'
import { dropout } from '../../graph/ops/dropout.ts'
import { constant, iota, scalar } from '../../graph/ops/leaves.ts'
import { cast, equal, lessEqual, where } from '../../graph/ops/logic.ts'
import { widened } from '../../graph/ops/precision.ts'
import { keepDims, reduce } from '../../graph/ops/reduce.ts'
import { broadcastTo, reshape } from '../../graph/ops/views.ts'
import { wrap } from '../../tensor/base.ts'
import { drawKey, type SamplingOptions } from '../../tensor/random.ts'
import type { Tensor } from '../../tensor/tensor.ts'

export interface AttentionOptions extends SamplingOptions {
  /** bool: which keys a query may see; floating: added to the scores. Broadcasts to [.., L, S]. */
  readonly attnMask?: Tensor | null | undefined
  /** Probability of dropping an attention weight. Default 0. */
  readonly dropoutP?: number
  /** Query i sees keys 0 ... i only. Default false. */
  readonly isCausal?: boolean
  /** Factor of the scores. Default 1 / √E. */
  readonly scale?: number
  /** Let several query heads share one key and value head (Ainslie et al. 2023). Default false. */
  readonly enableGqa?: boolean
}

/**
 * softmax(q · kᵀ · scale + mask) · v (Vaswani et al., "Attention is all you need", 2017): query [.., L, E], key [.., S, E],
 * value [.., S, Ev] → [.., L, Ev]. A query that may see no key gives zeros.
 */
export function scaledDotProductAttention(
  query: Tensor,
  key: Tensor,
  value: Tensor,
  { attnMask, dropoutP = 0, isCausal = false, scale, enableGqa = false, generator }: AttentionOptions = {},
): Tensor {
  const op = 'scaledDotProductAttention'
  checkInputs(op, query, key, value)
  if (isCausal && attnMask) throw new ValueError(op, 'expects either attnMask or isCausal, not both')
  if (!(dropoutP >= 0 && dropoutP <= 1))
    throw new ValueError(op, `dropoutP must be between 0 and 1, received ${dropoutP}`)
  const heads = enableGqa ? query.shape.at(-3) : undefined
  const lead = broadcastShapes(
    op,
    query.shape.slice(0, -2),
    repeatedLead(op, key, heads),
    repeatedLead(op, value, heads),
  )
  const [q, k, v] = [query, key, value].map((x) => withLead(x, lead, heads)) as [Node, Node, Node]
  const batch = [...lead.keys()]
  const last = lead.length + 1
  const factor = scalar(scale ?? 1 / Math.sqrt(query.shape.at(-1)!), q.dtype)
  let scores = mul(contract(q, k, { batch: [batch, batch], reduce: [[last], [last]] }), factor)
  if (isCausal) scores = masked(scores, causal(query.shape.at(-2)!, key.shape.at(-2)!))
  if (attnMask) scores = attnMask.dtype === 'bool' ? masked(scores, attnMask.node) : add(scores, widened(attnMask.node))
  let weights = attnMask ? safeSoftmax(scores) : softmax(scores, last)
  if (dropoutP > 0) weights = dropout(weights, drawKey(generator), scalar(dropoutP, 'float32'))
  return wrap(cast(matmul(weights, v), query.dtype))
}

function checkInputs(op: string, query: Tensor, key: Tensor, value: Tensor): void {
  const fits =
    query.rank >= 2 &&
    key.rank >= 2 &&
    value.rank >= 2 &&
    query.shape.at(-1) === key.shape.at(-1) &&
    key.shape.at(-2) === value.shape.at(-2)
  if (!fits) {
    throw new ShapeError(
      op,
      `expects query [.., L, E], key [.., S, E] and value [.., S, Ev], received ${formatShape(query.shape)}, ${formatShape(key.shape)} and ${formatShape(value.shape)}`,
    )
  }
  if (query.dtype !== key.dtype || query.dtype !== value.dtype) {
    throw new DTypeError(
      op,
      `query, key and value must share one dtype, received ${query.dtype}, ${key.dtype} and ${value.dtype}`,
    )
  }
}

/** Leading sizes of a key or value whose heads are repeated to `heads`. */
function repeatedLead(op: string, x: Tensor, heads: number | undefined): readonly number[] {
  const lead = x.shape.slice(0, -2)
  if (heads === undefined) return lead
  const own = lead.at(-1)
  if (own === undefined || heads % own !== 0) {
    throw new ShapeError(op, `${heads} query heads are no multiple of the ${own} heads of ${formatShape(x.shape)}`)
  }
  return lead.with(-1, heads)
}

/** x with the leading sizes `lead`, each head repeated where there are fewer than `heads`. */
function withLead(x: Tensor, lead: readonly number[], heads: number | undefined): Node {
  const own = x.shape.slice(-2)
  let node = widened(x.node)
  if (heads !== undefined && x.shape.at(-3) !== heads) {
    const outer = x.shape.slice(0, -3)
    const count = x.shape.at(-3)!
    const split = reshape(node, [...outer, count, 1, ...own])
    node = reshape(broadcastTo(split, [...outer, count, heads / count, ...own]), [...outer, heads, ...own])
  }
  return broadcastTo(node, [...lead, ...own])
}

function masked(scores: Node, allowed: Node): Node {
  return where(allowed, scores, constant(Number.NEGATIVE_INFINITY, scores.dtype))
}

/** bool [L, S]: key j ≤ query i. */
function causal(queries: number, keys: number): Node {
  return lessEqual(reshape(iota(keys), [1, keys]), reshape(iota(queries), [queries, 1]))
}

/** softmax along the last dimension; zeros where all scores are −∞. */
function safeSoftmax(scores: Node): Node {
  const last = scores.shape.length - 1
  if (scores.shape[last] === 0) return scores
  const highest = reshape(reduce(scores, 'max', [last]), keepDims(scores.shape, [last]))
  const blind = equal(highest, constant(Number.NEGATIVE_INFINITY, scores.dtype))
  const zero = constant(0, scores.dtype)
  return where(blind, zero, softmax(where(blind, zero, scores), last))
}
