import { isFloating } from '../../core/dtype.ts'
import { normalizeDim, normalizeDims, sizeOf } from '../../core/shape.ts'
import type { Node } from '../../graph/node.ts'
import { mul } from '../../graph/ops/arithmetic.ts'
import { constant } from '../../graph/ops/leaves.ts'
import { cast } from '../../graph/ops/logic.ts'
import { argReduce, keepDims, type ReduceKind, reduce } from '../../graph/ops/reduce.ts'
import { reshape } from '../../graph/ops/views.ts'
import { wrap } from '../base.ts'
import type { Tensor } from '../tensor.ts'
import { Arithmetic } from './arithmetic.ts'

/** One dimension, several, or (undefined) all. Negative numbers count from the end. */
export type Dims = number | readonly number[] | undefined

export interface KeepDim {
  /** Keep reduced dimensions with size 1. Default false. */
  readonly keepdim?: boolean
}

/** A reduction over `dims`, keeping them as size 1 when asked to. */
export function reduceDims(name: string, x: Node, kind: ReduceKind, dims: Dims, keepdim: boolean): Node {
  const list = normalizeDims(name, dims, x.shape.length)
  const y = reduce(x, kind, list)
  return keepdim ? reshape(y, keepDims(x.shape, list)) : y
}

/** Reductions over dimensions. */
export abstract class Reductions extends Arithmetic {
  /** Σ over `dims`; bools and small integers are counted in int32. */
  sum(dims?: Dims, { keepdim = false }: KeepDim = {}): Tensor {
    const x = isFloating(this.dtype) ? this.node : cast(this.node, 'int32')
    return wrap(reduceDims('sum', x, 'sum', dims, keepdim))
  }

  /** Arithmetic mean over `dims`. */
  mean(dims?: Dims, { keepdim = false }: KeepDim = {}): Tensor {
    const list = normalizeDims('mean', dims, this.rank)
    const count = sizeOf(list.map((d) => this.shape[d]!))
    const total = reduceDims('mean', this.node, 'sum', list, keepdim)
    return wrap(mul(total, constant(1 / count, this.dtype)))
  }

  /** Position of the first maximum along `dim`, or in the flattened tensor. int32. */
  argMax(dim?: number, { keepdim = false }: KeepDim = {}): Tensor {
    return wrap(argExtreme('argMax', this.node, 'max', dim, keepdim))
  }
}

function argExtreme(name: string, x: Node, kind: 'max' | 'min', dim: number | undefined, keepdim: boolean): Node {
  const d = dim === undefined ? 0 : normalizeDim(name, dim, x.shape.length)
  const source = dim === undefined || x.shape.length === 0 ? reshape(x, [sizeOf(x.shape)]) : x
  const y = argReduce(source, kind, d)
  if (!keepdim) return y
  return reshape(y, dim === undefined ? x.shape.map(() => 1) : keepDims(x.shape, [d]))
}
