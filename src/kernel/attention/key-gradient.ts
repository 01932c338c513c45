import type { Node } from '../../graph/node.ts'
import { Affine } from '../../lane/affine.ts'
import { LaneBuilder } from '../../lane/builder.ts'
import type { BufferParameter } from '../../lane/program.ts'
import type { Chain } from '../../schedule/chain.ts'
import { Arguments } from '../bindings.ts'
import type { KernelCode } from '../nest.ts'
import { nearlyEqual, type Parts, tileLimits } from '../product-schedule.ts'
import { eachHeadOfKey, type Head, Operands } from './operands.ts'
import { type KeyBlock, type Matrix, Scores } from './scores.ts'
import { slopesOfRow } from './slopes.ts'
import { eachStrip, eachTile, tileSums } from './tiles.ts'

/** Keys of a chunk. */
const unitKeys = 64

/** Queries of a block: one chain of additions. */
const blockQueries = 112

/**
 * The gradient of keys, scale · dSᵀ · q, of values, dropout(P)ᵀ · dy, or of both: some keys of one head at a time, past which
 * walk blocks of queries, head by head of those that share the keys.
 */
export function keyGradientCode(nodes: readonly Node<Chain>[], lanes: number): KernelCode {
  return new KeyGradientWriter(nodes, lanes).write()
}

/** One of the results: sums over queries of what stands in a matrix times rows of an input. */
interface Result {
  readonly node: Node<Chain>
  readonly matrix: Matrix
  readonly input: 'q' | 'dy'
  readonly width: number
  readonly totals: Matrix
}

class KeyGradientWriter {
  private readonly b: LaneBuilder
  private readonly args: Arguments
  private readonly operands: Operands
  private readonly scores: Scores
  private readonly chain: Chain
  private readonly units: number
  private readonly weights: Matrix
  private readonly slopes: Matrix
  private readonly results: readonly Result[]

  constructor(nodes: readonly Node<Chain>[], lanes: number) {
    const ofKeys = nodes.find(({ attrs }) => attrs.of === 'key')
    const main = ofKeys ?? nodes[0]!
    const { batch, keyHeads, keys } = main.attrs
    this.chain = main.attrs
    this.units = Math.ceil(keys / unitKeys)
    this.b = new LaneBuilder({ name: 'attentionKeyGradient', lanes, chunks: batch * keyHeads * this.units })
    this.args = new Arguments(this.b)
    this.operands = new Operands(main, this.args)
    this.scores = new Scores(this.b, this.operands, { hidesTail: false, drops: true, wholeBlocks: true })
    const stride = Scores.strideOf(unitKeys)
    const matrix = (name: string): Matrix => ({ buffer: this.args.scratch(name, 'f32', blockQueries * stride), stride })
    this.weights = matrix('weights')
    this.slopes = ofKeys ? matrix('slopes') : this.weights
    const strip = tileLimits(lanes).vectors * lanes
    this.results = nodes.map((node): Result => {
      const isKeys = node === ofKeys
      const width = isKeys ? node.attrs.size : node.attrs.width
      const whole = Math.ceil(width / strip) * strip
      const totals = { buffer: this.args.scratch(`${node.attrs.of}Totals`, 'f32', unitKeys * whole), stride: whole }
      return { node, width, totals, matrix: isKeys ? this.slopes : this.weights, input: isKeys ? 'q' : 'dy' }
    })
  }

  write(): KernelCode {
    const { b, chain, units } = this
    const [number, unit] = b.divide(b.chunk, units)
    const panels = unitKeys / chain.panel
    const block = { panel: Affine.of(unit).times(panels), panels }
    for (const { totals } of this.results) this.clear(totals.buffer)
    const whole = Math.floor(chain.queries / blockQueries)
    const limit = tileLimits(b.lanes).rows
    eachHeadOfKey(b, chain, Affine.of(number), (head) => {
      b.loop({ count: Math.ceil(chain.queries / blockQueries) }, (n) => {
        const last = (): void => {
          const first = Affine.of(whole * blockQueries)
          this.queries(head, first, nearlyEqual(chain.queries - whole * blockQueries, limit), block)
        }
        b.when(
          n,
          0,
          whole,
          (m) => this.queries(head, Affine.of(m).times(blockQueries), nearlyEqual(blockQueries, limit), block),
          last,
        )
      })
    })
    for (const result of this.results) this.finish(result, Affine.of(number), Affine.of(unit).times(unitKeys))
    return { program: b.finish(), bindings: this.args.bindings }
  }

  private clear(buffer: BufferParameter): void {
    this.b.loop({ count: buffer.length / this.b.lanes, step: this.b.lanes }, (i) => this.b.store(buffer, i, 0))
  }

  /** Takes a block of queries into account. */
  private queries(head: Head, first: Affine, parts: Parts, block: KeyBlock): void {
    const { b, scores, weights, slopes, results } = this
    const hasKeys = results.some(({ input }) => input === 'q')
    const keeps = !hasKeys ? 'weights' : results.length > 1 ? 'both' : 'slopes'
    const all = { begin: Affine.of(0), count: parts.large + parts.small, first }
    eachTile(b, parts, all, (tile) => {
      scores.ifSeen(tile, block, () => {
        const local = tile.row.minus(first)
        scores.multiply('q', head, tile, block, weights, local)
        if (hasKeys) scores.multiply('dy', head, tile, block, slopes, local)
        b.loop({ count: tile.rows }, (r) => {
          slopesOfRow(b, scores, head, tile, block, Affine.of(r), local.plus(r), { weights, slopes, keeps })
        })
      })
    })
    /** Loops over the queries that see some key of the block. */
    const eachQuery = (body: (row: Affine, local: Affine) => void): void => {
      const rows = (begin: Affine, count: number): void => {
        b.loop({ begin: begin.minus(first), count, hot: true }, (i) => body(first.plus(i), Affine.of(i)))
      }
      const count = parts.size * parts.large + (parts.size - 1) * parts.small
      if (!this.chain.causal) rows(first, count)
      else eachTile(b, parts, all, (tile) => scores.ifSeen(tile, block, () => rows(tile.row, tile.rows)))
    }
    for (const result of results) this.add(result, head, eachQuery)
  }

  /** totals = totals + matrixᵀ · input */
  private add(
    { matrix, input, width, totals }: Result,
    head: Head,
    eachQuery: (body: (row: Affine, local: Affine) => void) => void,
  ): void {
    const { b, operands } = this
    const limits = tileLimits(b.lanes)
    const parts = nearlyEqual(unitKeys, limits.rows)
    const right = operands.buffer(input)
    eachTile(b, parts, { begin: Affine.of(0), count: parts.large + parts.small }, (keys) => {
      eachStrip(b, width, limits.vectors, (at, columns) => {
        const sums = tileSums(b, keys.rows, columns, { buffer: matrix.buffer, step: 1 }, right, (body) => {
          eachQuery((row, local) => {
            body(local.times(matrix.stride).plus(keys.row), operands.at(input, head, row, at))
          })
        })
        sums.forEach((sum, i) => {
          const row = keys.row.plus(Math.floor(i / columns.length))
          const place = row
            .times(totals.stride)
            .plus(at)
            .plus(columns[i % columns.length]!.offset)
          b.store(totals.buffer, place, b.add(b.load(totals.buffer, place), sum))
        })
      })
    })
  }

  private finish({ node, input, width, totals }: Result, number: Affine, first: Affine): void {
    const { b, operands, args, chain } = this
    b.loop({ begin: first, count: unitKeys, limit: chain.keys }, (key) => {
      const line = number.times(chain.keys).plus(key).times(width)
      const local = Affine.of(key).minus(first).expand()
      const scale = input === 'q' ? b.splat(operands.buffer('scale'), 0) : undefined
      eachStrip(b, width, tileLimits(b.lanes).vectors, (at, columns) => {
        for (const { offset, within } of columns) {
          const total = b.load(totals.buffer, local.times(totals.stride).plus(at).plus(offset))
          b.store(args.buffer(node), line.plus(at).plus(offset), scale ? b.mul(total, scale) : total, { within })
        }
      })
    })
  }
}
