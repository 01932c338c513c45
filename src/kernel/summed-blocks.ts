import { Affine as LaneAffine } from '../lane/affine.ts'
import type { LaneBuilder } from '../lane/builder.ts'

/** Longest chain of additions. */
const longestBlock = 256

/**
 * How long sums are cut: a block is all trailing axes that fit into {@link longestBlock} steps, times as many steps of the
 * axis before them as fit. It depends on the extents alone, so that no schedule changes the order of additions.
 */
export interface SummedBlocks {
  /** Whether there is one block only. */
  readonly single: boolean
  /** Emits loops over all blocks; `body` is given what emits the loops of one block. */
  eachBlock(b: LaneBuilder, body: (loops: BlockLoops) => void): void
}

/** Emits the loops of one block around `step`, which is given the positions on the summed axes. */
export type BlockLoops = (step: (summed: readonly LaneAffine[]) => void) => void

export function cutSummedAxes(extents: readonly number[]): SummedBlocks {
  let cut = extents.length
  let inside = 1
  while (cut > 0 && inside * extents[cut - 1]! <= longestBlock) inside *= extents[--cut]!
  // The axis before the whole ones is walked in pieces.
  const axis = cut - 1
  const piece = axis < 0 ? 1 : Math.max(1, Math.floor(longestBlock / inside))
  const axisLoop = (
    b: LaneBuilder,
    from: number,
    to: number,
    summed: readonly LaneAffine[],
    body: (summed: readonly LaneAffine[]) => void,
  ): void => {
    if (from === to) body(summed)
    else {
      const hot = to === extents.length && from === to - 1
      b.loop({ count: extents[from]!, hot }, (i) =>
        axisLoop(b, from + 1, to, summed.with(from, LaneAffine.of(i)), body),
      )
    }
  }
  return {
    single: axis < 0,
    eachBlock(b, body) {
      const start = extents.map(() => LaneAffine.of(0))
      if (axis < 0) {
        body((step) => axisLoop(b, 0, extents.length, start, step))
        return
      }
      axisLoop(b, 0, axis, start, (outer) => {
        b.loop({ count: Math.ceil(extents[axis]! / piece), step: piece, limit: extents[axis]! }, (begin) => {
          body((step) => {
            const hot = cut === extents.length
            b.loop({ begin, count: piece, limit: extents[axis]!, hot }, (i) =>
              axisLoop(b, cut, extents.length, outer.with(axis, LaneAffine.of(i)), step),
            )
          })
        })
      })
    },
  }
}
