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

/** The dimensions of one operand that are neither batch nor summed over. */
function freeDims(shape: Shape, side: 0 | 1, { batch, reduce }: Contraction): number[] {
  const free: number[] = []
  for (let d = 0; d < shape.length; d++) if (!batch[side].includes(d) && !reduce[side].includes(d)) free.push(d)
  return free
}

function sizeOfDims(shape: Shape, dims: readonly number[]): number {
  return dims.reduce((size, d) => size * shape[d]!, 1)
}

/** General batched product: matmul, linear layers and einsum are all this. */
export const contractOp: Op<Contraction> = {
  name: 'contract',
  kind: 'contract',
  infer([a, b], attrs) {
    if (a!.dtype !== b!.dtype) {
      throw new DTypeError('matmul', `operands must share one dtype, received ${a!.dtype} and ${b!.dtype}`)
    }
    if (a!.dtype === 'bool') throw new DTypeError('matmul', "bool has no products; convert with .to('int32')")
    checkPairs(a!.shape, b!.shape, attrs.batch)
    checkPairs(a!.shape, b!.shape, attrs.reduce)
    const shape: number[] = []
    for (const d of attrs.batch[0]) shape.push(a!.shape[d]!)
    for (const d of freeDims(a!.shape, 0, attrs)) shape.push(a!.shape[d]!)
    for (const d of freeDims(b!.shape, 1, attrs)) shape.push(b!.shape[d]!)
    return { shape, dtype: a!.dtype }
  },
  evaluate(node, [a, b]) {
    const { batch, reduce } = node.attrs
    const [p, q] = [node.inputs[0]!.shape, node.inputs[1]!.shape]
    const left = freeDims(p, 0, node.attrs)
    const right = freeDims(q, 1, node.attrs)
    const x = arrange(a!, p, [...batch[0], ...left, ...reduce[0]])
    const y = arrange(b!, q, [...batch[1], ...right, ...reduce[1]])
    const out = allocateValues(node.dtype, sizeOf(node.shape))
    const [m, n, k] = [sizeOfDims(p, left), sizeOfDims(q, right), sizeOfDims(p, reduce[0])]
    multiplyRows(x, y, out, sizeOfDims(p, batch[0]), m, n, k)
    return out
  },
  derivative(node, dy, i) {
    const { batch, reduce } = node.attrs
    const own = i === 0 ? 0 : 1
    const other = node.inputs[1 - own]!
    const ownFree = freeDims(node.inputs[own]!.shape, own, node.attrs)
    const otherFree = freeDims(other.shape, own === 0 ? 1 : 0, node.attrs)
    // In dy: the batch, then the free dimensions of a, then those of b.
    const first = batch[0].length + (own === 0 ? ownFree.length : 0)
    const raw = contract(dy, other, {
      batch: [batch[0].map((_, d) => d), batch[1 - own]!],
      reduce: [otherFree.map((_, d) => first + d), otherFree],
    })
    // In raw: the batch, then what is free in the operand, then what it summed over, in the order of the other operand.
    const otherReduce = reduce[1 - own]!
    const summed = otherReduce.toSorted((x, y) => x - y).map((d) => reduce[own]![otherReduce.indexOf(d)]!)
    const dims = [...batch[own]!, ...ownFree, ...summed]
    return permute(
      raw,
      dims.map((_, d) => dims.indexOf(d)),
    )
  },
}

function checkPairs(a: Shape, b: Shape, [left, right]: Contraction['batch']): void {
  for (let i = 0; i < left.length; i++) {
    const [m, n] = [a[left[i]!], b[right[i]!]]
    if (m !== n) {
      throw new ShapeError('matmul', `inner dimensions differ: ${formatShape(a)} · ${formatShape(b)}: ${m} ≠ ${n}`)
    }
  }
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

/** out[b, m, n] = Σₖ x[b, m, k] · y[b, n, k]. */
function multiplyRows(x: Values, y: Values, out: Values, batch: number, m: number, n: number, k: number): void {
  const multiply = out instanceof Float32Array || out instanceof Float64Array ? multiplyFloats : multiplyIntegers
  for (let b = 0; b < batch; b++) multiply(x, b * m * k, y, b * n * k, out, b * m * n, m, n, k)
}

/**
 * out[i, j] = Σₚ x[i, p] · y[j, p] for i < m, j < n, p < k, each array from its offset on. Sums in double precision, two rows
 * by four columns at a time. At the edges the last row or column stands in for those that are missing: it is computed more
 * than once, to the same value.
 */
export function multiplyFloats(
  x: Values,
  xAt: number,
  y: Values,
  yAt: number,
  out: Values,
  outAt: number,
  m: number,
  n: number,
  k: number,
): void {
  for (let i = 0; i < m; i += 2) {
    const second = i + 1 < m ? 1 : 0
    const r0 = xAt + i * k
    const r1 = r0 + second * k
    for (let j = 0; j < n; j += 4) {
      const [j1, j2, j3] = [Math.min(1, n - 1 - j), Math.min(2, n - 1 - j), Math.min(3, n - 1 - j)]
      const c0 = yAt + j * k
      const c1 = c0 + j1 * k
      const c2 = c0 + j2 * k
      const c3 = c0 + j3 * k
      let s00 = 0
      let s01 = 0
      let s02 = 0
      let s03 = 0
      let s10 = 0
      let s11 = 0
      let s12 = 0
      let s13 = 0
      for (let p = 0; p < k; p++) {
        const v0 = x[r0 + p]!
        const v1 = x[r1 + p]!
        const w0 = y[c0 + p]!
        const w1 = y[c1 + p]!
        const w2 = y[c2 + p]!
        const w3 = y[c3 + p]!
        s00 += v0 * w0
        s01 += v0 * w1
        s02 += v0 * w2
        s03 += v0 * w3
        s10 += v1 * w0
        s11 += v1 * w1
        s12 += v1 * w2
        s13 += v1 * w3
      }
      const to = outAt + i * n + j
      out[to] = s00
      out[to + j1] = s01
      out[to + j2] = s02
      out[to + j3] = s03
      const below = to + second * n
      out[below] = s10
      out[below + j1] = s11
      out[below + j2] = s12
      out[below + j3] = s13
    }
  }
}

/** Integers wrap, as they do everywhere: double precision would round products beyond 2⁵³. */
function multiplyIntegers(
  x: Values,
  xAt: number,
  y: Values,
  yAt: number,
  out: Values,
  outAt: number,
  m: number,
  n: number,
  k: number,
): void {
  for (let i = 0; i < m; i++) {
    for (let j = 0; j < n; j++) {
      let sum = 0
      for (let p = 0; p < k; p++) sum = (sum + Math.imul(x[xAt + i * k + p]!, y[yAt + j * k + p]!)) | 0
      out[outAt + i * n + j] = sum
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
