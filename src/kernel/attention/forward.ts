import type { Node } from '../../graph/node.ts'
import { Affine } from '../../lane/affine.ts'
import { LaneBuilder } from '../../lane/builder.ts'
import { exp } from '../../lane/math/exp.ts'
import { log } from '../../lane/math/log.ts'
import type { BufferParameter, Register } from '../../lane/program.ts'
import type { Chain } from '../../schedule/chain.ts'
import { Arguments } from '../bindings.ts'
import type { KernelCode } from '../nest.ts'
import { nearlyEqual, type Parts, tileLimits } from '../product-schedule.ts'
import { type Head, Operands, queryHead } from './operands.ts'
import { type KeyBlock, type Matrix, Scores } from './scores.ts'
import { eachStrip, eachTile, longestChain, type Tile, tileSums, unitTiles } from './tiles.ts'

/** Sums over a row run in so many chains, whatever the width of vectors, and are joined in a fixed tree. */
const chains = 16

/**
 * Attention, the logarithms of the sums of its weights, or both: some queries of one head at a time, which walk through
 * blocks of keys. What was summed under a lower maximum fades when a higher one is met (Milakov and Gimelshein, "Online
 * normalizer calculation for softmax", 2018). A block of keys is one chain of additions.
 */
export function forwardCode(nodes: readonly Node<Chain>[], lanes: number): KernelCode {
  return new ForwardWriter(nodes, lanes).write()
}

class ForwardWriter {
  private readonly b: LaneBuilder
  private readonly args: Arguments
  private readonly operands: Operands
  private readonly scores: Scores
  private readonly parts: Parts
  private readonly units: number
  private readonly output: Node<Chain> | undefined
  private readonly sums: Node<Chain> | undefined
  /** Scores, then weights, of one tile and one block. */
  private readonly weights: Matrix
  /** Of each row of a unit: the highest score so far, the sums of weights, the sums of weighted values. */
  private readonly highest: BufferParameter
  private readonly totals: BufferParameter
  private readonly values: Matrix
  /** What the sums of each row of a tile are multiplied with. */
  private readonly fading: BufferParameter

  constructor(nodes: readonly Node<Chain>[], lanes: number) {
    this.output = nodes.find(({ attrs }) => attrs.of === 'output')
    this.sums = nodes.find(({ attrs }) => attrs.of === 'sums')
    const node = this.output ?? this.sums!
    const { batch, heads, queries, width } = node.attrs
    const limits = tileLimits(lanes)
    this.parts = nearlyEqual(queries, limits.rows)
    this.units = Math.ceil((this.parts.large + this.parts.small) / unitTiles(lanes))
    this.b = new LaneBuilder({ name: 'attention', lanes, chunks: batch * heads * this.units })
    this.args = new Arguments(this.b)
    this.operands = new Operands(node, this.args)
    this.scores = new Scores(this.b, this.operands, {
      hidesTail: true,
      drops: this.output !== undefined,
      wholeBlocks: false,
    })
    const rows = unitTiles(lanes) * this.parts.size
    const stride = Scores.strideOf(longestChain)
    this.weights = { buffer: this.args.scratch('weights', 'f32', this.parts.size * stride), stride }
    this.highest = this.args.scratch('highest', 'f32', rows * chains)
    this.totals = this.args.scratch('totals', 'f32', rows * chains)
    this.fading = this.args.scratch('fading', 'f32', this.parts.size * chains)
    const whole = Math.ceil(width / (limits.vectors * lanes)) * limits.vectors * lanes
    this.values = { buffer: this.args.scratch('values', 'f32', Math.max(chains, rows * whole)), stride: whole }
  }

  write(): KernelCode {
    const { b, operands, scores, parts } = this
    const { chain } = operands
    const [number, unit] = b.divide(b.chunk, this.units)
    const head = queryHead(b, chain, Affine.of(number))
    const tiles = { begin: Affine.of(unit).times(unitTiles(b.lanes)), count: unitTiles(b.lanes) }
    this.clear()
    const panels = longestChain / chain.panel
    b.loop({ count: Math.ceil(scores.panels / panels) }, (n) => {
      const block = { panel: Affine.of(n).times(panels), panels }
      eachTile(b, parts, tiles, (tile) => {
        scores.ifSeen(tile, block, () => this.block(head, tile, block))
      })
    })
    eachTile(b, parts, tiles, (tile) => this.finish(head, tile))
    return { program: b.finish(), bindings: this.args.bindings }
  }

  private clear(): void {
    const { b, highest, totals, values } = this
    b.loop({ count: highest.length / b.lanes, step: b.lanes }, (i) => {
      b.store(highest, i, Number.NEGATIVE_INFINITY)
      b.store(totals, i, 0)
    })
    if (this.output)
      b.loop({ count: values.buffer.length / b.lanes, step: b.lanes }, (i) => b.store(values.buffer, i, 0))
  }

  /** Takes a block of keys into account. */
  private block(head: Head, tile: Tile, block: KeyBlock): void {
    const { b, scores, weights } = this
    scores.multiply('q', head, tile, block, weights, Affine.of(0))
    b.loop({ count: tile.rows }, (r) => this.weigh(head, tile, block, Affine.of(r)))
    if (this.output) this.addValues(head, tile, block)
  }

  /** Scores of one row to weights under its highest score so far. */
  private weigh(head: Head, tile: Tile, block: KeyBlock, r: Affine): void {
    const { b, scores, weights, highest, totals } = this
    const state = tile.local.plus(r).times(chains)
    const before = b.load(highest, state)
    const best = b.variable(before)
    const line = r.times(weights.stride)
    scores.eachStrip(head, tile, tile.row.plus(r), block, weights, r, (strip) => {
      for (const [c, score] of strip.scores.entries()) {
        b.store(weights.buffer, line.plus(strip.at).plus(c * b.lanes), score)
        b.set(best, b.max(best, score))
      }
    })
    const now = b.reduceMax(best)
    // Where nothing has been seen yet, any level does.
    const level = b.select(b.eq(now, Number.NEGATIVE_INFINITY), 0, now)
    const fade = exp(b, b.sub(before, level))
    b.store(highest, state, now)
    b.store(this.fading, r.times(chains), fade)
    const sums = Array.from({ length: chains / b.lanes }, (_, i) =>
      b.variable(b.mul(b.load(totals, state.plus(i * b.lanes)), fade)),
    )
    const dropping = scores.dropout?.row(head, tile.row.plus(r))
    scores.eachPanel(tile, block, (panel, at) => {
      const dropped = dropping?.dropped(panel.times(scores.operands.chain.panel))
      for (const [c, { offset }] of scores.columns.entries()) {
        const place = line.plus(at).plus(offset)
        const weight = exp(b, b.sub(b.load(weights.buffer, place), level))
        const sum = sums[c % sums.length]!
        b.set(sum, b.add(sum, weight))
        const kept = dropped ? b.select(dropped[c]!, 0, b.mul(weight, dropping!.factor)) : weight
        b.store(weights.buffer, place, kept)
      }
    })
    for (const [i, sum] of sums.entries()) b.store(totals, state.plus(i * b.lanes), sum)
  }

  /** values = values · fading + weights · v */
  private addValues(head: Head, tile: Tile, block: KeyBlock): void {
    const { b, operands, scores, weights, values } = this
    const v = operands.buffer('v')
    eachStrip(b, operands.chain.width, tileLimits(b.lanes).vectors, (at, columns) => {
      const left = { buffer: weights.buffer, step: weights.stride }
      const sums = tileSums(b, tile.rows, columns, left, v, (body) => {
        scores.eachKey(tile, block, (key, place) => body(place, operands.at('v', head, key, at)))
      })
      for (let r = 0; r < tile.rows; r++) {
        const fade = b.load(this.fading, r * chains)
        for (const [c, { offset }] of columns.entries()) {
          const place = tile.local.plus(r).times(values.stride).plus(at).plus(offset)
          b.store(values.buffer, place, b.fma(b.load(values.buffer, place), fade, sums[r * columns.length + c]!))
        }
      }
    })
  }

  private finish(head: Head, tile: Tile): void {
    const { b, operands, output, sums, values } = this
    const { heads, queries, width } = operands.chain
    b.loop({ count: tile.rows }, (r) => {
      const local = tile.local.plus(r)
      const row = head.batch.times(heads).plus(head.query).times(queries).plus(tile.row).plus(r)
      const total = this.totalOf(local)
      const isBlind = b.eq(total, 0)
      if (sums) {
        const finite = b.add(b.load(this.highest, local.times(chains)), log(b, total))
        const sum = b.select(isBlind, Number.POSITIVE_INFINITY, finite)
        b.store(this.args.buffer(sums), row, sum, { within: { at: Affine.of(0), low: 0, high: 1 } })
      }
      if (!output) return
      eachStrip(b, width, tileLimits(b.lanes).vectors, (at, columns) => {
        for (const { offset, within } of columns) {
          const value = b.load(values.buffer, local.times(values.stride).plus(at).plus(offset))
          const y = b.select(isBlind, 0, b.div(value, total))
          b.store(this.args.buffer(output), row.times(width).plus(at).plus(offset), y, { within })
        }
      })
    })
  }

  /** The chains of a row joined. */
  private totalOf(local: Affine): Register {
    const { b, totals } = this
    let sum = b.load(totals, local.times(chains))
    for (let i = b.lanes; i < chains; i += b.lanes) sum = b.add(sum, b.load(totals, local.times(chains).plus(i)))
    return b.reduceAdd(sum)
  }
}
