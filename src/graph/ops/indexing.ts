import { allocateValues, type DType, type Values } from '../../core/dtype.ts'
import { DTypeError, IndexError, ShapeError } from '../../core/errors.ts'
import { formatShape, sizeOf } from '../../core/shape.ts'
import { type Node, type Op, record } from '../node.ts'
import { mul } from './arithmetic.ts'
import { constant } from './leaves.ts'
import { broadcastTo } from './views.ts'

interface Gather {
  readonly dim: number
  /** The name that errors give: the operation the user called. */
  readonly label: string
}

function checkIndex(label: string, index: Node): void {
  if (index.dtype !== 'int32' && index.dtype !== 'uint8') {
    throw new DTypeError(label, `indices must be int32 or uint8, received ${index.dtype}`)
  }
}

/** Every index is looked at before it is used: 0 ≤ index < size, or an {@link IndexError}. */
function checkBounds(label: string, index: Values, size: number): void {
  for (let i = 0; i < index.length; i++) {
    const value = index[i]!
    if (value < 0 || value >= size) {
      throw new IndexError(
        label,
        `index ${value} at position ${i} is out of range for size ${size}: expected 0 to ${size - 1}`,
      )
    }
  }
}

/** out[.., i, ..] = x[.., index[.., i, ..], ..]: x and index agree in every dimension but `dim`. */
export const gatherOp: Op<Gather> = {
  name: 'gather',
  kind: 'indexing',
  infer([x, index], { dim, label }) {
    checkIndex(label, index!)
    const fits = x!.shape.length === index!.shape.length && x!.shape.every((n, d) => d === dim || n === index!.shape[d])
    if (!fits) {
      throw new ShapeError(
        label,
        `indices ${formatShape(index!.shape)} and input ${formatShape(x!.shape)} differ outside dim ${dim}`,
      )
    }
    return { shape: index!.shape, dtype: x!.dtype }
  },
  evaluate(node, [x, index]) {
    const { dim, label } = node.attrs
    const size = node.inputs[0]!.shape[dim]!
    checkBounds(label, index!, size)
    const out = allocateValues(node.dtype, index!.length)
    const inner = sizeOf(node.shape.slice(dim + 1))
    const n = node.shape[dim]!
    for (let i = 0; i < out.length; i++) {
      const outer = Math.floor(i / (n * inner))
      out[i] = x![(outer * size + index![i]!) * inner + (i % inner)]!
    }
    return out
  },
  derivative(node, dy, i) {
    if (i > 0) return undefined
    const { dim, label } = node.attrs
    const x = node.inputs[0]!
    return scatter(broadcastTo(constant(0, x.dtype), x.shape), node.inputs[1]!, dy, dim, 'add', label)
  },
}

export function gather(x: Node, index: Node, dim: number, label = 'gather'): Node {
  return record(gatherOp, [x, index], { dim, label })
}

export type ScatterKind = 'add' | 'set' | 'prod' | 'max' | 'min'

interface Scatter {
  readonly dim: number
  readonly kind: ScatterKind
  readonly label: string
}

/**
 * A copy of `base` in which `source` is added to, or replaces, the elements that `index` names along `dim`. Indices are
 * walked in row-major order, so sums are deterministic and the last replacement wins.
 */
export const scatterOp: Op<Scatter> = {
  name: 'scatter',
  kind: 'indexing',
  infer([base, index, source], { dim, label }) {
    checkIndex(label, index!)
    if (base!.dtype !== source!.dtype) {
      throw new DTypeError(label, `input and source must share one dtype, received ${base!.dtype} and ${source!.dtype}`)
    }
    const fits =
      base!.shape.length === index!.shape.length &&
      index!.shape.length === source!.shape.length &&
      index!.shape.every((n, d) => n === source!.shape[d] && (d === dim || n === base!.shape[d]))
    if (!fits) {
      throw new ShapeError(
        label,
        `input ${formatShape(base!.shape)}, indices ${formatShape(index!.shape)} and source ${formatShape(source!.shape)} differ outside dim ${dim}`,
      )
    }
    return { shape: base!.shape, dtype: base!.dtype }
  },
  evaluate(node, [base, index, source]) {
    const { dim, kind, label } = node.attrs
    const size = node.shape[dim]!
    checkBounds(label, index!, size)
    const out = kind === 'add' && base instanceof Float32Array ? new Float64Array(base) : base!.slice()
    const inner = sizeOf(node.shape.slice(dim + 1))
    const n = node.inputs[1]!.shape[dim]!
    const write = writers[kind]
    for (let i = 0; i < index!.length; i++) {
      const outer = Math.floor(i / (n * inner))
      write(out, (outer * size + index![i]!) * inner + (i % inner), source![i]!)
    }
    return out instanceof Float64Array && base instanceof Float32Array ? new Float32Array(out) : out
  },
  derivative(node, dy, i) {
    const { dim, kind, label } = node.attrs
    const [base, index] = node.inputs as [Node, Node]
    if (i === 1 || (kind !== 'add' && kind !== 'set')) return undefined
    if (i === 2) return gather(dy, index, dim, label)
    if (kind === 'add') return dy
    return mul(dy, keptElements(base.dtype, node, index))
  },
}

/** 1 where a replacement left the element alone, 0 where it did not. */
function keptElements(dtype: DType, node: Node<Scatter>, index: Node): Node {
  const { dim, label } = node.attrs
  const ones = broadcastTo(constant(1, dtype), node.shape)
  return scatter(ones, index, broadcastTo(constant(0, dtype), index.shape), dim, 'set', label)
}

const writers: Record<ScatterKind, (out: Values, at: number, value: number) => void> = {
  add: (out, at, value) => {
    out[at] = out[at]! + value
  },
  set: (out, at, value) => {
    out[at] = value
  },
  prod: (out, at, value) => {
    out[at] = out[at]! * value
  },
  max: (out, at, value) => {
    out[at] = Math.max(out[at]!, value)
  },
  min: (out, at, value) => {
    out[at] = Math.min(out[at]!, value)
  },
}

export function scatter(
  base: Node,
  index: Node,
  source: Node,
  dim: number,
  kind: ScatterKind,
  label = 'scatter',
): Node {
  return record(scatterOp, [base, index, source], { dim, kind, label })
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
        order.sort((a, b) => sign * compare(x![base + a * inner]!, x![base + b * inner]!) || a - b)
        for (let i = 0; i < n; i++) out[base + i * inner] = order[i]!
      }
    }
    return out
  },
}

function compare(a: number, b: number): number {
  if (a === b) return 0
  if (Number.isNaN(a)) return Number.isNaN(b) ? 0 : 1
  return Number.isNaN(b) || a < b ? -1 : 1
}

export function argSort(x: Node, dim: number, descending: boolean): Node {
  return record(argSortOp, [x], { dim, descending })
}
