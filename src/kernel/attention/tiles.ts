import { Affine } from '../../lane/affine.ts'
import type { LaneBuilder } from '../../lane/builder.ts'
import type { BufferParameter, LaneRange, Register } from '../../lane/program.ts'
import type { Parts } from '../product-schedule.ts'

/** Longest chain of additions. */
export const longestChain = 256

/** So many tiles make a chunk, unless it is the last: while they are computed a block of keys is read again and again. */
export function unitTiles(lanes: number): number {
  return lanes === 16 ? 4 : 8
}

/** Some rows of a matrix, computed together. */
export interface Tile {
  /** The first row, and how many there are. */
  readonly row: Affine
  readonly rows: number
  /** The first row in working memory that holds `count` tiles. */
  readonly local: Affine
}

/** Loops over tiles: so many from number `begin` on. */
export function eachTile(
  b: LaneBuilder,
  { size, large, small }: Parts,
  { begin, count, first = Affine.of(0) }: { begin: Affine; count: number; first?: Affine },
  body: (tile: Tile) => void,
): void {
  b.loop({ begin, count, limit: large + small }, (n) => {
    const local = Affine.of(n).minus(begin).expand().times(size)
    b.when(
      n,
      0,
      large,
      (m) => body({ row: first.plus(Affine.of(m).times(size)), rows: size, local }),
      () => {
        if (small === 0) return
        b.when(n, large, large + small, (m) => {
          const row = Affine.of(m)
            .times(size - 1)
            .plus(large)
          body({ row: first.plus(row), rows: size - 1, local })
        })
      },
    )
  })
}

/** One vector of a strip of columns. */
export interface Column {
  /** Elements from the first column of the strip. */
  readonly offset: number
  readonly within: LaneRange | null
}

/** Strips of `vectors` vectors; the last may be narrower. */
export function eachStrip(
  b: LaneBuilder,
  width: number,
  vectors: number,
  body: (at: Affine, columns: readonly Column[]) => void,
): void {
  const strip = vectors * b.lanes
  const whole = Math.floor(width / strip)
  const all = Array.from({ length: vectors }, (_, c): Column => ({ offset: c * b.lanes, within: null }))
  b.loop({ count: whole, step: strip }, (at) => body(Affine.of(at), all))
  const rest = width - whole * strip
  if (rest === 0) return
  const narrow = all
    .slice(0, Math.ceil(rest / b.lanes))
    .map(({ offset }): Column => ({ offset, within: b.range(whole * strip + offset, 0, width) }))
  body(Affine.of(whole * strip), narrow)
}

/**
 * Σ left[r] · right over what `steps` visits: a vector for each row and column, in rows. `steps` gives the place of row 0's
 * element on the left and that of the first vector on the right. Sums stay in registers in its innermost loop.
 */
export function tileSums(
  b: LaneBuilder,
  rows: number,
  columns: readonly Column[],
  left: { readonly buffer: BufferParameter; readonly step: number },
  right: BufferParameter,
  steps: (body: (left: Affine, right: Affine) => void) => void,
): Register[] {
  const sums = Array.from({ length: rows * columns.length }, () => b.variable(0))
  steps((first, start) => {
    const vectors = columns.map(({ offset, within }) => b.load(right, start.plus(offset), { within }))
    for (let r = 0; r < rows; r++) {
      const element = b.splat(left.buffer, first.plus(r * left.step))
      for (const [c, vector] of vectors.entries()) {
        const sum = sums[r * columns.length + c]!
        b.set(sum, b.fma(element, vector, sum))
      }
    }
  })
  return sums
}

/** Runs the body if `value` ≤ `bound`. */
export function atMost(b: LaneBuilder, value: Affine, bound: number, body: () => void, otherwise?: () => void): void {
  b.when(value, Math.min(bound, value.range()[0]), bound + 1, body, otherwise)
}
