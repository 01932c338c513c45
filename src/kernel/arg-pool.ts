import { sizeOf } from '../core/shape.ts'
import type { Node } from '../graph/node.ts'
import { type Pool, spaceOf } from '../graph/ops/windows.ts'
import { Affine } from '../lane/affine.ts'
import { LaneBuilder } from '../lane/builder.ts'
import { argPoolAcross } from './arg-pool-across.ts'
import { largerThan, leastOf, poolShare } from './arg-pool-common.ts'
import { Arguments, Unsupported } from './bindings.ts'
import type { IndexLabels } from './emitter.ts'
import type { KernelCode } from './nest.ts'

/** Columns of a window are written out one by one, up to so many. */
const mostColumns = 64

type Three = readonly [number, number, number]

/**
 * Where the maximum of each window is. Lanes run along the last spatial dimension of the result; taps are looked at in
 * order, so the first maximum stays, and a NaN is larger than all numbers.
 */
export function argPoolCode(node: Node, lanes: number, _labels: IndexLabels): KernelCode {
  const x = node.inputs[0]!
  if (!spaceOf(node.attrs as Pool, x.shape.length).includes(x.shape.length - 1)) return argPoolAcross(node, lanes)
  const { kernel, stride, low, dilation } = node.attrs as Pool
  const space = threeOf(x.shape.slice(2), 1)
  const out = threeOf(node.shape.slice(2), 1)
  const taps = threeOf(kernel, 1)
  const steps = threeOf(stride, 1)
  const before = threeOf(low, 0)
  const spread = threeOf(dilation, 1)
  if (taps[2] > mostColumns) throw new Unsupported(`windows of ${taps[2]} columns`)
  const planes = node.shape[0]! * node.shape[1]!
  const share = poolShare(planes, sizeOf(out) * sizeOf(taps))
  const b = new LaneBuilder({ name: 'argPool', lanes, chunks: Math.ceil(planes / share) })
  const args = new Arguments(b)
  const [from, to] = [args.buffer(x), args.buffer(node)]

  /** Calls `body` with the coordinate that tap `tap` of window `w` has along `d`, where it lies inside. */
  const inside = (d: 0 | 1, w: Affine, tap: Affine, body: (at: Affine) => void): void => {
    const at = w.times(steps[d]).plus(tap.times(spread[d])).minus(before[d])
    b.when(at, 0, space[d], (known) => body(Affine.of(known)))
  }

  const window = (plane: Affine, p: Affine, q: Affine, r: Affine): void => {
    const best = leastOf(b, from)
    const at = b.variable(b.int(-1))
    b.loop({ count: taps[0] }, (i) => {
      inside(0, p, Affine.of(i), (z) => {
        b.loop({ count: taps[1] }, (j) => {
          inside(1, q, Affine.of(j), (y) => {
            const row = z.times(space[1]).plus(y).times(space[2])
            for (let k = 0; k < taps[2]; k++) {
              const shift = k * spread[2] - before[2]
              // Windows w with 0 ≤ w · step + shift < extent.
              const first = Math.max(0, Math.ceil(-shift / steps[2]))
              const end = Math.min(out[2], Math.floor((space[2] - 1 - shift) / steps[2]) + 1)
              if (first >= end) continue
              const within = b.range(r, first, end)
              const position = row.plus(r.times(steps[2])).plus(shift)
              const value = b.load(from, plane.times(sizeOf(space)).plus(position), { laneStride: steps[2], within })
              const better = b.mor(largerThan(b, value, best), b.ilt(at, b.int(0)))
              const taken = within ? b.mand(better, b.mask(within)) : better
              b.set(best, b.select(taken, value, best))
              b.set(at, b.select(taken, b.indexLanes(position, steps[2]), at))
            }
          })
        })
      })
    })
    const place = plane.times(out[0]).plus(p).times(out[1]).plus(q).times(out[2]).plus(r)
    b.store(to, place, at, { within: b.range(r, 0, out[2]) })
  }
  b.loop({ begin: Affine.of(b.chunk).times(share), count: share, limit: planes }, (plane) => {
    b.loop({ count: out[0] }, (p) => {
      b.loop({ count: out[1] }, (q) => {
        b.loop({ count: Math.ceil(out[2] / lanes), step: lanes }, (r) => {
          window(Affine.of(plane), Affine.of(p), Affine.of(q), Affine.of(r))
        })
      })
    })
  })
  return { program: b.finish(), bindings: args.bindings }
}

function threeOf(values: readonly number[], fill: number): Three {
  const [a = fill, b = fill, c = fill] = [...new Array<number>(3 - values.length).fill(fill), ...values]
  return [a, b, c]
}
