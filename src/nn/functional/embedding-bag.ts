import { DTypeError, ShapeError, ValueError } from '../../core/errors.ts'
import { formatShape, sameShape } from '../../core/shape.ts'
import type { Node } from '../../graph/node.ts'
import { div, maximum, mul, sub } from '../../graph/ops/arithmetic.ts'
import { cumulative } from '../../graph/ops/cumulative.ts'
import * as ops from '../../graph/ops/embedding.ts'
import { gather, scatter } from '../../graph/ops/indexing.ts'
import { constant, iota } from '../../graph/ops/leaves.ts'
import { and, cast, detach, equal, less, notEqual, where } from '../../graph/ops/logic.ts'
import { broadcastTo, reshape, sliceDim } from '../../graph/ops/views.ts'
import { wrap } from '../../tensor/base.ts'
import type { Tensor } from '../../tensor/tensor.ts'
import { type EmbeddingOptions, resolvePadding, shortenRows } from './embedding.ts'

export interface EmbeddingBagOptions extends EmbeddingOptions {
  /** Where each bag begins in a one-dimensional index; the first begins at 0. */
  readonly offsets?: Tensor | undefined
  /** How the rows of a bag are joined. Default `'mean'`. */
  readonly mode?: 'sum' | 'mean' | 'max'
  /** Factor of each row, shaped like the index; mode `'sum'` only. */
  readonly perSampleWeights?: Tensor | undefined
  /** The last offset is the end of the last bag, not the begin of another. Default false. */
  readonly includeLastOffset?: boolean
}

const op = 'embeddingBag'

/**
 * Sums, means or maxima of bags of rows of weight [V, D], without keeping the rows: index [B, L] makes B bags of L rows each,
 * index [n] with offsets [B] makes bags that begin at the offsets → [B, D]. Rows of `paddingIdx` do not count. Empty bags are 0.
 */
export function embeddingBag(
  index: Tensor,
  weight: Tensor,
  {
    offsets,
    mode = 'mean',
    perSampleWeights,
    includeLastOffset = false,
    paddingIdx,
    maxNorm,
    normType = 2,
    scaleGradByFreq = false,
  }: EmbeddingBagOptions = {},
): Tensor {
  checkBags(index, weight, offsets, mode, perSampleWeights)
  if (mode === 'max' && scaleGradByFreq) throw new ValueError(op, "scaleGradByFreq is not for mode 'max'")
  const padding = resolvePadding(op, weight, paddingIdx)
  if (maxNorm !== undefined) shortenRows(index, weight, maxNorm, normType)
  const n = index.size
  const flat = reshape(index.node, [n])
  const bags = index.rank === 2 ? index.shape[0]! : offsets!.shape[0]! - (includeLastOffset ? 1 : 0)
  const bag = index.rank === 2 ? bagOfRows(index) : bagOfOffsets(offsets!.node, bags, n)
  let rows = ops.embedding(flat, weight.node, { paddingIdx: padding, scaleGradByFreq })
  if (perSampleWeights) rows = mul(rows, reshape(perSampleWeights.node, [n, 1]))
  const counts = padding < 0 ? undefined : reshape(notEqual(flat, constant(padding, flat.dtype)), [n, 1])
  const joined = mode === 'max' ? maxima(rows, bag, counts, bags) : sums(rows, bag, counts, bags, mode)
  return wrap(joined)
}

function checkBags(
  index: Tensor,
  weight: Tensor,
  offsets: Tensor | undefined,
  mode: string,
  perSampleWeights: Tensor | undefined,
): void {
  if (!['sum', 'mean', 'max'].includes(mode))
    throw new ValueError(op, `mode must be 'sum', 'mean' or 'max', received '${mode}'`)
  const fits = index.rank === 2 ? !offsets : index.rank === 1 && offsets?.rank === 1
  if (!fits) {
    throw new ShapeError(
      op,
      `expects an index [B, L] without offsets, or [n] with offsets [B]; received ${formatShape(index.shape)} and ${offsets ? formatShape(offsets.shape) : 'none'}`,
    )
  }
  if (offsets && offsets.dtype !== 'int32') throw new DTypeError(op, `offsets must be int32, received ${offsets.dtype}`)
  if (!perSampleWeights) return
  if (mode !== 'sum') throw new ValueError(op, `perSampleWeights are for mode 'sum', not '${mode}'`)
  if (!sameShape(perSampleWeights.shape, index.shape)) {
    throw new ShapeError(
      op,
      `perSampleWeights must have the index's shape ${formatShape(index.shape)}, received ${formatShape(perSampleWeights.shape)}`,
    )
  }
  if (perSampleWeights.dtype !== weight.dtype) {
    throw new DTypeError(op, `weight is ${weight.dtype}, perSampleWeights are ${perSampleWeights.dtype}`)
  }
}

/** The bag of each position, [n, 1]. */
function bagOfRows(index: Tensor): Node {
  const [bags, length] = index.shape as [number, number]
  return reshape(broadcastTo(reshape(iota(bags), [bags, 1]), [bags, length]), [bags * length, 1])
}

/** The number of offsets up to each position, minus one. */
function bagOfOffsets(offsets: Node, bags: number, n: number): Node {
  const starts = sliceDim(offsets, 0, 0, bags)
  const none = broadcastTo(constant(0, 'int32'), [n + 1])
  const begun = scatter(none, starts, broadcastTo(constant(1, 'int32'), [bags]), 0, 'add', op)
  const numbers = sub(cumulative(begun, 'sum', 0), constant(1, 'int32'))
  return reshape(sliceDim(numbers, 0, 0, n), [n, 1])
}

function sums(rows: Node, bag: Node, counts: Node | undefined, bags: number, mode: 'sum' | 'mean'): Node {
  const [n, d] = rows.shape as [number, number]
  const zero = constant(0, rows.dtype)
  const counted = counts ? where(counts, rows, zero) : rows
  const total = scatter(broadcastTo(zero, [bags, d]), bag, counted, 0, 'add', op)
  if (mode === 'sum') return total
  const one = constant(1, rows.dtype)
  const ones = counts ? cast(counts, rows.dtype) : broadcastTo(one, [n, 1])
  return div(total, maximum(scatter(broadcastTo(zero, [bags, 1]), bag, ones, 0, 'add', op), one))
}

/** The first largest element of each bag and column; the gradient goes to it. */
function maxima(rows: Node, bag: Node, counts: Node | undefined, bags: number): Node {
  const [n, d] = rows.shape as [number, number]
  const lowest = constant(Number.NEGATIVE_INFINITY, rows.dtype)
  const seen = counts ? where(counts, detach(rows), lowest) : detach(rows)
  const largest = scatter(broadcastTo(lowest, [bags, d]), bag, seen, 0, 'max', op)
  const isLargest = equal(seen, gather(largest, bag, 0, op))
  const wins = counts ? and(isLargest, counts) : isLargest
  const nobody = constant(n, 'int32')
  const place = where(wins, reshape(iota(n), [n, 1]), nobody)
  const first = scatter(broadcastTo(nobody, [bags, d]), bag, place, 0, 'min', op)
  const found = less(first, nobody)
  const picked = gather(rows, where(found, first, constant(0, 'int32')), 0, op)
  return where(found, picked, constant(0, rows.dtype))
}
