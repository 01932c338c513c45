import type { Affine } from '../../lane/affine.ts'
import type { LaneBuilder } from '../../lane/builder.ts'
import type { Register } from '../../lane/program.ts'
import { threefryBlocks, threefryKey } from '../threefry.ts'
import type { Head, Operands } from './operands.ts'

/** Which weights of one query are dropped. */
export interface DroppedRow {
  /** What the others are multiplied by: 1 / (1 − p). */
  readonly factor: Register
  /** Dropped lanes of each vector of the panel that begins with a key. */
  dropped(key: Affine): Register[]
}

/** Dropout of weights as the op `dropout` defines it over [B, H, L, S]: made again from the place of each weight. */
export class Dropout {
  private readonly b: LaneBuilder
  private readonly operands: Operands

  constructor(b: LaneBuilder, operands: Operands) {
    this.b = b
    this.operands = operands
  }

  row(head: Head, row: Affine): DroppedRow {
    const { b, operands } = this
    const { heads, queries, keys, panel } = operands.chain
    const key = threefryKey(b, operands.buffer('drop'))
    const p = b.splat(operands.buffer('p'), 0)
    const number = head.batch.times(heads).plus(head.query).times(queries).plus(row)
    const start = b.imul(b.indexLanes(number, 0), b.int(keys))
    const vectors = panel / b.lanes
    const isLess = (bits: Register): Register => b.lt(b.mul(b.toF32(b.shr(bits, 8)), 2 ** -24), p)
    // Where rows begin with an even number, a block's two words belong to neighbours.
    const pairs = (at: Affine): Register[] =>
      Array.from({ length: vectors / 2 }, (_, i) => {
        const first = b.shr(b.iadd(start, b.indexLanes(at.plus(2 * i * b.lanes), 0)), 1)
        const [even, odd] = threefryBlocks(b, key, 0, b.iadd(first, b.indexLanes(0, 1)))
        return interleaved(b, even, odd)
      }).flat()
    const single = (at: Affine): Register[] =>
      Array.from({ length: vectors }, (_, i) => {
        const place = b.iadd(start, b.indexLanes(at.plus(i * b.lanes), 1))
        const [even, odd] = threefryBlocks(b, key, 0, b.shr(place, 1))
        return b.select(b.ieq(b.iand(place, b.int(1)), b.int(0)), even, odd)
      })
    const bits = keys % 2 === 0 && vectors % 2 === 0 ? pairs : single
    return { factor: b.div(1, b.sub(1, p)), dropped: (at) => bits(at).map(isLess) }
  }
}

/** even₀, odd₀, even₁, odd₁ ... in two vectors. */
function interleaved(b: LaneBuilder, even: Register, odd: Register): Register[] {
  const half = b.lanes / 2
  return [0, half].map((from) =>
    b.permute2(
      even,
      odd,
      Array.from({ length: b.lanes }, (_, i) => from + (i >> 1) + (i & 1) * b.lanes),
    ),
  )
}
