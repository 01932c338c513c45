import { allocateValues, type Values } from '../../core/dtype.ts'
import { DTypeError, ShapeError } from '../../core/errors.ts'
import { formatShape, type Shape, sizeOf, stridesOf } from '../../core/shape.ts'
import { type Node, type Op, record } from '../node.ts'
import { copyStrided } from './broadcasting.ts'
import { permute } from './views.ts'

/**
 * Which dimensions of a and b run together. `batch` pairs appear in the result, `reduce` pairs are summed over.
 * The result has the batch dimensions, then the free ones of a, then the free ones of b.
 */
export interface Contraction {
  readonly batch: readonly [readonly number[], readonly number[]]
  readonly reduce: readonly [readonly number[], readonly number[]]
}

interface Layout {
  readonly batch: Shape
  readonly free: readonly number[]
  readonly freeShape: Shape
}

function layout(shape: Shape, side: 0 | 1, { batch, reduce }: Contraction): Layout {
  const free = [...shape.keys()].filter((d) => !batch[side].includes(d) && !reduce[side].includes(d))
  return { batch: batch[side].map((d) => shape[d]!), free, freeShape: free.map((d) => shape[d]!) }
}

/** General batched product: matmul, linear layers and einsum are all this. */
export const contractOp: Op<Contraction> = {
  name: 'contract',
  kind: 'contract',
  infer([a, b], attrs) {
    if (a!.dtype !== b!.dtype) {
      throw new DTypeError('matmul', `operands must share one dtype, received ${a!.dtype} and ${b!.dtype}`)
    }
    for (const pairs of [attrs.batch, attrs.reduce]) {
      pairs[0].forEach((d, i) => {
        const [m, n] = [a!.shape[d], b!.shape[pairs[1][i]!]]
        if (m !== n) {
          throw new ShapeError(
            'matmul',
            `inner dimensions differ: ${formatShape(a!.shape)} · ${formatShape(b!.shape)}: ${m} ≠ ${n}`,
          )
        }
      })
    }
    const left = layout(a!.shape, 0, attrs)
    return { shape: [...left.batch, ...left.freeShape, ...layout(b!.shape, 1, attrs).freeShape], dtype: a!.dtype }
  },
  evaluate(node, [a, b]) {
    const [p, q] = node.inputs as [Node, Node]
    const left = layout(p.shape, 0, node.attrs)
    const right = layout(q.shape, 1, node.attrs)
    const x = arrange(a!, p.shape, [...node.attrs.batch[0], ...left.free, ...node.attrs.reduce[0]])
    const y = arrange(b!, q.shape, [...node.attrs.batch[1], ...right.free, ...node.attrs.reduce[1]])
    const out = allocateValues(node.dtype, sizeOf(node.shape))
    const k = node.attrs.reduce[0].reduce((product, d) => product * p.shape[d]!, 1)
    multiplyRows(x, y, out, sizeOf(left.batch), sizeOf(left.freeShape), sizeOf(right.freeShape), k)
    return out
  },
  derivative(node, dy, i) {
    const [a, b] = node.inputs as [Node, Node]
    const left = layout(a.shape, 0, node.attrs)
    const right = layout(b.shape, 1, node.attrs)
    const nb = left.batch.length
    const batch = left.batch.map((_, d) => d)
    const leftDims = left.free.map((_, d) => nb + d)
    const rightDims = right.free.map((_, d) => nb + left.free.length + d)
    const own = i === 0 ? 0 : 1
    const other = i === 0 ? b : a
    const otherLayout = i === 0 ? right : left
    const raw = contract(dy, other, {
      batch: [batch, node.attrs.batch[1 - own]!],
      reduce: [i === 0 ? rightDims : leftDims, otherLayout.free],
    })
    const otherReduce = node.attrs.reduce[1 - own]!
    const sorted = [...otherReduce].sort((x, y) => x - y)
    const ownReduce = sorted.map((d) => node.attrs.reduce[own]![otherReduce.indexOf(d)]!)
    const dims = [...node.attrs.batch[own]!, ...(i === 0 ? left.free : right.free), ...ownReduce]
    return permute(
      raw,
      dims.map((_, d) => dims.indexOf(d)),
    )
  },
}

/** A copy in the order of `dims`, or the array itself where it lies so already. */
function arrange(values: Values, shape: Shape, dims: readonly number[]): Values {
  if (dims.every((d, i) => d === i)) return values
  const strides = stridesOf(shape)
  const out = new (values.constructor as new (n: number) => Values)(values.length)
  return copyStrided(
    values,
    dims.map((d) => shape[d]!),
    dims.map((d) => strides[d]!),
    0,
    out,
  )
}

/** out[b, m, n] = Σₖ x[b, m, k] · y[b, n, k], summed in double precision; four columns at a time. */
function multiplyRows(x: Values, y: Values, out: Values, batch: number, m: number, n: number, k: number): void {
  for (let b = 0; b < batch; b++) {
    for (let i = 0; i < m; i++) {
      const row = (b * m + i) * k
      const to = (b * m + i) * n
      let j = 0
      for (; j + 4 <= n; j += 4) {
        let c0 = (b * n + j) * k
        let c1 = c0 + k
        let c2 = c1 + k
        let c3 = c2 + k
        let s0 = 0
        let s1 = 0
        let s2 = 0
        let s3 = 0
        for (let r = row, end = row + k; r < end; r++) {
          const v = x[r]!
          s0 += v * y[c0++]!
          s1 += v * y[c1++]!
          s2 += v * y[c2++]!
          s3 += v * y[c3++]!
        }
        out[to + j] = s0
        out[to + j + 1] = s1
        out[to + j + 2] = s2
        out[to + j + 3] = s3
      }
      for (; j < n; j++) {
        let c = (b * n + j) * k
        let sum = 0
        for (let r = row, end = row + k; r < end; r++) sum += x[r]! * y[c++]!
        out[to + j] = sum
      }
    }
  }
}

export function contract(a: Node, b: Node, attrs: Contraction): Node {
  return record(contractOp, [a, b], attrs)
}

/** [.., M, K] · [.., K, N] with equal leading dimensions. */
export function matmul(a: Node, b: Node): Node {
  const lead = a.shape.slice(0, -2).map((_, d) => d)
  const rank = a.shape.length
  return contract(a, b, { batch: [lead, lead], reduce: [[rank - 1], [rank - 2]] })
}
