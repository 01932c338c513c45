import { type Shape, sizeOf } from '../core/shape.ts'
import type { Node } from '../graph/node.ts'
import type { Counted } from '../graph/ops/index-range.ts'
import type { ScatterKind } from '../graph/ops/indexing.ts'
import { Affine } from '../lane/affine.ts'
import { LaneBuilder } from '../lane/builder.ts'
import type { BufferParameter, LaneRange, Register } from '../lane/program.ts'
import { Arguments, Unsupported } from './bindings.ts'
import { maximum, minimum } from './elementwise.ts'
import type { IndexLabels } from './emitter.ts'
import type { KernelCode } from './nest.ts'

interface ScatterAttrs {
  readonly dim: number
  readonly kind: ScatterKind
  readonly label: string
  readonly counted: Counted
}

/** About so many elements are read and written by one chunk. */
const chunkElements = 16384

/** The trailing axis is shared out in blocks of so many elements, or wider ones. */
const blockElements = 64

/**
 * Base and source, joined where the indices say. Indices are walked in order; what chunks divide among them are rows
 * outside the dimension and blocks of the trailing axis, which never write to the same place: the same sums for any number
 * of threads, without atomics.
 */
export function scatterCode(node: Node, lanes: number, labels: IndexLabels): KernelCode {
  const { dim, kind, label, counted } = node.attrs as ScatterAttrs
  const [base, index, source] = node.inputs as [Node, Node, Node]
  const outer = sizeOf(base.shape.slice(0, dim))
  const inner = sizeOf(base.shape.slice(dim + 1))
  const size = base.shape[dim]!
  const count = index.shape[dim]!
  const at = indexPosition(index.shape, source.shape, dim)
  const block = Math.ceil(Math.min(inner, blockElements) / lanes) * lanes
  const blocks = Math.ceil(inner / block)
  const rows = Math.min(outer, Math.max(1, Math.ceil(chunkElements / ((size + count) * Math.min(inner, block)))))
  const b = new LaneBuilder({ name: 'scatter', lanes, chunks: Math.ceil(outer / rows) * blocks })
  const args = new Arguments(b)
  const [from, indices, parts, to] = [base, index, source, node].map((n) => args.buffer(n)) as [
    BufferParameter,
    BufferParameter,
    BufferParameter,
    BufferParameter,
  ]
  if (indices.type !== 'i32') throw new Unsupported(`indices of ${index.dtype}`)
  args.errorCell()
  const op = labels.numberOf({ op: label, counted })
  const join = joinOf(b, node, kind)
  const [share, which] = b.divide(b.chunk, blocks)
  const begin = Affine.of(which).times(block)

  /** Vectors of this chunk's block of the trailing axis. */
  const vectors = (body: (at: Affine, within: LaneRange | null) => void): void => {
    b.loop({ begin, count: block / lanes, step: lanes, limit: inner }, (i) => body(Affine.of(i), b.range(i, 0, inner)))
  }
  const update = (place: Affine, part: Affine, within: LaneRange | null): void => {
    b.store(to, place, join(b.load(to, place, { within }), b.load(parts, part, { within })), { within })
  }
  b.loop({ begin: Affine.of(share).times(rows), count: rows, limit: outer }, (row) => {
    b.loop({ count: size }, (k) => {
      const line = Affine.of(row).times(size).plus(k).times(inner)
      vectors((i, within) => b.store(to, line.plus(i), b.load(from, line.plus(i), { within }), { within }))
    })
    b.loop({ count }, (j) => {
      const line = Affine.of(row).times(count).plus(j).times(inner)
      const place = (found: Affine): Affine => Affine.of(row).times(size).plus(found).times(inner)
      if (!at.perElement) {
        const found = Affine.of(b.readIndex(indices, at.of(Affine.of(row), Affine.of(j), Affine.of(0)), size, op))
        vectors((i, within) => update(place(found).plus(i), line.plus(i), within))
        return
      }
      b.loop({ begin, count: block, limit: inner }, (i) => {
        const found = Affine.of(b.readIndex(indices, at.of(Affine.of(row), Affine.of(j), Affine.of(i)), size, op))
        update(place(found).plus(i), line.plus(i), { at: Affine.of(0), low: 0, high: 1 })
      })
    })
  })
  return { program: b.finish(), bindings: args.bindings }
}

interface IndexPosition {
  /** Whether the index differs along the trailing axis. */
  readonly perElement: boolean
  /** Where the index of row, position and trailing element lies. */
  of(row: Affine, j: Affine, i: Affine): Affine
}

/** The index broadcasts outside `dim`: wholly or not at all before it, and wholly or not at all behind it. */
function indexPosition(index: Shape, source: Shape, dim: number): IndexPosition {
  const [before, behind] = [index.slice(0, dim), index.slice(dim + 1)]
  const inner = sizeOf(behind)
  const shared = sizeOf(before) === 1
  const perElement = inner !== 1
  if (!shared && sizeOf(before) !== sizeOf(source.slice(0, dim))) throw new Unsupported('partly broadcast indices')
  if (perElement && inner !== sizeOf(source.slice(dim + 1))) throw new Unsupported('partly broadcast indices')
  const count = index[dim]!
  return {
    perElement,
    of: (row, j, i) => (shared ? j : row.times(count).plus(j)).times(inner).plus(perElement ? i : 0),
  }
}

function joinOf(b: LaneBuilder, { dtype }: Node, kind: ScatterKind): (x: Register, y: Register) => Register {
  const narrow = dtype === 'uint8' || dtype === 'bool'
  if (kind === 'set') return (_, y) => y
  if (dtype === 'int32' || narrow) {
    const low = (x: Register): Register => (narrow ? b.iand(x, b.int(255)) : x)
    const whole = { add: b.iadd, prod: b.imul, max: b.imax, min: b.imin }[kind]
    return (x, y) => low(whole(x, y))
  }
  const float = {
    add: b.add,
    prod: b.mul,
    max: (x: Register, y: Register) => maximum(b, x, y),
    min: (x: Register, y: Register) => minimum(b, x, y),
  }[kind]
  return float
}
