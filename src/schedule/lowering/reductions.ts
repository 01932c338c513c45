import { type DType, isFloating } from '../../core/dtype.ts'
import { type Shape, sizeOf } from '../../core/shape.ts'
import type { Node } from '../../graph/node.ts'
import { constant, iota } from '../../graph/ops/leaves.ts'
import { cast, equal, notEqual, or, where } from '../../graph/ops/logic.ts'
import { keepDims, reduce, type ReduceKind } from '../../graph/ops/reduce.ts'
import { pad, reshape } from '../../graph/ops/views.ts'

interface Reduce {
  readonly kind: ReduceKind
  readonly dims: readonly number[]
}

/** What narrow dtypes are reduced in. */
const wide: Readonly<Partial<Record<DType, DType>>> = {
  float16: 'float32',
  bfloat16: 'float32',
  uint8: 'int32',
  bool: 'int32',
}

/** Narrow elements are widened, reduced and narrowed again. */
export function reduceWidened(node: Node): Node | undefined {
  const { kind, dims } = node.attrs as Reduce
  const dtype = wide[node.dtype]
  return dtype && cast(reduce(cast(node.inputs[0]!, dtype), kind, dims), node.dtype)
}

/** About so many elements go into one part. */
const partElements = 16384

/** Sums along rows are shared by their rows where there are so many. */
const manyRows = 32

/** Columns shorter than this are walked in one piece. */
const longColumn = 512

/** Parts of columns are no shorter than this. */
const shortestColumn = 64

/**
 * A long reduction to few results in two steps, so that threads can share it: parts of the first reduced dimension, then the
 * parts in order. Where to cut follows from the shape alone, so results do not depend on the number of threads.
 */
export function reduceInParts(node: Node): Node | undefined {
  const { kind, dims } = node.attrs as Reduce
  const x = node.inputs[0]!
  const dim = dims.find((d) => x.shape[d]! > 1)
  if (dim === undefined) return undefined
  const wanted = partsOf(x.shape, dims)
  if (wanted < 2) return undefined
  const extent = x.shape[dim]!
  const rows = partLength(extent, Math.ceil(extent / wanted), kind)
  if (rows === undefined || rows === extent) return undefined
  const parts = Math.ceil(extent / rows)
  const filled = padded(x, dim, parts * rows - extent)
  const cut = reshape(filled, [...x.shape.slice(0, dim), parts, rows, ...x.shape.slice(dim + 1)])
  const partial = reduce(
    cut,
    kind,
    dims.map((d) => (d >= dim ? d + 1 : d)),
  )
  return reduce(partial, kind, [dim - dims.filter((d) => d < dim).length])
}

/** Into how many parts a reduction of `shape` over `dims` is cut: 1 for those that are short or have many results. */
function partsOf(shape: Shape, dims: readonly number[]): number {
  const length = dims.reduce((product, d) => product * shape[d]!, 1)
  const results = sizeOf(shape) / length
  const lastReduced = dims.at(-1)!
  const columns = sizeOf(shape.slice(lastReduced + 1))
  if (columns === 1) return results < manyRows && length >= 2 * partElements ? Math.ceil(length / partElements) : 1
  const block = length * columns
  if (results / columns >= manyRows || block < 4 * partElements || length < longColumn) return 1
  return Math.min(Math.ceil(block / partElements), Math.floor(length / shortestColumn))
}

/** How many rows a part has: a divisor of the extent near the wanted one, or any number where zeros can fill the last part. */
function partLength(extent: number, wanted: number, kind: ReduceKind): number | undefined {
  for (let rows = wanted; rows <= Math.min(extent - 1, 2 * wanted); rows++) if (extent % rows === 0) return rows
  // Whole vectors, so that zeros begin inside the last part and nowhere else.
  const vectors = Math.ceil(wanted / 64) * 64
  if (kind === 'sum') return vectors < extent ? vectors : wanted
  for (let rows = wanted; rows > wanted / 4; rows--) if (extent % rows === 0) return rows
  return undefined
}

function padded(x: Node, dim: number, count: number): Node {
  return pad(
    x,
    x.shape.map((_, d) => ({ low: 0, high: d === dim ? count : 0, inner: 0 })),
  )
}

/** The first position that holds the extreme: two reductions. NaN is equal to nothing, and wins. */
export function argReduceAsReductions(node: Node): Node | undefined {
  const { kind, dim } = node.attrs as { kind: 'max' | 'min'; dim: number }
  const given = node.inputs[0]!
  const x = cast(given, wide[given.dtype] ?? given.dtype)
  const extreme = reshape(reduce(x, kind, [dim]), keepDims(x.shape, [dim]))
  const matches = equal(x, extreme)
  const hits = isFloating(x.dtype) ? or(matches, notEqual(x, x)) : matches
  const n = x.shape[dim]!
  const along = x.shape.map((extent, d) => (d === dim ? extent : 1))
  const positions = where(hits, reshape(iota(n), along), constant(n - 1, 'int32'))
  return reduce(positions, 'min', [dim])
}
