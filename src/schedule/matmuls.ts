import type { DType } from '../core/dtype.ts'
import { sizeOf } from '../core/shape.ts'
import type { Node } from '../graph/node.ts'
import { mul } from '../graph/ops/arithmetic.ts'
import { type Contraction, contractOp } from '../graph/ops/contract.ts'
import { constant } from '../graph/ops/leaves.ts'
import { reduce } from '../graph/ops/reduce.ts'
import { broadcastTo, permute, reshape } from '../graph/ops/views.ts'
import { elementOperand, multiplied, type Packing, positionsOf, vectorOperand } from './operands.ts'
import { product } from './product.ts'

/** Element types whose products and sums are not rounded in between. */
const summable: ReadonlySet<DType> = new Set(['float32', 'int32'])

/**
 * A `contract` node in forms that kernels compute: a product, or, where nothing is used twice, a sum of elementwise
 * products. Undefined where it stays what it is.
 */
export function lowerMatmul(node: Node, [a, b]: readonly Node[], packing: Packing): Node | undefined {
  if (node.op.name !== contractOp.name || !multiplied.has(node.dtype) || sizeOf(node.shape) === 0) return undefined
  const { batch, reduce: summed } = node.attrs as Contraction
  const rows = freeDims(a!, [...batch[0], ...summed[0]])
  const columns = freeDims(b!, [...batch[1], ...summed[1]])
  const sizes = (x: Node, dims: readonly number[]): number[] => dims.map((d) => x.shape[d]!)
  const [lead, m, k] = [sizes(a!, batch[0]), sizes(a!, rows), sizes(a!, summed[0])]
  if (sizeOf(k) === 0) return broadcastTo(constant(0, node.dtype), node.shape)
  const left = permute(a!, [...batch[0], ...rows, ...summed[0]])
  const n = sizeOf(sizes(b!, columns))
  if (summable.has(node.dtype) && (sizeOf(m) === 1 || n === 1 || sizeOf(k) === 1)) {
    const right = permute(b!, [...batch[1], ...columns, ...summed[1]])
    const products = mul(reshape(left, [...lead, sizeOf(m), 1, ...k]), reshape(right, [...lead, 1, n, ...k]))
    return reshape(reduce(products, 'sum', range(lead.length + 2, products.shape.length)), node.shape)
  }
  const right = reshape(permute(b!, [...batch[1], ...summed[1], ...columns]), [...lead, ...k, n])
  const { rows: split, ...x } = elementOperand(left, lead, m, k, n)
  const extents = [...lead, ...split, n, ...k]
  const count = extents.length
  const lane = lead.length + split.length
  const inner = range(lane + 1, count)
  const index = positionsOf([...range(0, lead.length), ...inner, lane], count)
  const y = vectorOperand(right, index, extents, sizeOf(m), lead.length, packing)
  const attrs = { extents, resultAxes: lane + 1, a: x.at, b: y.at, panel: y.panel, valid: [] }
  return reshape(product(x.node, y.node, attrs), node.shape)
}

function range(from: number, to: number): number[] {
  return Array.from({ length: to - from }, (_, i) => from + i)
}

function freeDims(x: Node, taken: readonly number[]): number[] {
  return [...x.shape.keys()].filter((d) => !taken.includes(d))
}
