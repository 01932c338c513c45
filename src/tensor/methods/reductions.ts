import { ShapeError } from '../../core/errors.ts'
import { formatShape, normalizeDim, normalizeDims, sameShape, tryBroadcast } from '../../core/shape.ts'
import type { Node } from '../../graph/node.ts'
import { abs, add, mul, pow, reciprocal } from '../../graph/ops/arithmetic.ts'
import { logSoftmax, softmax } from '../../graph/ops/composite.ts'
import { flatSqrt, isNan } from '../../graph/ops/derived.ts'
import { constant } from '../../graph/ops/leaves.ts'
import { cast, equal, logicalNot, notEqual, where } from '../../graph/ops/logic.ts'
import { widened } from '../../graph/ops/precision.ts'
import { argReduce, keepDims, reduce, sumTo } from '../../graph/ops/reduce.ts'
import { logSumExp, mean } from '../../graph/ops/statistics.ts'
import { reshape } from '../../graph/ops/views.ts'
import { promote, wrap } from '../base.ts'
import type { Tensor } from '../tensor.ts'
import { realNode } from './apply.ts'
import {
  along,
  type Chosen,
  choose,
  counting,
  type Dims,
  flattened,
  floatingNode,
  type KeepDim,
  reduceDims,
  restoreDims,
} from './dims.ts'
import { Statistics } from './statistics.ts'

export type { Chosen, Dims, KeepDim } from './dims.ts'

/** Reductions over dimensions. Without `dims` they take all elements. */
export abstract class Reductions extends Statistics {
  /** Σ over `dims`; integers and bools are summed in int32. */
  sum(dims?: Dims, { keepdim = false }: KeepDim = {}): Tensor {
    return wrap(reduceDims('sum', counting(this.node), 'sum', dims, keepdim))
  }

  /** Σ over the dimensions that broadcasting `shape` to this tensor's shape would stretch: the adjoint of `expand`. */
  sumToSize(...shape: number[] | [readonly number[]]): Tensor {
    const wanted = typeof shape[0] === 'object' ? shape[0] : (shape as number[])
    if (!sameShape(tryBroadcast(wanted, this.shape) ?? [-1], this.shape)) {
      throw new ShapeError('sumToSize', `${formatShape(wanted)} does not broadcast to ${formatShape(this.shape)}`)
    }
    return wrap(sumTo(this.node, wanted))
  }

  /** Σ over `dims`, NaN counting as 0. */
  nansum(dims?: Dims, options: KeepDim = {}): Tensor {
    const x = this.node
    return wrap(where(isNan(x), constant(0, x.dtype), x)).sum(dims, options)
  }

  /** Arithmetic mean over `dims`, of floating tensors. */
  mean(dims?: Dims, { keepdim = false }: KeepDim = {}): Tensor {
    const x = floatingNode('mean', this.self)
    const list = normalizeDims('mean', dims, this.rank)
    return wrap(restoreDims(mean(x, list), x, list, keepdim))
  }

  /** Arithmetic mean over `dims` of what is not NaN. */
  nanmean(dims?: Dims, options: KeepDim = {}): Tensor {
    const x = floatingNode('nanmean', this.self)
    const count = wrap(cast(logicalNot(isNan(x)), x.dtype)).sum(dims, options)
    return this.nansum(dims, options).div(count)
  }

  /** Π over `dims`; integers and bools are multiplied in int32. */
  prod(dims?: Dims, { keepdim = false }: KeepDim = {}): Tensor {
    return wrap(reduceDims('prod', counting(this.node), 'prod', dims, keepdim))
  }

  /** Whether all elements are true (not 0); yes where there are none. */
  all(dims?: Dims, { keepdim = false }: KeepDim = {}): Tensor {
    return wrap(reduceDims('all', cast(this.node, 'bool'), 'prod', dims, keepdim))
  }

  /** Whether any element is true (not 0); no where there is none. */
  any(dims?: Dims, { keepdim = false }: KeepDim = {}): Tensor {
    const none = logicalNot(this.node)
    return wrap(logicalNot(reduceDims('any', none, 'prod', dims, keepdim)))
  }

  /** How many elements are not 0. int32. */
  countNonzero(dims?: Dims): Tensor {
    const present = notEqual(this.node, constant(0, this.dtype))
    return wrap(reduceDims('countNonzero', counting(present), 'sum', dims, false))
  }

  /** Largest element over `dims`; tied ones share the gradient. Throws a {@link ValueError} over no elements. */
  amax(dims?: Dims, { keepdim = false }: KeepDim = {}): Tensor {
    return wrap(reduceDims('amax', this.node, 'max', dims, keepdim))
  }

  /** Smallest element over `dims`; tied ones share the gradient. Throws a {@link ValueError} over no elements. */
  amin(dims?: Dims, { keepdim = false }: KeepDim = {}): Tensor {
    return wrap(reduceDims('amin', this.node, 'min', dims, keepdim))
  }

  /** Smallest and largest element, along `dim` or of all. */
  aminmax({ dim, keepdim = false }: KeepDim & { readonly dim?: number } = {}): { min: Tensor; max: Tensor } {
    return { min: this.amin(dim, { keepdim }), max: this.amax(dim, { keepdim }) }
  }

  /** The largest element of all. */
  max(): Tensor
  /** The largest elements along `dim` and their positions (the first of equal ones), which receive the gradient. */
  max(dim: number, options?: KeepDim): Chosen
  max(dim?: number, { keepdim = false }: KeepDim = {}): Tensor | Chosen {
    return dim === undefined ? this.amax() : extreme('max', this.node, dim, keepdim)
  }

  /** The smallest element of all. */
  min(): Tensor
  /** The smallest elements along `dim` and their positions (the first of equal ones), which receive the gradient. */
  min(dim: number, options?: KeepDim): Chosen
  min(dim?: number, { keepdim = false }: KeepDim = {}): Tensor | Chosen {
    return dim === undefined ? this.amin() : extreme('min', this.node, dim, keepdim)
  }

  /** Position of the first maximum along `dim`, or in the flattened tensor. int32. */
  argMax(dim?: number, { keepdim = false }: KeepDim = {}): Tensor {
    return wrap(argExtreme('argMax', this.node, 'max', dim, keepdim))
  }

  /** Position of the first minimum along `dim`, or in the flattened tensor. int32. */
  argMin(dim?: number, { keepdim = false }: KeepDim = {}): Tensor {
    return wrap(argExtreme('argMin', this.node, 'min', dim, keepdim))
  }

  /** ln Σ exp(x) over `dims`, without overflow. */
  logSumExp(dims?: Dims, { keepdim = false }: KeepDim = {}): Tensor {
    const x = realNode(this.self)
    const list = normalizeDims('logSumExp', dims, this.rank)
    return wrap(restoreDims(logSumExp(x, list), x, list, keepdim))
  }

  /**
   * (Σ |x|ᵖ)^(1/p) over `dims`: the vector norm of order `p`. ±Infinity gives the largest or smallest magnitude, 0 the number
   * of elements that are not 0. The derivative at 0 is taken as 0.
   */
  norm(p = 2, dims?: Dims, { keepdim = false }: KeepDim = {}): Tensor {
    const x = floatingNode('norm', this.self)
    const list = normalizeDims('norm', dims, this.rank)
    return wrap(restoreDims(norm(x, p, list), x, list, keepdim))
  }

  /** The `p`-norm of this − other, of all elements. */
  dist(other: Tensor, p = 2): Tensor {
    return this.self.sub(other).norm(p)
  }

  /**
   * Scales each slice along `dim` whose `p`-norm exceeds `maxnorm` down to it.
   */
  renorm(p: number, dim: number, maxnorm: number): Tensor {
    const x = floatingNode('renorm', this.self)
    const d = normalizeDim('renorm', dim, this.rank)
    const others = [...this.shape.keys()].filter((other) => other !== d)
    const size = restoreDims(norm(x, p, others), x, others, true)
    const [limit] = promote(maxnorm) as [Node]
    const bound = cast(limit, x.dtype)
    const scale = mul(bound, reciprocal(add(size, constant(1e-7, x.dtype))))
    return wrap(mul(x, where(wrap(size).gt(wrap(bound)).node, scale, constant(1, x.dtype))))
  }

  /** exp(x) / Σ exp(x) along `dim`. */
  softmax(dim: number): Tensor {
    const [row, d] = along('softmax', floatingNode('softmax', this.self), dim)
    return wrap(reshape(softmax(row, d), this.shape))
  }

  /** ln softmax(x) along `dim`, without overflow. */
  logSoftmax(dim: number): Tensor {
    const [row, d] = along('logSoftmax', floatingNode('logSoftmax', this.self), dim)
    return wrap(reshape(logSoftmax(row, d), this.shape))
  }
}

function extreme(kind: 'max' | 'min', x: Node, dim: number, keepdim: boolean): Chosen {
  const [row, d] = along(kind, x, dim)
  const index = reshape(argReduce(row, kind, d), keepDims(row.shape, [d]))
  return choose(row, index, d, x.shape.length, keepdim)
}

function argExtreme(name: string, x: Node, kind: 'max' | 'min', dim: number | undefined, keepdim: boolean): Node {
  if (dim === undefined) {
    const y = argReduce(flattened(x), kind, 0)
    return keepdim
      ? reshape(
          y,
          x.shape.map(() => 1),
        )
      : y
  }
  const [row, d] = along(name, x, dim)
  const y = argReduce(row, kind, d)
  return keepdim && x.shape.length > 0 ? reshape(y, keepDims(x.shape, [d])) : y
}

/** The vector norm over `dims`; `p` belongs to the structure, since it chooses the formula. */
function norm(x: Node, p: number, dims: readonly number[]): Node {
  const wide = widened(x)
  const size = abs(wide)
  const number = (value: number): Node => constant(value, wide.dtype)
  const total = (terms: Node): Node => reduce(terms, 'sum', dims)
  const zero = equal(size, number(0))
  const formula = (): Node => {
    if (p === Number.POSITIVE_INFINITY) return reduce(size, 'max', dims)
    if (p === Number.NEGATIVE_INFINITY) return reduce(size, 'min', dims)
    if (p === 0) return total(cast(logicalNot(zero), wide.dtype))
    if (p === 1) return total(size)
    if (p === 2) return flatSqrt(total(mul(wide, wide)))
    const powers = total(where(zero, number(0 ** p), pow(where(zero, number(1), size), number(p))))
    const nothing = equal(powers, number(0))
    return where(nothing, number(0), pow(where(nothing, number(1), powers), number(1 / p)))
  }
  return cast(formula(), x.dtype)
}
