import type { Node } from '../../graph/node.ts'
import { Affine } from '../../lane/affine.ts'
import { LaneBuilder } from '../../lane/builder.ts'
import { exp } from '../../lane/math/exp.ts'
import type { BufferParameter, LaneRange, Register } from '../../lane/program.ts'
import type { Chain } from '../../schedule/chain.ts'
import { Arguments } from '../bindings.ts'
import type { KernelCode } from '../nest.ts'
import { tileLimits } from '../product-schedule.ts'
import { type Head, Operands } from './operands.ts'
import { hidden, masks } from './scores.ts'
import { type Column, eachStrip, longestChain, tileSums } from './tiles.ts'

/** Keys of a block; those beyond the last that is seen are left out block by block. */
const blockKeys = 64

/** Sums over keys, or over the elements of one, run in so many chains and are joined in a fixed tree, whatever the width of vectors. */
const chains = 16

/** What fits into registers: query heads that are computed together, vectors of keys side by side, sums of weighted values. */
const limitsOf = (lanes: number): { readonly rows: number; readonly vectors: number; readonly sums: number } =>
  lanes === 16 ? { rows: 4, vectors: 4, sums: 16 } : { rows: 2, vectors: 2, sums: 8 }

/**
 * Attention of one query a head, as when text is written token by token: keys and values are read where they lie and once, and not
 * beyond the last key that the mask lets any query see, so that a cache costs what is in it. All scores of a row stay in working memory.
 */
export function singleQueryCode(node: Node<Chain>, lanes: number): KernelCode {
  return new SingleQueryWriter(node, lanes).write()
}

class SingleQueryWriter {
  private readonly b: LaneBuilder
  private readonly args: Arguments
  private readonly operands: Operands
  private readonly node: Node<Chain>
  /** The query heads of a chunk. */
  private readonly heads: readonly Head[]
  /** Scores, then weights, row by row. */
  private readonly weights: BufferParameter
  private readonly stride: number
  /** What is behind the last key that is looked at. */
  private readonly end: Affine

  constructor(node: Node<Chain>, lanes: number) {
    const { batch, heads, keyHeads, keys } = node.attrs
    const group = heads / keyHeads
    const rows = [4, 3, 2, 1].find((n) => n <= limitsOf(lanes).rows && group % n === 0)!
    const parts = group / rows
    this.node = node
    this.b = new LaneBuilder({ name: 'attentionOfOne', lanes, chunks: batch * keyHeads * parts })
    this.args = new Arguments(this.b)
    this.operands = new Operands(node, this.args)
    this.heads = this.headsOf(rows, parts)
    this.stride = Math.ceil(keys / blockKeys) * blockKeys
    this.weights = this.args.scratch('weights', 'f32', rows * this.stride)
    this.end = this.lastSeen()
  }

  write(): KernelCode {
    const { b, operands } = this
    const best = this.heads.map(() => b.variable(hidden))
    this.eachBlock((at) => {
      if (operands.step('k', 2) === 1) this.scoresByKeys(at)
      else this.scoresByElements(at)
      this.mask(at, best)
    })
    const totals = this.weigh(best)
    if (operands.step('v', 2) === 1) this.valuesByKeys(totals)
    else this.valuesByElements(totals)
    return { program: b.finish(), bindings: this.args.bindings }
  }

  /** Registers that hold the chains of one sum. */
  private get parts(): number {
    return chains / this.b.lanes
  }

  private chainsOfZero(): Register[] {
    return Array.from({ length: this.parts }, () => this.b.variable(0))
  }

  private joined(sums: readonly Register[]): Register {
    return this.b.reduceAdd(sums.reduce((a, part) => this.b.add(a, part)))
  }

  private headsOf(rows: number, parts: number): Head[] {
    const { b } = this
    const { keyHeads } = this.operands.chain
    const [pair, part] = b.divide(b.chunk, parts)
    const [batch, key] = b.divide(pair, keyHeads).map(Affine.of) as [Affine, Affine]
    const first = key.times(parts).plus(part).times(rows)
    return Array.from({ length: rows }, (_, r) => ({ batch, query: first.plus(r), key }))
  }

  /** One more than the number of the last key that some query of the chunk sees. */
  private lastSeen(): Affine {
    const { b, operands } = this
    const { keys } = operands.chain
    if (!operands.has('mask')) return Affine.of(keys)
    const last = b.variable(b.int(0))
    const heads = operands.step('mask', 1) === 0 ? this.heads.slice(0, 1) : this.heads
    b.loop({ count: Math.ceil(keys / b.lanes), step: b.lanes }, (i) => {
      const tail = b.range(i, 0, keys)
      const after = b.indexLanes(Affine.of(i).plus(1), 1)
      for (const head of heads) {
        const seen = masks(b, operands, head, Affine.of(0), Affine.of(i), tail)!.seen()
        const inside = tail ? b.mand(seen, b.mask(tail)) : seen
        b.set(last, b.imax(last, b.select(inside, after, b.int(0))))
      }
    })
    const stored = this.args.scratch('end', 'i32', b.lanes)
    b.store(stored, 0, b.truncI32(b.reduceMax(b.toF32(last))))
    return Affine.of(b.readStored(stored, 0, keys + 1))
  }

  /** Loops over blocks of keys up to the last that is seen. */
  private eachBlock(body: (at: Affine) => void): void {
    const { b, end } = this
    const { keys } = this.operands.chain
    b.loop({ count: Math.ceil(keys / blockKeys), step: blockKeys }, (i) => {
      b.when(end.minus(i), 1, keys + 1, () => body(Affine.of(i)))
    })
  }

  /** The vectors of a block. */
  private columns(at: Affine): readonly Column[] {
    const { b } = this
    const { keys } = this.operands.chain
    return Array.from({ length: blockKeys / b.lanes }, (_, c) => {
      const offset = c * b.lanes
      return { offset, within: b.range(at.plus(offset), 0, keys) }
    })
  }

  private place(r: number, at: Affine): Affine {
    return at.plus(r * this.stride)
  }

  /** Scores of a block where neighbouring keys lie side by side. */
  private scoresByKeys(at: Affine): void {
    const { b, operands, heads, weights } = this
    const { size } = operands.chain
    const left = { buffer: operands.buffer('q'), step: operands.step('q', 1) }
    const all = this.columns(at)
    const { vectors } = limitsOf(b.lanes)
    for (let first = 0; first < all.length; first += vectors) {
      const columns = all.slice(first, first + vectors)
      for (let begin = 0; begin < size; begin += longestChain) {
        const count = Math.min(longestChain, size - begin)
        const sums = tileSums(b, heads.length, columns, left, operands.buffer('k'), (body) => {
          b.loop({ begin, count, hot: true }, (number) => {
            const e = Affine.of(number)
            body(operands.at('q', heads[0]!, Affine.of(0), e), operands.at('k', heads[0]!, at, e))
          })
        })
        sums.forEach((sum, i) => {
          const place = this.place(Math.floor(i / columns.length), at).plus(columns[i % columns.length]!.offset)
          b.store(weights, place, begin === 0 ? sum : b.add(b.load(weights, place), sum))
        })
      }
    }
  }

  /** Scores of a block where the elements of a key lie side by side. */
  private scoresByElements(at: Affine): void {
    const { b, operands, heads, weights, parts } = this
    const { keys, size } = operands.chain
    const [q, k] = [operands.buffer('q'), operands.buffer('k')]
    b.loop({ begin: at, count: blockKeys, limit: keys }, (number) => {
      const key = Affine.of(number)
      const sums = heads.map(() => this.chainsOfZero())
      for (let e = 0; e < size; e += b.lanes) {
        const within = b.range(e, 0, size)
        const vector = b.load(k, operands.at('k', heads[0]!, key, Affine.of(e)), { within })
        for (const [r, head] of heads.entries()) {
          const element = b.load(q, operands.at('q', head, Affine.of(0), Affine.of(e)), { within })
          const sum = sums[r]![(e / b.lanes) % parts]!
          b.set(sum, b.fma(element, vector, sum))
        }
      }
      for (const [r, sum] of sums.entries()) {
        b.store(weights, this.place(r, key), this.joined(sum), { within: oneLane })
      }
    })
  }

  /** Scales and masks the scores of a block, and looks for the highest of each row. */
  private mask(at: Affine, best: readonly Register[]): void {
    const { b, operands, weights } = this
    const scale = b.splat(operands.buffer('scale'), 0)
    for (const { offset, within } of this.columns(at)) {
      for (const [r, head] of this.heads.entries()) {
        const place = this.place(r, at).plus(offset)
        const score = b.mul(b.load(weights, place), scale)
        const masked = masks(b, operands, head, Affine.of(0), at.plus(offset), within)?.of(score) ?? score
        const shown = within ? b.select(b.mask(within), masked, hidden) : masked
        b.store(weights, place, shown)
        b.set(best[r]!, b.max(best[r]!, shown))
      }
    }
  }

  /** Scores to weights; gives their sums. */
  private weigh(best: readonly Register[]): Register[] {
    const { b, weights } = this
    const levels = best.map((register) => {
      const highest = b.reduceMax(register)
      // Where nothing is seen any level does.
      return b.select(b.eq(highest, hidden), 0, highest)
    })
    const sums = best.map(() => this.chainsOfZero())
    this.eachBlock((at) => {
      for (const [r, level] of levels.entries()) {
        const ofBlock: Register[] = []
        for (let c = 0; c < blockKeys / b.lanes; c++) {
          const place = this.place(r, at).plus(c * b.lanes)
          const weight = exp(b, b.sub(b.load(weights, place), level))
          b.store(weights, place, weight)
          const before = ofBlock[c % this.parts]
          ofBlock[c % this.parts] = before ? b.add(before, weight) : weight
        }
        for (const [i, sum] of sums[r]!.entries()) b.set(sum, b.add(sum, ofBlock[i]!))
      }
    })
    return sums.map((sum) => this.joined(sum))
  }

  /** Weighted values where those of neighbouring keys lie side by side: a few elements at a time. */
  private valuesByKeys(totals: readonly Register[]): void {
    const { b, operands, heads, weights } = this
    const { width } = operands.chain
    const v = operands.buffer('v')
    const most = Math.max(1, Math.floor(limitsOf(b.lanes).sums / (heads.length * this.parts)))
    const elements = (first: Affine, count: number): void => {
      const sums = Array.from({ length: heads.length * count }, () => this.chainsOfZero())
      this.eachBlock((at) => {
        for (const [c, { offset, within }] of this.columns(at).entries()) {
          const rows = heads.map((_, r) => b.load(weights, this.place(r, at).plus(offset)))
          for (let e = 0; e < count; e++) {
            const vector = b.load(v, operands.at('v', heads[0]!, at.plus(offset), first.plus(e)), { within })
            for (const [r, row] of rows.entries()) {
              const sum = sums[r * count + e]![c % this.parts]!
              b.set(sum, b.fma(row, vector, sum))
            }
          }
        }
      })
      for (const [i, sum] of sums.entries()) {
        const r = Math.floor(i / count)
        this.store(r, first.plus(i % count), this.joined(sum), totals[r]!, oneLane)
      }
    }
    b.loop({ count: Math.floor(width / most), step: most }, (first) => elements(Affine.of(first), most))
    if (width % most > 0) elements(Affine.of(width - (width % most)), width % most)
  }

  /** Weighted values where the elements of one lie side by side. */
  private valuesByElements(totals: readonly Register[]): void {
    const { b, operands, heads, weights } = this
    const { keys, width } = operands.chain
    eachStrip(b, width, tileLimits(b.lanes).vectors, (first, columns) => {
      const sums = Array.from({ length: heads.length * columns.length }, () => b.variable(0))
      this.eachBlock((at) => {
        const left = { buffer: weights, step: this.stride }
        const added = tileSums(b, heads.length, columns, left, operands.buffer('v'), (body) => {
          b.loop({ begin: at, count: blockKeys, limit: keys, hot: true }, (key) => {
            body(Affine.of(key), operands.at('v', heads[0]!, Affine.of(key), first))
          })
        })
        for (const [i, sum] of sums.entries()) b.set(sum, b.add(sum, added[i]!))
      })
      for (const [i, sum] of sums.entries()) {
        const r = Math.floor(i / columns.length)
        const { offset, within } = columns[i % columns.length]!
        this.store(r, first.plus(offset), sum, totals[r]!, within)
      }
    })
  }

  private store(r: number, element: Affine, sum: Register, total: Register, within: LaneRange | null): void {
    const { b, operands } = this
    const { heads, width } = operands.chain
    const { batch, query } = this.heads[r]!
    const y = b.select(b.eq(total, 0), 0, b.div(sum, total))
    b.store(this.args.buffer(this.node), batch.times(heads).plus(query).times(width).plus(element), y, { within })
  }
}

const oneLane: LaneRange = { at: Affine.of(0), low: 0, high: 1 }
