import { allocateValues, type Values } from '../../core/dtype.ts'
import { DTypeError, ShapeError } from '../../core/errors.ts'
import { formatShape, type Shape, sameShape, sizeOf } from '../../core/shape.ts'
import { type Node, type Op, record } from '../node.ts'
import { div, mul } from './arithmetic.ts'
import { broadcastValues } from './broadcasting.ts'
import { type Counted, outOfRange } from './index-range.ts'
import { constant } from './leaves.ts'
import { cast, equal, logicalAnd, where } from './logic.ts'
import { broadcastTo } from './views.ts'

/* Reading and writing where an index tensor says. Outside `dim` the index broadcasts: [n, 1] reads whole rows. */

interface Gather {
  readonly dim: number
  /** The name that errors give: the operation the user called. */
  readonly label: string
  /** What the index counts, as errors say it. */
  readonly counted: Counted
}

function checkIndex(label: string, index: Node, whole: Shape, dim: number): void {
  if (index.dtype !== 'int32' && index.dtype !== 'uint8') {
    throw new DTypeError(label, `indices must be int32 or uint8, received ${index.dtype}`)
  }
  const { shape } = index
  const fits = shape.length === whole.length && shape.every((n, d) => d === dim || n === whole[d] || n === 1)
  if (!fits) {
    throw new ShapeError(
      label,
      `indices ${formatShape(shape)} and input ${formatShape(whole)} differ outside dim ${dim}`,
    )
  }
}

/**
 * Where in a tensor of shape `whole` the elements lie that `index` names along `dim`, in row-major order of `part`: the shape
 * with as many elements along `dim` as the index has. Every index is looked at: 0 ≤ index < size, or an {@link IndexError}.
 */
function places(
  { label, dim, counted }: Gather,
  index: Values,
  indexShape: Shape,
  whole: Shape,
  part: Shape,
): Int32Array {
  const size = whole[dim]!
  for (let i = 0; i < index.length; i++) {
    const value = index[i]!
    if (value < 0 || value >= size) throw outOfRange(label, counted, value, i, size)
  }
  const inner = sizeOf(whole.slice(dim + 1))
  const outer = sizeOf(whole.slice(0, dim))
  const n = part[dim]!
  const rows = sizeOf(indexShape.slice(dim + 1)) === 1 && indexShape[dim] === index.length
  const all = rows ? index : broadcastValues(index, indexShape, part)
  const out = new Int32Array(outer * n * inner)
  let to = 0
  for (let o = 0; o < outer; o++) {
    const base = o * size * inner
    for (let j = 0; j < n; j++) {
      if (rows) {
        const from = base + all[j]! * inner
        for (let i = 0; i < inner; i++) out[to++] = from + i
      } else {
        for (let i = 0; i < inner; i++, to++) out[to] = base + all[to]! * inner + i
      }
    }
  }
  return out
}

/** out[.., i, ..] = x[.., index[.., i, ..], ..] along `dim`. */
export const gatherOp: Op<Gather> = {
  name: 'gather',
  kind: 'indexing',
  infer([x, index], { dim, label }) {
    checkIndex(label, index!, x!.shape, dim)
    return { shape: x!.shape.with(dim, index!.shape[dim]!), dtype: x!.dtype }
  },
  evaluate(node, [x, index]) {
    const [source, positions] = node.inputs as [Node, Node]
    const from = places(node.attrs, index!, positions.shape, source.shape, node.shape)
    const out = allocateValues(node.dtype, from.length)
    for (let i = 0; i < out.length; i++) out[i] = x![from[i]!]!
    return out
  },
  derivative(node, dy, i) {
    if (i > 0) return undefined
    const { dim, label } = node.attrs
    const [x, index] = node.inputs as [Node, Node]
    return scatter(filled(0, x), index, dy, dim, 'add', label)
  },
}

export function gather(x: Node, index: Node, dim: number, label = 'gather', counted: Counted = dim): Node {
  return record(gatherOp, [x, index], { dim, label, counted })
}

export type ScatterKind = 'add' | 'set' | 'prod' | 'max' | 'min'

interface Scatter extends Gather {
  readonly kind: ScatterKind
}

/**
 * A copy of `base` in which `source` is joined to, or replaces, the elements that `index` names along `dim`. Indices are
 * walked in row-major order, so sums are deterministic and the last replacement wins.
 */
export const scatterOp: Op<Scatter> = {
  name: 'scatter',
  kind: 'indexing',
  infer([base, index, source], { dim, label }) {
    checkIndex(label, index!, base!.shape, dim)
    if (base!.dtype !== source!.dtype) {
      throw new DTypeError(label, `input and source must share one dtype, received ${base!.dtype} and ${source!.dtype}`)
    }
    if (!sameShape(source!.shape, base!.shape.with(dim, index!.shape[dim]!))) {
      throw new ShapeError(
        label,
        `input ${formatShape(base!.shape)}, indices ${formatShape(index!.shape)} and source ${formatShape(source!.shape)} do not fit along dim ${dim}`,
      )
    }
    return { shape: base!.shape, dtype: base!.dtype }
  },
  evaluate(node, [base, index, source]) {
    const { kind } = node.attrs
    const [, positions, part] = node.inputs as [Node, Node, Node]
    const to = places(node.attrs, index!, positions.shape, node.shape, part.shape)
    if (kind === 'add' && base instanceof Float32Array) {
      const sums = new Float64Array(base)
      writers.add(sums, to, source!)
      return new Float32Array(sums)
    }
    const out = base!.slice()
    writers[kind](out, to, source!)
    return out
  },
  derivative(node, dy, i) {
    if (i === 1) return undefined
    const derivative = derivatives[node.attrs.kind]
    return i === 0 ? derivative.base(node, dy) : derivative.source(node, dy)
  },
}

const writers: Record<ScatterKind, (out: Values, to: Int32Array, source: Values) => void> = {
  add(out, to, source) {
    for (let i = 0; i < to.length; i++) out[to[i]!] = out[to[i]!]! + source[i]!
  },
  set(out, to, source) {
    for (let i = 0; i < to.length; i++) out[to[i]!] = source[i]!
  },
  prod(out, to, source) {
    for (let i = 0; i < to.length; i++) out[to[i]!] = out[to[i]!]! * source[i]!
  },
  max(out, to, source) {
    for (let i = 0; i < to.length; i++) out[to[i]!] = Math.max(out[to[i]!]!, source[i]!)
  },
  min(out, to, source) {
    for (let i = 0; i < to.length; i++) out[to[i]!] = Math.min(out[to[i]!]!, source[i]!)
  },
}

interface ScatterDerivative {
  base(node: Node<Scatter>, dy: Node): Node
  source(node: Node<Scatter>, dy: Node): Node
}

/** Tied extremes share the gradient equally, as in PyTorch. */
const extreme: ScatterDerivative = {
  base: (node, dy) => mul(winners(node).base, winners(node).share(dy)),
  source: (node, dy) => mul(winners(node).source, pick(node, winners(node).share(dy))),
}

/** Values replaced by a later one receive the gradient of their place too, as in PyTorch. */
const derivatives: Record<ScatterKind, ScatterDerivative> = {
  add: { base: (_, dy) => dy, source: pick },
  set: {
    base: (node, dy) => where(put(node, filled(1, node, 'bool'), 0, 'set'), dy, filled(0, node)),
    source: pick,
  },
  prod: {
    base: (node, dy) => mul(dy, put(node, filled(1, node), node.inputs[2]!, 'prod')),
    source: productOfOthers,
  },
  max: extreme,
  min: extreme,
}

/** What lies in `x` (shaped like the result) where each source element went. */
function pick(node: Node<Scatter>, x: Node): Node {
  return gather(x, node.inputs[1]!, node.attrs.dim, node.attrs.label)
}

/** Scatters into `base` to where the source elements went. */
function put(node: Node<Scatter>, base: Node, source: Node | number, kind: ScatterKind): Node {
  const [, index, part] = node.inputs as [Node, Node, Node]
  const values = typeof source === 'number' ? filled(source, part, base.dtype) : source
  return scatter(base, index, values, node.attrs.dim, kind, node.attrs.label)
}

/** dy times the product of everything else that went to the same place: divided out, but for a single zero. */
function productOfOthers(node: Node<Scatter>, dy: Node): Node {
  const [base, , source] = node.inputs as [Node, Node, Node]
  const isZero = equal(source, constant(0, source.dtype))
  const zeros = put(node, cast(equal(base, constant(0, base.dtype)), 'int32'), cast(isZero, 'int32'), 'add')
  const onlyZero = logicalAnd(isZero, equal(pick(node, zeros), constant(1, 'int32')))
  const one = constant(1, source.dtype)
  const withoutIt = put(node, base, where(onlyZero, one, source), 'prod')
  const divided = div(pick(node, mul(dy, node)), where(isZero, one, source))
  return where(onlyZero, pick(node, mul(dy, withoutIt)), divided)
}

/** Which elements of base and source are the extreme of their place, and dy divided by their number. */
function winners(node: Node<Scatter>): { base: Node; source: Node; share(dy: Node): Node } {
  const [base, , source] = node.inputs as [Node, Node, Node]
  const ofBase = cast(equal(base, node), node.dtype)
  const ofSource = cast(equal(source, pick(node, node)), node.dtype)
  return { base: ofBase, source: ofSource, share: (dy) => div(dy, put(node, ofBase, ofSource, 'add')) }
}

/** `value` in the shape of `like`. */
function filled(value: number, like: Node<object>, dtype: Node['dtype'] = like.dtype): Node {
  return broadcastTo(constant(value, dtype), like.shape)
}

export function scatter(
  base: Node,
  index: Node,
  source: Node,
  dim: number,
  kind: ScatterKind,
  label = 'scatter',
): Node {
  return record(scatterOp, [base, index, source], { dim, kind, label, counted: dim })
}

/** The order that sorts along `dim`: stable, NaN counts as largest. */
export const argSortOp: Op<{ dim: number; descending: boolean }> = {
  name: 'argSort',
  kind: 'indexing',
  infer: ([x]) => ({ shape: x!.shape, dtype: 'int32' }),
  evaluate(node, [x]) {
    const { dim, descending } = node.attrs
    const out = new Int32Array(x!.length)
    const n = node.shape[dim]!
    const inner = sizeOf(node.shape.slice(dim + 1))
    const sign = descending ? -1 : 1
    const order = new Int32Array(n)
    for (let start = 0; start < out.length; start += n * inner) {
      for (let base = start; base < start + inner; base++) {
        for (let i = 0; i < n; i++) order[i] = i
        order.sort((a, b) => sign * ascending(x![base + a * inner]!, x![base + b * inner]!) || a - b)
        for (let i = 0; i < n; i++) out[base + i * inner] = order[i]!
      }
    }
    return out
  },
}

/** The order of numbers in which NaN comes last. */
export function ascending(a: number, b: number): number {
  if (a === b) return 0
  if (Number.isNaN(a)) return Number.isNaN(b) ? 0 : 1
  return Number.isNaN(b) || a < b ? -1 : 1
}

export function argSort(x: Node, dim: number, descending: boolean): Node {
  return record(argSortOp, [x], { dim, descending })
}
