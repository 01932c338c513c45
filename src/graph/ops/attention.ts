import { type DType, isFloating } from '../../core/dtype.ts'
import { DTypeError, ShapeError } from '../../core/errors.ts'
import { broadcastShapes, formatShape, sameShape, sizeOf } from '../../core/shape.ts'
import { type Node, type Op, record } from '../node.ts'
import { add, mul, sub } from './arithmetic.ts'
import { attendInBlocks, gradientInBlocks, logSumExpInBlocks } from './attention-blocks.ts'
import { softmax } from './composite.ts'
import { contract } from './contract.ts'
import { dropout } from './dropout.ts'
import { constant, iota } from './leaves.ts'
import { cast, detach, equal, lessEqual, where } from './logic.ts'
import { computingType, widened } from './precision.ts'
import { reduce, sumTo } from './reduce.ts'
import { exp, log } from './transcendental.ts'
import { reshape } from './views.ts'

/*
 * Attention as one node, so that a kernel may compute it block by block without a matrix of scores. Everywhere
 * B = batch, H = query heads, K = key and value heads (H is a multiple of K: head h reads key head ⌊h · K / H⌋), L = queries,
 * S = keys, E and Ev = sizes of a head:
 *
 *   q [B, H, L, E], k [B, K, S, E], v [B, K, S, Ev], scale [] → [B, H, L, Ev]
 */

/** Which optional inputs follow the others, in this order, and whether query i sees the keys 0 ... i only. */
export interface AttentionAttrs {
  readonly causal: boolean
  /** bool (which keys a query sees) or floating (added to the scores), broadcast to [B, H, L, S]. */
  readonly masked: boolean
  /** The key of a random call, and the probability of dropping a weight. */
  readonly dropped: boolean
}

export interface AttentionInputs {
  readonly q: Node
  readonly k: Node
  readonly v: Node
  readonly scale: Node
  readonly mask: Node | undefined
  readonly dropout: { readonly key: Node; readonly p: Node } | undefined
}

/** More scores than this are computed again faster than they are read, unless they are those of short sequences. */
const storedScores = 2 ** 18
const shortSequence = 64

/** So many scores are more than a compiled plan should keep in memory, though kernels know them written out only. */
const mostScores = 2 ** 27

function isBlockwise({ inputs: [q, k], attrs }: Node<Partial<AttentionGradient>>): boolean {
  const shape = scoresShape(q!, k!)
  const hasKernel = computingType(q!.dtype) === 'float32' && attrs.of !== 'mask'
  const isLong = Math.min(...shape.slice(2)) >= shortSequence
  return sizeOf(shape) > (hasKernel && isLong ? storedScores : mostScores)
}

/** Fewer keys are written out into products as well. */
const fewKeys = 16

/** Whether each head has one query, as when text is written token by token, and a kernel of that kind can compute it. */
export function isSingleQuery({ inputs: [q, k, v], attrs }: Node<AttentionAttrs>): boolean {
  const isPlain = !attrs.causal && !attrs.dropped && computingType(q!.dtype) === 'float32'
  const [batch, , queries, size] = q!.shape as [number, number, number, number]
  return isPlain && queries === 1 && k!.shape[2]! >= fewKeys && batch * size * v!.shape[3]! > 0
}

/** softmax(q · kᵀ · scale + mask) · v (Vaswani et al., "Attention is all you need", 2017). */
export const attentionOp: Op<AttentionAttrs> = {
  name: 'attention',
  kind: 'composite',
  infer(inputs, attrs) {
    const { q, v, mask, k } = inputsOf(inputs, attrs, 0)
    checkHeads(q, k, v)
    if (mask) checkMask(mask, scoresShape(q, k))
    return { shape: [...q.shape.slice(0, 3), v.shape[3]!], dtype: q.dtype }
  },
  evaluate: (node, values) => attendInBlocks(node, values),
  staysWhole: (node) => isSingleQuery(node) || isBlockwise(node),
  decompose(inputs, attrs, node) {
    const { q, k, v, scale, mask, dropout: random } = inputsOf(inputs, attrs, 0)
    const weights = softmaxOfVisible(maskedScores(q, k, scale, mask, attrs.causal), mask !== undefined)
    const kept = random ? dropout(weights, random.key, random.p) : weights
    const y = contract(grouped(kept, k), widened(v), {
      batch: [
        [0, 1],
        [0, 1],
      ],
      reduce: [[4], [2]],
    })
    return cast(reshape(y, node.shape), node.dtype)
  },
  derivative(node, dy, i) {
    const { masked } = node.attrs
    if (i === 3 || i > (masked ? 4 : 3)) return undefined
    const of = (['query', 'key', 'value', undefined, 'mask'] as const)[i]!
    const { q, k, scale, mask } = inputsOf(node.inputs, node.attrs, 0)
    const sums = attentionLogSumExp(q, k, scale, mask, node.attrs.causal)
    const delta = reduce(mul(widened(dy), widened(node)), 'sum', [3])
    const [, , , , ...options] = node.inputs
    const inputs = [...node.inputs.slice(0, 4), sums, delta, dy, ...options]
    return record(attentionGradientOp, inputs, { ...node.attrs, of })
  },
}

/** See {@link attentionOp}. */
export function attention({ q, k, v, scale, mask, dropout }: AttentionInputs, causal: boolean): Node {
  const inputs = [q, k, v, scale, ...(mask ? [mask] : []), ...(dropout ? [dropout.key, dropout.p] : [])]
  return record(attentionOp, inputs, { causal, masked: mask !== undefined, dropped: dropout !== undefined })
}

/** The weights [B, H, L, S] of {@link attention}, dropout included, in the dtype of computing. */
export function attentionWeights({ q, k, scale, mask, dropout: random }: WeightInputs, causal: boolean): Node {
  const weights = softmaxOfVisible(maskedScores(q, k, scale, mask, causal), mask !== undefined)
  return random ? dropout(weights, random.key, random.p) : weights
}

type WeightInputs = Omit<AttentionInputs, 'v'>

/** Σⱼ weightᵢⱼ · vⱼ: what {@link attention} makes of its weights. */
export function weightedValues(weights: Node, v: Node, dtype: DType): Node {
  const y = contract(grouped(weights, v), widened(v), {
    batch: [
      [0, 1],
      [0, 1],
    ],
    reduce: [[4], [2]],
  })
  return cast(reshape(y, [...weights.shape.slice(0, 3), v.shape[3]!]), dtype)
}

/** The inputs by name; `extra` others stand between scale and mask. */
export function inputsOf(inputs: readonly Node[], { masked, dropped }: AttentionAttrs, extra: number): AttentionInputs {
  const [q, k, v, scale] = inputs as [Node, Node, Node, Node]
  const at = 4 + extra
  const [key, p] = inputs.slice(masked ? at + 1 : at)
  return { q, k, v, scale, mask: masked ? inputs[at] : undefined, dropout: dropped ? { key: key!, p: p! } : undefined }
}

/**
 * ln Σⱼ exp(scoreᵢⱼ) [B, H, L], from which the derivative computes weights again: exp(score − sum). +∞ for a query that sees
 * no key, so that its weights are 0. Inputs q, k, scale and the mask, if any.
 */
export const attentionLogSumExpOp: Op<Omit<AttentionAttrs, 'dropped'>> = {
  name: 'attentionLogSumExp',
  kind: 'composite',
  infer: ([q]) => ({ shape: q!.shape.slice(0, 3), dtype: widened(q!).dtype }),
  evaluate: (node, values) => logSumExpInBlocks(node, values),
  staysWhole: isBlockwise,
  decompose([q, k, scale, mask], { causal }) {
    const scores = maskedScores(q!, k!, scale!, mask, causal)
    const infinity = constant(Number.POSITIVE_INFINITY, scores.dtype)
    if (scores.shape[3] === 0) return add(reduce(scores, 'sum', [3]), infinity)
    const highest = detach(reduce(scores, 'max', [3]))
    const blind = equal(highest, constant(Number.NEGATIVE_INFINITY, scores.dtype))
    const level = where(blind, constant(0, scores.dtype), highest)
    const total = reduce(exp(sub(scores, reshape(level, [...level.shape, 1]))), 'sum', [3])
    const finite = add(level, log(where(blind, constant(1, scores.dtype), total)))
    return where(blind, infinity, finite)
  },
}

function attentionLogSumExp(q: Node, k: Node, scale: Node, mask: Node | undefined, causal: boolean): Node {
  const inputs = [q, k, scale, ...(mask ? [mask] : [])]
  return record(attentionLogSumExpOp, inputs, { causal, masked: mask !== undefined })
}

export interface AttentionGradient extends AttentionAttrs {
  /** The input whose cotangent it is. */
  readonly of: 'query' | 'key' | 'value' | 'mask'
}

/**
 * The derivative of attention by one input, from weights that are computed again (Dao et al., "FlashAttention", 2022,
 * appendix B), but where all are written out. Inputs q, k, v, scale, the log-sum-exps, δ = Σ dy ∘ y [B, H, L], dy, then mask and dropout as in
 * {@link attentionOp}. With P = exp(score − sum) and dP = dropout(dy · vᵀ): dS = P ∘ (dP − δ), dv = dropout(P)ᵀ · dy,
 * dq = scale · dS · k, dk = scale · dSᵀ · q; the mask's is dS itself.
 */
export const attentionGradientOp: Op<AttentionGradient> = {
  name: 'attentionGradient',
  kind: 'composite',
  infer(inputs, attrs) {
    const { q, k, v, mask } = inputsOf(inputs, attrs, 3)
    const source = { query: q, key: k, value: v, mask: mask! }[attrs.of]
    return { shape: source.shape, dtype: source.dtype }
  },
  evaluate: (node, values) => gradientInBlocks(node, values),
  staysWhole: isBlockwise,
  decompose(inputs, attrs, node) {
    const { q, k, v, scale, mask, dropout: random } = inputsOf(inputs, attrs, 3)
    const [, delta, dy] = inputs.slice(4, 7) as [Node, Node, Node]
    const spread = (row: Node): Node => reshape(row, [...row.shape, 1])
    const drop = (x: Node): Node => (random ? dropout(x, random.key, random.p) : x)
    // Written out, the weights are those of attention itself, which a plan computes once.
    const weights = softmaxOfVisible(maskedScores(q, k, scale, mask, attrs.causal), mask !== undefined)
    const g = grouped(widened(dy), k)
    if (attrs.of === 'value') {
      const kept = grouped(drop(weights), k)
      return cast(
        contract(kept, g, {
          batch: [
            [0, 1],
            [0, 1],
          ],
          reduce: [
            [2, 3],
            [2, 3],
          ],
        }),
        node.dtype,
      )
    }
    const products = contract(g, widened(v), {
      batch: [
        [0, 1],
        [0, 1],
      ],
      reduce: [[4], [3]],
    })
    const scoreGradient = mul(weights, sub(drop(reshape(products, weights.shape)), spread(delta)))
    if (attrs.of === 'mask') return cast(sumTo(scoreGradient, node.shape), node.dtype)
    const ds = grouped(scoreGradient, k)
    const raw =
      attrs.of === 'query'
        ? contract(ds, widened(k), {
            batch: [
              [0, 1],
              [0, 1],
            ],
            reduce: [[4], [2]],
          })
        : contract(ds, grouped(widened(q), k), {
            batch: [
              [0, 1],
              [0, 1],
            ],
            reduce: [
              [2, 3],
              [2, 3],
            ],
          })
    return cast(mul(reshape(raw, node.shape), widened(scale)), node.dtype)
  },
}

function checkHeads(q: Node, k: Node, v: Node): void {
  const [b, h, , e] = q.shape
  const [kb, heads, s, ke] = k.shape
  const fits =
    [q, k, v].every(({ shape }) => shape.length === 4) &&
    b === kb &&
    e === ke &&
    (heads === 0 ? h === 0 : h! % heads! === 0) &&
    sameShape(v.shape.slice(0, 3), [kb!, heads!, s!])
  if (!fits) {
    const shapes = [q, k, v].map(({ shape }) => formatShape(shape))
    throw new ShapeError(
      'attention',
      `expects q [B, H, L, E], k [B, K, S, E] and v [B, K, S, Ev] with H a multiple of K, received ${shapes.join(', ')}`,
    )
  }
  if (!isFloating(q.dtype) || k.dtype !== q.dtype || v.dtype !== q.dtype) {
    throw new DTypeError(
      'attention',
      `q, k and v share one floating dtype, received ${q.dtype}, ${k.dtype}, ${v.dtype}`,
    )
  }
}

function checkMask(mask: Node, shape: readonly number[]): void {
  if (mask.dtype !== 'bool' && !isFloating(mask.dtype)) {
    throw new DTypeError('attention', `a mask is bool or floating, received ${mask.dtype}`)
  }
  if (sameShape(broadcastShapes('attention', mask.shape, shape), shape) && mask.shape.length === 4) return
  throw new ShapeError(
    'attention',
    `a mask of shape ${formatShape(mask.shape)} does not broadcast to [B, H, L, S] ${formatShape(shape)}`,
  )
}

function scoresShape(q: Node, k: Node): number[] {
  return [q.shape[0]!, q.shape[1]!, q.shape[2]!, k.shape[2]!]
}

/** x [B, H, ...] as [B, K, H / K, ...], the heads that share a head of k together. */
function grouped(x: Node, k: Node): Node {
  const [b, h, ...rest] = x.shape as [number, number, ...number[]]
  const heads = k.shape[1]!
  return reshape(x, [b, heads, heads === 0 ? 1 : h / heads, ...rest])
}

/** q · kᵀ · scale [B, H, L, S] with the mask applied: −∞ where a query does not see a key. */
function maskedScores(q: Node, k: Node, scale: Node, mask: Node | undefined, causal: boolean): Node {
  const products = contract(grouped(widened(q), k), widened(k), {
    batch: [
      [0, 1],
      [0, 1],
    ],
    reduce: [[4], [3]],
  })
  const [queries, keys] = [q.shape[2]!, k.shape[2]!]
  let scores = mul(reshape(products, scoresShape(q, k)), widened(scale))
  const hidden = constant(Number.NEGATIVE_INFINITY, scores.dtype)
  if (causal) {
    const seen = lessEqual(reshape(iota(keys), [1, keys]), reshape(iota(queries), [queries, 1]))
    scores = where(seen, scores, hidden)
  }
  if (!mask) return scores
  return mask.dtype === 'bool' ? where(mask, scores, hidden) : add(scores, cast(mask, scores.dtype))
}

/** softmax along the keys; where a query may see none, zeros. A causal mask alone leaves every query at least one. */
function softmaxOfVisible(scores: Node, mayBeBlind: boolean): Node {
  if (scores.shape[3] === 0 || !mayBeBlind) return softmax(scores, 3)
  const highest = reduce(scores, 'max', [3])
  const kept = reshape(highest, [...highest.shape, 1])
  const blind = equal(kept, constant(Number.NEGATIVE_INFINITY, scores.dtype))
  const zero = constant(0, scores.dtype)
  return where(blind, zero, softmax(where(blind, zero, scores), 3))
}
