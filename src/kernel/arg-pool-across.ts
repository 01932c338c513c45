import { sizeOf, stridesOf } from '../core/shape.ts'
import type { Node } from '../graph/node.ts'
import { type Pool, spaceOf } from '../graph/ops/windows.ts'
import { Affine } from '../lane/affine.ts'
import { LaneBuilder } from '../lane/builder.ts'
import { largerThan, leastOf, poolShare } from './arg-pool-common.ts'
import { Arguments } from './bindings.ts'
import type { KernelCode } from './nest.ts'

/**
 * Where the maximum of each window is, where windows slide along other dimensions than the last: the lanes are neighbours on
 * that, such as channels, whose windows lie alike. Taps are looked at in order, so the first maximum stays.
 */
export function argPoolAcross(node: Node, lanes: number): KernelCode {
  const [x] = node.inputs as [Node]
  const pool = node.attrs as Pool
  const dims = spaceOf(pool, x.shape.length)
  const space = dims.map((dim) => x.shape[dim]!)
  const columns = node.shape.at(-1)!
  const outer = node.shape.slice(0, -1)
  const share = poolShare(sizeOf(outer), columns * sizeOf(pool.kernel))
  const b = new LaneBuilder({ name: 'argPool', lanes, chunks: Math.ceil(sizeOf(outer) / share) })
  const args = new Arguments(b)
  const [from, to] = [args.buffer(x), args.buffer(node)]
  const [steps, places] = [stridesOf(x.shape), stridesOf(space)]

  /** The positions on the dimensions before the last of the row of this number. */
  const positionsOf = (row: Affine): Affine[] => {
    const positions: Affine[] = []
    let rest = row
    for (const extent of outer.slice(1).reverse()) {
      const [quotient, remainder] = b.divide(rest, extent)
      positions.unshift(Affine.of(remainder))
      rest = Affine.of(quotient)
    }
    return [rest, ...positions]
  }

  const window = (position: readonly Affine[], column: Affine): void => {
    const within = b.range(column, 0, columns)
    const best = leastOf(b, from)
    const at = b.variable(b.int(-1))
    /** Calls of the taps that lie inside, dimension by dimension; `element` and `place` are sums over those before. */
    const taps = (d: number, element: Affine, place: Affine): void => {
      if (d === dims.length) {
        const value = b.load(from, element, { within })
        const better = b.mor(largerThan(b, value, best), b.ilt(at, b.int(0)))
        b.set(best, b.select(better, value, best))
        b.set(at, b.select(better, b.indexLanes(place, 0), at))
        return
      }
      const first = position[dims[d]!]!.times(pool.stride[d]!).minus(pool.low[d]!)
      b.loop({ count: pool.kernel[d]! }, (tap) => {
        b.when(Affine.of(tap).times(pool.dilation[d]!).plus(first), 0, space[d]!, (known) => {
          const coordinate = Affine.of(known)
          taps(d + 1, element.plus(coordinate.times(steps[dims[d]!]!)), place.plus(coordinate.times(places[d]!)))
        })
      })
    }
    const beside = position.reduce(
      (sum, at, dim) => (dims.includes(dim) ? sum : sum.plus(at.times(steps[dim]!))),
      column,
    )
    taps(0, beside, Affine.of(0))
    const row = position.reduce((sum, at, dim) => sum.times(outer[dim]!).plus(at), Affine.of(0))
    b.store(to, row.times(columns).plus(column), at, { within })
  }

  b.loop({ begin: Affine.of(b.chunk).times(share), count: share, limit: sizeOf(outer) }, (row) => {
    const position = positionsOf(Affine.of(row))
    b.loop({ count: Math.ceil(columns / lanes), step: lanes }, (column) => window(position, Affine.of(column)))
  })
  return { program: b.finish(), bindings: args.bindings }
}
