import { sizeOf, stridesOf } from '../core/shape.ts'
import { Affine as LaneAffine } from '../lane/affine.ts'
import type { LaneBuilder } from '../lane/builder.ts'

/** Longest chain of additions. */
const longestBlock = 256

/**
 * How long sums are cut: a block is all trailing axes that fit into {@link longestBlock} steps, times as many steps of the
 * axis before them as fit, in pieces of nearly one size. It depends on the extents alone, so that no schedule changes the order of additions.
 */
export interface SummedBlocks {
  /** Whether there is one block only. */
  readonly single: boolean
  /** Emits loops over all blocks; `body` is given what emits the loops of one block, and which block it is. */
  eachBlock(b: LaneBuilder, body: (loops: BlockLoops, turn: Turn) => void): void
}

/** Which of `count` blocks it is: `number` grows from 0 in the first block to `last` in the last one. */
export interface Turn {
  readonly number: LaneAffine
  readonly last: number
  readonly count: number
}

/**
 * Emits the loops of one block around `step`, which is given the positions on the summed axes. `enter` is called around what
 * has one position on an axis and on those before it.
 */
export type BlockLoops = (step: Step, enter: Enter) => void
type Step = (summed: Summed) => void
export type Enter = (axis: number, summed: Summed, body: () => void) => void
type Summed = readonly LaneAffine[]

export function cutSummedAxes(extents: readonly number[]): SummedBlocks {
  let cut = extents.length
  let inside = 1
  while (cut > 0 && inside * extents[cut - 1]! <= longestBlock) inside *= extents[--cut]!
  // The axis before the whole ones is walked in pieces of nearly one size.
  const axis = cut - 1
  const pieces = axis < 0 ? 1 : Math.ceil(extents[axis]! / Math.max(1, Math.floor(longestBlock / inside)))
  const piece = axis < 0 ? 1 : Math.ceil(extents[axis]! / pieces)
  const start = extents.map(() => LaneAffine.of(0))
  /** Loops over the axes from one on, and before another. */
  const axisLoop = (b: LaneBuilder, from: number, to: number, summed: Summed, body: Step, enter: Enter): void => {
    if (from === to) {
      body(summed)
      return
    }
    b.loop({ count: extents[from]!, hot: from === extents.length - 1 }, (i) => {
      const here = summed.with(from, LaneAffine.of(i))
      enter(from, here, () => axisLoop(b, from + 1, to, here, body, enter))
    })
  }
  return {
    single: axis < 0,
    eachBlock(b, body) {
      if (axis < 0) {
        const turn = { number: LaneAffine.of(0), last: 0, count: 1 }
        body((step, enter) => axisLoop(b, 0, extents.length, start, step, enter), turn)
        return
      }
      const strides = stridesOf(extents.slice(0, axis + 1))
      const outside = sizeOf(extents.slice(0, axis))
      const last = (outside - 1) * extents[axis]! + (pieces - 1) * piece
      const count = outside * pieces
      const eachPiece = (outer: Summed): void =>
        b.loop({ count: pieces, step: piece, limit: extents[axis]! }, (begin) => {
          const number = strides.reduce(
            (sum, stride, d) => sum.plus(d < axis ? outer[d]!.times(stride) : LaneAffine.of(begin)),
            LaneAffine.of(0),
          )
          const loops: BlockLoops = (step, enter) => {
            const within = (from: number): void => {
              if (from < axis) enter(from, outer, () => within(from + 1))
              else {
                b.loop({ begin, count: piece, limit: extents[axis]!, hot: cut === extents.length }, (i) => {
                  const here = outer.with(axis, LaneAffine.of(i))
                  enter(axis, here, () => axisLoop(b, cut, extents.length, here, step, enter))
                })
              }
            }
            within(0)
          }
          body(loops, { number, last, count })
        })
      axisLoop(b, 0, axis, start, eachPiece, (_axis, _summed, inner) => inner())
    },
  }
}
