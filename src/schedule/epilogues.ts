import { sameShape, sizeOf } from '../core/shape.ts'
import type { Node } from '../graph/node.ts'
import { type Affine, axisPosition } from './affine.ts'
import { type Expression, ExpressionBuilder, MustStore } from './expression.ts'
import type { Kernel, Nest } from './kernels.ts'
import { readsOf } from './phases.ts'
import type { ProductKernel } from './product.ts'
import { reshapedPositions, SplitAxis } from './reshaping.ts'
import { readsIn } from './walk.ts'

/** What costs more than so many loads and operations is better a kernel of its own. */
const longestEpilogue = 64

/**
 * A map that alone reads a product, each element at its own place, is computed on the sums before they are stored: bias,
 * activation, residual, dropout. What `canJoin` refuses stays as it is.
 */
export function attachEpilogues(
  kernels: readonly Kernel[],
  results: ReadonlySet<Node>,
  canJoin: (joined: ProductKernel) => boolean = () => true,
): Kernel[] {
  const stored = new Set(kernels.map(({ node }) => node))
  const readers = new Map<Node, Kernel[]>()
  for (const kernel of kernels)
    for (const node of readsOf(kernel)) readers.set(node, [...(readers.get(node) ?? []), kernel])
  const replaced = new Map<Kernel, Kernel | undefined>()
  for (const kernel of kernels) {
    if (kernel.kind !== 'product' || kernel.node.dtype !== 'float32' || results.has(kernel.node)) continue
    const [reader, ...others] = readers.get(kernel.node) ?? []
    if (others.length > 0 || reader?.kind !== 'nest' || replaced.has(reader)) continue
    const joined = joinedWith(kernel, reader, (node) => stored.has(node) || node.op.name === 'buffer')
    if (!joined || !canJoin(joined)) continue
    replaced.set(kernel, undefined)
    replaced.set(reader, joined)
  }
  return kernels.flatMap((kernel) => (replaced.has(kernel) ? (replaced.get(kernel) ?? []) : [kernel]))
}

function joinedWith(
  kernel: ProductKernel,
  { node, reduce }: Nest,
  stored: (node: Node) => boolean,
): ProductKernel | undefined {
  const { source, product } = kernel
  if (reduce || sizeOf(node.shape) !== sizeOf(source.shape)) return undefined
  const extents = product.extents.slice(0, product.resultAxes)
  try {
    const axes = extents.map((_, axis) => axisPosition(axis, extents.length))
    const index = sameShape(extents, node.shape) ? axes : reshapedPositions(axes, extents, node.shape, extents)
    if (!index) return undefined
    const epilogue = new ExpressionBuilder(extents, stored).inline(node, index, [])
    return isEpilogue(epilogue, source) ? { ...kernel, node, epilogue } : undefined
  } catch (request) {
    if (request instanceof MustStore || request instanceof SplitAxis) return undefined
    throw request
  }
}

/** Whether the product is read where it stands, under no condition. */
function isEpilogue(root: Expression, source: Node): boolean {
  const reads = readsIn(root)
  if (reads.length > longestEpilogue) return false
  return reads.every(({ node, at }) => node !== source || (at !== undefined && standsStill(at, source.shape)))
}

function standsStill(at: Affine, shape: readonly number[]): boolean {
  let stride = 1
  for (let axis = shape.length - 1; axis >= 0; axis--) {
    if (shape[axis] !== 1 && at.terms[axis] !== stride) return false
    stride *= shape[axis]!
  }
  return at.offset === 0
}
