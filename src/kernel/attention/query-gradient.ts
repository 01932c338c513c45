import type { Node } from '../../graph/node.ts'
import { Affine } from '../../lane/affine.ts'
import { LaneBuilder } from '../../lane/builder.ts'
import type { Chain } from '../../schedule/chain.ts'
import { Arguments } from '../bindings.ts'
import type { KernelCode } from '../nest.ts'
import { nearlyEqual, tileLimits } from '../product-schedule.ts'
import { Operands, queryHead } from './operands.ts'
import { Scores } from './scores.ts'
import { eachStrip, eachTile, longestChain, tileSums, unitTiles } from './tiles.ts'
import { slopesOfRow } from './slopes.ts'

/**
 * The gradient of the queries, scale · dS · k: some queries of one head at a time, which walk through blocks of keys. A block
 * is one chain of additions.
 */
export function queryGradientCode(node: Node<Chain>, lanes: number): KernelCode {
  const { batch, heads, queries, size } = node.attrs
  const limits = tileLimits(lanes)
  const parts = nearlyEqual(queries, limits.rows)
  const units = Math.ceil((parts.large + parts.small) / unitTiles(lanes))
  const b = new LaneBuilder({ name: 'attentionQueryGradient', lanes, chunks: batch * heads * units })
  const args = new Arguments(b)
  const operands = new Operands(node, args)
  const scores = new Scores(b, operands, { hidesTail: false, drops: true, wholeBlocks: false })
  const stride = Scores.strideOf(longestChain)
  const matrix = (name: string) => ({ buffer: args.scratch(name, 'f32', parts.size * stride), stride })
  const [weights, slopes] = [matrix('weights'), matrix('slopes')]
  const whole = Math.ceil(size / (limits.vectors * lanes)) * limits.vectors * lanes
  const totals = args.scratch('totals', 'f32', unitTiles(lanes) * parts.size * whole)
  const k = operands.buffer('k')

  const [number, unit] = b.divide(b.chunk, units)
  const head = queryHead(b, node.attrs, Affine.of(number))
  const tiles = { begin: Affine.of(unit).times(unitTiles(lanes)), count: unitTiles(lanes) }
  b.loop({ count: totals.length / lanes, step: lanes }, (i) => b.store(totals, i, 0))
  const panels = longestChain / node.attrs.panel
  b.loop({ count: Math.ceil(scores.panels / panels) }, (n) => {
    const block = { panel: Affine.of(n).times(panels), panels }
    eachTile(b, parts, tiles, (tile) => {
      scores.ifSeen(tile, block, () => {
        scores.multiply('q', head, tile, block, weights, Affine.of(0))
        scores.multiply('dy', head, tile, block, slopes, Affine.of(0))
        b.loop({ count: tile.rows }, (r) => {
          slopesOfRow(b, scores, head, tile, block, Affine.of(r), Affine.of(r), { weights, slopes, keeps: 'slopes' })
        })
        eachStrip(b, size, limits.vectors, (at, columns) => {
          const left = { buffer: slopes.buffer, step: stride }
          const sums = tileSums(b, tile.rows, columns, left, k, (body) => {
            scores.eachKey(tile, block, (key, place) => body(place, operands.at('k', head, key, at)))
          })
          sums.forEach((sum, i) => {
            const r = Math.floor(i / columns.length)
            const place = tile.local
              .plus(r)
              .times(whole)
              .plus(at)
              .plus(columns[i % columns.length]!.offset)
            b.store(totals, place, b.add(b.load(totals, place), sum))
          })
        })
      })
    })
  })
  eachTile(b, parts, tiles, (tile) => {
    b.loop({ count: tile.rows }, (r) => {
      const row = head.batch.times(heads).plus(head.query).times(queries).plus(tile.row).plus(r)
      const scale = b.splat(operands.buffer('scale'), 0)
      eachStrip(b, size, limits.vectors, (at, columns) => {
        for (const { offset, within } of columns) {
          const total = b.load(totals, tile.local.plus(r).times(whole).plus(at).plus(offset))
          b.store(args.buffer(node), row.times(size).plus(at).plus(offset), b.mul(total, scale), { within })
        }
      })
    })
  })
  return { program: b.finish(), bindings: args.bindings }
}
