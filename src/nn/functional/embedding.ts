import { IndexError, ShapeError, ValueError } from '../../core/errors.ts'
import { formatShape } from '../../core/shape.ts'
import { withGrad } from '../../graph/node.ts'
import { add, div, mul } from '../../graph/ops/arithmetic.ts'
import * as ops from '../../graph/ops/embedding.ts'
import { scatter } from '../../graph/ops/indexing.ts'
import { constant, scalar } from '../../graph/ops/leaves.ts'
import { logicalAnd, greater, where } from '../../graph/ops/logic.ts'
import { broadcastTo, reshape } from '../../graph/ops/views.ts'
import { wrap } from '../../tensor/base.ts'
import type { Tensor } from '../../tensor/tensor.ts'
import { vectorNorm } from './distance.ts'

export interface EmbeddingOptions {
  /** This row stays as it is: it receives no gradient. Negative numbers count from the end. */
  readonly paddingIdx?: number | undefined
  /** Rows that are looked up and longer than this are first shortened to it, for good. */
  readonly maxNorm?: number | undefined
  /** Which norm `maxNorm` means. Default 2. */
  readonly normType?: number
  /** Divide each row's gradient by how often its index occurs. Default false. */
  readonly scaleGradByFreq?: boolean
}

/**
 * Rows of weight [V, D] by index [..] (int32, 0 ≤ index < V) → [.., D]. An index outside gives an {@link IndexError} when
 * the data is looked at.
 */
export function embedding(
  index: Tensor,
  weight: Tensor,
  { paddingIdx, maxNorm, normType = 2, scaleGradByFreq = false }: EmbeddingOptions = {},
): Tensor {
  const padding = resolvePadding('embedding', weight, paddingIdx)
  if (maxNorm !== undefined) shortenRows(index, weight, maxNorm, normType)
  return wrap(ops.embedding(index.node, weight.node, { paddingIdx: padding, scaleGradByFreq }))
}

/** −1 where there is none. */
export function resolvePadding(op: string, weight: Tensor, paddingIdx: number | undefined): number {
  if (paddingIdx === undefined) return -1
  const rows = weight.shape[0] ?? 0
  if (!Number.isInteger(paddingIdx) || paddingIdx < -rows || paddingIdx >= rows) {
    throw new IndexError(
      op,
      `paddingIdx ${paddingIdx} is out of range for ${rows} rows: expected ${-rows} to ${rows - 1}`,
    )
  }
  return paddingIdx < 0 ? paddingIdx + rows : paddingIdx
}

/** Assigns weight with the rows of `index` shortened to `maxNorm`. */
export function shortenRows(index: Tensor, weight: Tensor, maxNorm: number, normType: number): void {
  if (weight.rank !== 2) {
    throw new ShapeError('embedding', `weight must be [rows, columns], received ${formatShape(weight.shape)}`)
  }
  if (!(maxNorm > 0)) throw new ValueError('embedding', `maxNorm must be positive, received ${maxNorm}`)
  const { node } = weight
  const shortened = withGrad(false, () => {
    const each = reshape(index.node, [index.size, 1])
    const untouched = broadcastTo(constant(0, 'bool'), [node.shape[0]!, 1])
    const touched = scatter(untouched, each, broadcastTo(constant(1, 'bool'), each.shape), 0, 'set', 'embedding')
    const norm = vectorNorm('embedding', node, normType, 1)
    const limit = scalar(maxNorm, node.dtype)
    const factor = div(limit, add(norm, constant(1e-7, node.dtype)))
    return where(logicalAnd(touched, greater(norm, limit)), mul(node, factor), node)
  })
  weight.assign(wrap(shortened))
}
