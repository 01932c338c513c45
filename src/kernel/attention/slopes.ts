import type { Affine } from '../../lane/affine.ts'
import type { LaneBuilder } from '../../lane/builder.ts'
import { exp } from '../../lane/math/exp.ts'
import type { Head } from './operands.ts'
import type { KeyBlock, Matrix, Scores } from './scores.ts'
import type { Tile } from './tiles.ts'

/** Products of one tile and one block: those of q before, the weights after; those of dy before, the slopes after. */
export interface Gradients {
  readonly weights: Matrix
  readonly slopes: Matrix
  /** What of it is wanted. */
  readonly keeps: 'weights' | 'slopes' | 'both'
}

/**
 * One row of products to weights P = exp(score − sum), with dropout, and to the slopes of the loss by the scores,
 * dS = P ∘ (dropout(dP) − δ).
 */
export function slopesOfRow(
  b: LaneBuilder,
  scores: Scores,
  head: Head,
  tile: Tile,
  block: KeyBlock,
  r: Affine,
  local: Affine,
  { weights, slopes, keeps }: Gradients,
): void {
  const { operands } = scores
  const row = tile.row.plus(r)
  const sum = b.splat(operands.buffer('sums'), operands.at('sums', head, row))
  const delta = keeps === 'weights' ? undefined : b.splat(operands.buffer('delta'), operands.at('delta', head, row))
  const dropping = scores.dropout?.row(head, row)
  scores.eachStrip(head, tile, row, block, weights, local, (strip) => {
    const dropped = dropping?.dropped(strip.key)
    for (const [c, { offset }] of scores.columns.entries()) {
      const at = strip.at.plus(offset)
      const weight = exp(b, b.sub(strip.scores[c]!, sum))
      const drop = (x: typeof weight): typeof weight =>
        dropped ? b.select(dropped[c]!, 0, b.mul(x, dropping!.factor)) : x
      if (delta) {
        const place = local.times(slopes.stride).plus(at)
        const slope = drop(b.load(slopes.buffer, place))
        b.store(slopes.buffer, place, b.mul(weight, b.sub(slope, delta)))
      }
      if (keeps !== 'slopes') b.store(weights.buffer, local.times(weights.stride).plus(at), drop(weight))
    }
  })
}
