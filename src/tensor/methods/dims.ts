import { isFloating } from '../../core/dtype.ts'
import { DTypeError } from '../../core/errors.ts'
import { normalizeDim, normalizeDims, sizeOf } from '../../core/shape.ts'
import type { Node } from '../../graph/node.ts'
import { gather } from '../../graph/ops/indexing.ts'
import { cast } from '../../graph/ops/logic.ts'
import { keepDims, type ReduceKind, reduce, withoutDims } from '../../graph/ops/reduce.ts'
import { reshape } from '../../graph/ops/views.ts'
import { wrap } from '../base.ts'
import type { Tensor } from '../tensor.ts'

/* What reductions share: which dimensions, and whether they are kept. */

/** One dimension, several, or (undefined) all. Negative numbers count from the end. */
export type Dims = number | readonly number[] | undefined

export interface KeepDim {
  /** Keep reduced dimensions with size 1. Default false. */
  readonly keepdim?: boolean
}

/** Elements chosen along a dimension, and where they stood in it (int32). */
export interface Chosen {
  readonly values: Tensor
  readonly indices: Tensor
}

/** `y`, a reduction of x over all of `dims`, with those dimensions as size 1 when asked to. */
export function restoreDims(y: Node, x: Node, dims: readonly number[], keepdim: boolean): Node {
  return keepdim ? reshape(y, keepDims(x.shape, dims)) : y
}

/** A reduction over `dims`, keeping them as size 1 when asked to. */
export function reduceDims(name: string, x: Node, kind: ReduceKind, dims: Dims, keepdim: boolean): Node {
  const list = normalizeDims(name, dims, x.shape.length)
  return restoreDims(reduce(x, kind, list), x, list, keepdim)
}

/** `x` with at least one dimension, and `dim` within it; a scalar counts as one element. */
export function along(name: string, x: Node, dim: number): [Node, number] {
  const d = normalizeDim(name, dim, x.shape.length)
  return [x.shape.length === 0 ? reshape(x, [1]) : x, d]
}

/** All elements in one dimension. */
export function flattened(x: Node): Node {
  return reshape(x, [sizeOf(x.shape)])
}

/**
 * The elements of `row` (see {@link along}) at `index`, which has size 1 in dimension `d`. The gradient flows to the chosen
 * elements.
 */
export function choose(row: Node, index: Node, d: number, rank: number, keepdim: boolean): Chosen {
  const shape = rank === 0 ? [] : keepdim ? index.shape : withoutDims(index.shape, [d])
  return { values: wrap(reshape(gather(row, index, d), shape)), indices: wrap(reshape(index, shape)) }
}

/** Integers and bools are summed and multiplied in int32. */
export function counting(x: Node): Node {
  return isFloating(x.dtype) ? x : cast(x, 'int32')
}

/** The node of a floating tensor, or a {@link DTypeError}. */
export function floatingNode(op: string, x: Tensor): Node {
  if (isFloating(x.dtype)) return x.node
  throw new DTypeError(op, `expects a floating dtype, received ${x.dtype}; convert with .to('float32')`)
}
