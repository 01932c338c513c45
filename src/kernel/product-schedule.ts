import { sizeOf } from '../core/shape.ts'
import type { Affine } from '../schedule/affine.ts'
import type { Packing } from '../schedule/operands.ts'
import type { Product, ProductKernel } from '../schedule/product.ts'
import { affinesOf, mapAffines } from '../schedule/walk.ts'

/** The largest tile of results that stays in registers: so many rows by so many vectors. */
export interface TileLimits {
  readonly rows: number
  readonly vectors: number
}

/** rows · vectors sums, a vector of b each and one element of a: 31 of 32 registers with AVX-512, 15 of 16 with AVX2. */
export function tileLimits(lanes: number): TileLimits {
  return lanes === 16 ? { rows: 14, vectors: 2 } : { rows: 6, vectors: 2 }
}

/** How operands of products are packed for vectors of so many lanes. */
export function packingOf(lanes: number): Packing {
  return { lanes, vectors: tileLimits(lanes).vectors }
}

/** Nearly equal parts of an axis: `large` of `size`, then `small` of `size − 1`. */
export interface Parts {
  readonly size: number
  readonly large: number
  readonly small: number
}

/** A multiply-add takes four cycles and two begin in each: with hardly more sums than eight they would wait for each other. */
const leastSums = 10

/**
 * Parts of the rows: equal ones, which run the same code, where any divisor fills the registers well enough; else nearly
 * equal ones. On ResNet-18 tiles of 8 rows are within 3 % of tiles of 10 and 11, and take half the code.
 */
function cutRows(extent: number, { rows, vectors }: TileLimits): Parts {
  for (let size = rows; size > rows / 2 && size * vectors >= leastSums; size--)
    if (extent % size === 0) return { size, large: extent / size, small: 0 }
  return nearlyEqual(extent, rows)
}

export function nearlyEqual(extent: number, most: number): Parts {
  const count = Math.ceil(extent / most)
  const size = Math.ceil(extent / count)
  const small = count * size - extent
  return { size, large: count - small, small }
}

/** How a product is cut up. Fixed by its shape and the number of lanes; nothing here changes a bit of the result. */
export interface ProductSchedule {
  /** The axis that the rows of a tile run along; −1: tiles have one row. */
  readonly tileAxis: number
  readonly tiles: Parts
  /** Columns of a tile. */
  readonly strip: number
  readonly strips: number
  /** A chunk: so many tiles, so many strips, so many positions of one axis (−1: of none), and all of the inner axes. */
  readonly chunkTiles: number
  readonly chunkStrips: number
  readonly partAxis: number
  readonly chunkPart: number
  readonly innerAxes: readonly number[]
  /** The remaining axes, enumerated by chunks. */
  readonly outerAxes: readonly number[]
}

/** A product is cut into so many chunks, unless these are smaller or larger than pays, in multiply-adds. */
const enoughChunks = 32
const leastWork = 2 ** 17
const mostWork = 2 ** 24
/**
 * Over long sums operands come from far away, and the more rows and columns use them together the better: larger chunks pay, as
 * long as there are a few for each thread.
 */
const longSum = 1024
const fewChunks = 4
/** With so many rows reading b is paid for, and a block of a stays in the second-level cache. */
const mostRows = 256
const fewRows = 64
/** So many strips of sums stay there, too. */
const mostStrips = 8

export function scheduleProduct(product: Product, lanes: number, limits: TileLimits, threads: number): ProductSchedule {
  const { extents, resultAxes, a, b, panel } = product
  const lane = resultAxes - 1
  const summed = sizeOf(extents.slice(resultAxes))
  const tileAxis = chooseTileAxis(product, limits)
  const tiles = tileAxis < 0 ? { size: 1, large: 1, small: 0 } : cutRows(extents[tileAxis]!, limits)
  const columns = extents[lane]!
  const plain = panel.step === panel.width
  const strip = plain ? Math.min(limits.vectors, Math.ceil(columns / lanes)) * lanes : panel.width
  const strips = Math.ceil(columns / strip)
  const tileCount = tiles.large + tiles.small
  const all = sizeOf(extents)
  const evenWork = between(leastWork, all / enoughChunks, mostWork)
  const work = summed >= longSum ? Math.max(evenWork, all / (fewChunks * threads)) : evenWork
  const wantedRows = between(fewRows, work / (strip * summed), mostRows)
  const chunkTiles = evenly(tileCount, wantedRows / tiles.size)
  let rows = chunkTiles * tiles.size
  let [partAxis, chunkPart] = [-1, 1]
  const innerAxes: number[] = []
  for (const axis of range(lane).reverse()) {
    if (axis === tileAxis || b.terms[axis] !== 0 || a.terms[axis] === 0) continue
    if (chunkTiles < tileCount) break
    if (rows * extents[axis]! > wantedRows) {
      chunkPart = evenly(extents[axis]!, wantedRows / rows)
      if (chunkPart > 1) partAxis = axis
      rows *= chunkPart
      break
    }
    innerAxes.unshift(axis)
    rows *= extents[axis]!
  }
  const chunkStrips = evenly(strips, Math.min(mostStrips, work / (rows * strip * summed)))
  const outerAxes = range(lane).filter((axis) => axis !== tileAxis && axis !== partAxis && !innerAxes.includes(axis))
  return { tileAxis, tiles, strip, strips, chunkTiles, chunkStrips, partAxis, chunkPart, innerAxes, outerAxes }
}

/** The axis with the fullest tiles; among those that fill the registers well enough, the one on which a lies closest. */
function chooseTileAxis({ extents, resultAxes, a, b }: Product, limits: TileLimits): number {
  const enough = Math.ceil((limits.rows * 4) / 7)
  const fill = (axis: number): number => Math.min(enough, extents[axis]! / Math.ceil(extents[axis]! / limits.rows))
  const step = (axis: number): number => Math.abs(a.terms[axis]!) || Number.POSITIVE_INFINITY
  const candidates = range(resultAxes - 1).filter((axis) => b.terms[axis] === 0 && extents[axis]! > 1)
  return candidates.reduce((best, axis) => {
    if (best < 0 || fill(axis) > fill(best)) return axis
    return fill(axis) === fill(best) && step(axis) <= step(best) ? axis : best
  }, -1)
}

/** `count` in parts of about `wanted`, as equal as they can be. */
function evenly(count: number, wanted: number): number {
  const most = between(1, Math.round(wanted), count)
  return Math.ceil(count / Math.ceil(count / most))
}

function between(least: number, wanted: number, most: number): number {
  return Math.min(Math.max(least, wanted), most)
}

function range(count: number): number[] {
  return Array.from({ length: count }, (_, i) => i)
}

/**
 * The kernel with neighbouring axes joined that all accesses walk through as one, and without axes of one position. The lanes
 * keep an axis, and join others only where b is not in panels; so does the innermost summed axis. The first `kept` axes stay
 * as they are.
 */
export function joinProductAxes(kernel: ProductKernel, kept = 0): ProductKernel {
  const { product, epilogue } = kernel
  const { extents, resultAxes, a, b, panel, valid } = product
  const results = epilogue ? [...affinesOf(epilogue)] : []
  const affines = [a, b, ...valid.map(({ value }) => value), ...results]
  const lane = resultAxes - 1
  const fixed = panel.step === panel.width ? -1 : lane
  const groups: number[][] = []
  let joinedResults = 0
  for (const [axis, extent] of extents.entries()) {
    if (extent === 1 && axis >= kept && axis !== lane && axis !== extents.length - 1) continue
    const previous = groups.at(-1)
    const last = previous?.at(-1)
    const joins =
      last !== undefined &&
      axis !== fixed &&
      last >= kept &&
      last < resultAxes === axis < resultAxes &&
      affines.every(({ terms }) => (terms[last] ?? 0) === (terms[axis] ?? 0) * extent)
    if (joins) previous!.push(axis)
    else {
      groups.push([axis])
      if (axis < resultAxes) joinedResults++
    }
  }
  const regroup = ({ terms, offset }: Affine): Affine => ({
    terms: groups.map((group) => terms[group.at(-1)!] ?? 0),
    offset,
  })
  const joined = {
    extents: groups.map((group) => sizeOf(group.map((axis) => extents[axis]!))),
    resultAxes: joinedResults,
    a: regroup(a),
    b: regroup(b),
    panel,
    valid: valid.map((condition) => ({ ...condition, value: regroup(condition.value) })),
  }
  return { ...kernel, product: joined, epilogue: epilogue && mapAffines(epilogue, regroup) }
}
