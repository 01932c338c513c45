import { sizeOf } from '../core/shape.ts'
import type { Node } from '../graph/node.ts'
import { Affine } from '../lane/affine.ts'
import { LaneBuilder } from '../lane/builder.ts'
import type { BufferParameter } from '../lane/program.ts'
import { Arguments, Unsupported } from './bindings.ts'
import type { KernelCode } from './nest.ts'

/** About so many elements are written by one chunk. */
const chunkElements = 16384

/**
 * The part alone: whoever runs the kernel sees to it that the rest of the result is what the base is. So much as the part has
 * is read and written, however large the base is.
 */
export function writeAtCode(node: Node, lanes: number): KernelCode {
  const { dim } = node.attrs as { readonly dim: number }
  const [, part, start] = node.inputs as [Node, Node, Node]
  const outer = sizeOf(node.shape.slice(0, dim))
  const inner = sizeOf(node.shape.slice(dim + 1))
  const [size, count] = [node.shape[dim]!, part.shape[dim]!]
  const run = count * inner
  const share = Math.ceil(Math.max(1, chunkElements / run) / lanes) * lanes
  const b = new LaneBuilder({ name: 'writeAt', lanes, chunks: Math.ceil(outer / share) })
  const args = new Arguments(b)
  const [from, at, to] = [part, start, node].map((x) => args.buffer(x)) as [
    BufferParameter,
    BufferParameter,
    BufferParameter,
  ]
  if (at.type !== 'i32') throw new Unsupported(`positions of ${start.dtype}`)
  // Where the part fits its place, from 1 on; else 0.
  const stored = args.scratch('place', 'i32', lanes)
  const wanted = b.splat(at, 0)
  const nearest = b.imax(b.imin(wanted, b.int(size - count)), b.int(0))
  b.store(stored, 0, b.select(b.ieq(wanted, nearest), b.iadd(nearest, b.int(1)), b.int(0)))
  const rows = { begin: Affine.of(b.chunk).times(share), count: share, limit: outer }
  b.when(b.readStored(stored, 0, size - count + 2), 1, size - count + 2, (found) => {
    const place = Affine.of(found).minus(1)
    // Lanes run along what lies together, or along rows where that is one element.
    if (run === 1) {
      b.loop({ ...rows, count: share / lanes, step: lanes }, (row) => {
        const within = b.range(row, 0, outer)
        const value = b.load(from, Affine.of(row), { within })
        b.store(to, Affine.of(row).times(size).plus(place), value, { laneStride: size, within })
      })
      return
    }
    b.loop(rows, (row) => {
      b.loop({ count: Math.ceil(run / lanes), step: lanes }, (i) => {
        const within = b.range(i, 0, run)
        const value = b.load(from, Affine.of(row).times(run).plus(i), { within })
        b.store(to, Affine.of(row).times(size).plus(place).times(inner).plus(i), value, { within })
      })
    })
  })
  return { program: b.finish(), bindings: args.bindings }
}
