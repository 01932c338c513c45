import { Affine } from '../../lane/affine.ts'
import type { LaneBuilder } from '../../lane/builder.ts'
import type { BufferParameter, LaneRange, Register } from '../../lane/program.ts'
import { Dropout } from './dropout.ts'
import type { Head, Operands } from './operands.ts'
import { atMost, type Column, longestChain, type Tile, tileSums } from './tiles.ts'

/** Neighbouring keys: so many panels from number `panel` on. */
export interface KeyBlock {
  readonly panel: Affine
  readonly panels: number
}

/** A block of numbers in working memory, some rows by the keys of a block. */
export interface Matrix {
  readonly buffer: BufferParameter
  /** Elements from row to row. */
  readonly stride: number
}

/** Scores of one query and the keys of one panel, a register for each vector. */
export interface ScoreStrip {
  readonly scores: readonly Register[]
  /** The first key, and where it stands in its row of working memory. */
  readonly key: Affine
  readonly at: Affine
}

export interface ScoreOptions {
  /** Whether lanes behind the last key are hidden; else they hold numbers without meaning. */
  readonly hidesTail: boolean
  /** Whether weights may be dropped. */
  readonly drops: boolean
  /** Whether all panels of a block are computed, though no row of the tile sees some of them. */
  readonly wholeBlocks: boolean
}

/** Rows of working memory are so much longer than what they hold that neighbours do not crowd each other out of a cache. */
const skew = 16

/** How a block of scores comes about: products, then the masks. */
export class Scores {
  readonly operands: Operands
  readonly columns: readonly Column[]
  private readonly b: LaneBuilder
  readonly dropout: Dropout | undefined
  private readonly hidesTail: boolean
  private readonly wholeBlocks: boolean

  constructor(b: LaneBuilder, operands: Operands, { hidesTail, drops, wholeBlocks }: ScoreOptions) {
    this.b = b
    this.operands = operands
    this.hidesTail = hidesTail
    this.wholeBlocks = wholeBlocks
    const { panel } = operands.chain
    this.columns = Array.from({ length: panel / b.lanes }, (_, c) => ({ offset: c * b.lanes, within: null }))
    this.dropout = drops && operands.has('drop') ? new Dropout(b, operands) : undefined
  }

  /** Elements from row to row of a matrix with so many keys. */
  static strideOf(keys: number): number {
    return keys + skew
  }

  get panels(): number {
    const { keys, panel } = this.operands.chain
    return Math.ceil(keys / panel)
  }

  /** Runs the body if some row of the tile sees some key of the block. */
  ifSeen(tile: Tile, { panel }: KeyBlock, body: () => void): void {
    const { chain } = this.operands
    if (chain.causal) atMost(this.b, panel.times(chain.panel).minus(tile.row), tile.rows - 1, body)
    else body()
  }

  /** Loops over the panels of a block that are computed for a tile. */
  eachPanel(tile: Tile, block: KeyBlock, body: (panel: Affine, at: Affine) => void): void {
    const { chain } = this.operands
    this.b.loop({ begin: block.panel, count: block.panels, limit: this.panels }, (number) => {
      const panel = Affine.of(number)
      const at = panel.minus(block.panel).expand().times(chain.panel)
      if (this.wholeBlocks) body(panel, at)
      else this.ifSeen(tile, { panel, panels: 1 }, () => body(panel, at))
    })
  }

  /** Loops over the keys of a block that are computed for a tile; `at` is their place in a row of working memory. */
  eachKey(tile: Tile, block: KeyBlock, body: (key: Affine, at: Affine) => void): void {
    const { keys, causal, panel: width } = this.operands.chain
    const first = block.panel.times(width)
    const loop = (begin: Affine, count: number): void => {
      this.b.loop({ begin, count, limit: keys, hot: true }, (number) => {
        const key = Affine.of(number)
        body(key, key.minus(first).expand())
      })
    }
    if (causal) this.eachPanel(tile, block, (panel) => loop(panel.times(width), width))
    else loop(first, block.panels * width)
  }

  /** The tile's rows of q times the block's keys, or of dy times its values. */
  multiply(left: 'q' | 'dy', head: Head, tile: Tile, block: KeyBlock, to: Matrix, localRow: Affine): void {
    const { b, operands, columns } = this
    const right = left === 'q' ? 'keyPanels' : 'valuePanels'
    const depth = left === 'q' ? operands.chain.size : operands.chain.width
    const [rows, panels] = [operands.buffer(left), operands.buffer(right)]
    this.eachPanel(tile, block, (panel, at) => {
      for (let begin = 0; begin < depth; begin += longestChain) {
        const count = Math.min(longestChain, depth - begin)
        const sums = tileSums(b, tile.rows, columns, { buffer: rows, step: operands.step(left, 2) }, panels, (body) => {
          b.loop({ begin, count, hot: true }, (number) => {
            const e = Affine.of(number)
            body(operands.at(left, head, tile.row, e), operands.at(right, head, panel, e, Affine.of(0)))
          })
        })
        sums.forEach((sum, i) => {
          const r = Math.floor(i / columns.length)
          const place = localRow
            .plus(r)
            .times(to.stride)
            .plus(at)
            .plus(columns[i % columns.length]!.offset)
          b.store(to.buffer, place, begin === 0 ? sum : b.add(b.load(to.buffer, place), sum))
        })
      }
    })
  }

  /** Scaled and masked scores of one row, panel by panel. */
  eachStrip(
    head: Head,
    tile: Tile,
    row: Affine,
    block: KeyBlock,
    from: Matrix,
    localRow: Affine,
    body: (strip: ScoreStrip) => void,
  ): void {
    const { b, operands } = this
    const { chain } = operands
    const scale = b.splat(operands.buffer('scale'), 0)
    this.eachPanel(tile, block, (panel, at) => {
      this.whereWhole(row, panel.times(chain.panel), (key, isPartly) => {
        const scores = this.columns.map(({ offset }) => {
          const raw = b.load(from.buffer, localRow.times(from.stride).plus(at).plus(offset))
          return this.masked(b.mul(raw, scale), head, row, key.plus(offset), isPartly)
        })
        body({ scores, key, at })
      })
    })
  }

  /** Calls `body` for a panel of keys that the row sees all of, and for others. */
  private whereWhole(row: Affine, key: Affine, body: (key: Affine, isPartly: boolean) => void): void {
    const { causal, panel, keys, queries } = this.operands.chain
    const partly = (): void => body(key, true)
    const inside = (): void => {
      const hasTail = this.hidesTail && keys % panel !== 0 && !(causal && queries <= keys)
      if (hasTail) this.b.when(key, 0, keys - panel + 1, (first) => body(Affine.of(first), false), partly)
      else body(key, false)
    }
    if (causal) atMost(this.b, key.minus(row), 1 - panel, inside, partly)
    else inside()
  }

  /** −∞ where the query does not see a key. */
  private masked(score: Register, head: Head, row: Affine, key: Affine, isPartly: boolean): Register {
    const { b, operands } = this
    const { causal, keys } = operands.chain
    const tail = b.range(key, 0, keys)
    let masked = masks(b, operands, head, row, key, tail)?.of(score) ?? score
    if (!isPartly) return masked
    const apart = key.minus(row)
    const ranges: (LaneRange | null)[] = [
      causal ? b.range(apart, apart.range()[0], 1) : null,
      this.hidesTail ? tail : null,
    ]
    for (const range of ranges) if (range) masked = b.select(b.mask(range), masked, hidden)
    return masked
  }
}

/** The score of a key that a query does not see. */
export const hidden: number = Number.NEGATIVE_INFINITY

/** What the mask says of a vector of keys. */
export interface Masked {
  /** The score with the mask added, or hidden by it. */
  of(score: Register): Register
  /** Lanes whose keys are seen. */
  readonly seen: () => Register
}

/** The mask of a query and the keys from `key` on within `tail`; undefined where there is none. */
export function masks(
  b: LaneBuilder,
  operands: Operands,
  head: Head,
  row: Affine,
  key: Affine,
  tail: LaneRange | null,
): Masked | undefined {
  if (!operands.has('mask')) return undefined
  const laneStride = operands.step('mask', 3)
  const within = laneStride === 0 ? null : tail
  const value = b.load(operands.buffer('mask'), operands.at('mask', head, row, key), { laneStride, within })
  if (operands.dtypeOf('mask') === 'bool') {
    const isHidden = b.ieq(value, b.int(0))
    return { of: (score) => b.select(isHidden, hidden, score), seen: () => b.mnot(isHidden) }
  }
  return { of: (score) => b.add(score, value), seen: () => b.ne(value, hidden) }
}
