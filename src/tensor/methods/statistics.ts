import { ShapeError, ValueError } from '../../core/errors.ts'
import { formatShape, normalizeDim, normalizeDims, sizeOf } from '../../core/shape.ts'
import type { Node } from '../../graph/node.ts'
import * as ops from '../../graph/ops/arithmetic.ts'
import { matmul } from '../../graph/ops/contract.ts'
import { cumulative } from '../../graph/ops/cumulative.ts'
import { clamp, flatSqrt, isNan, lerp } from '../../graph/ops/derived.ts'
import { argSort, gather } from '../../graph/ops/indexing.ts'
import { buffer, constant, iota, scalar } from '../../graph/ops/leaves.ts'
import { cast, logicalNot, notEqual, where } from '../../graph/ops/logic.ts'
import { argReduce, keepDims, reduce } from '../../graph/ops/reduce.ts'
import { variance } from '../../graph/ops/statistics.ts'
import { broadcastTo, concat, permute, reshape, sliceDim } from '../../graph/ops/views.ts'
import { wrap } from '../base.ts'
import type { Tensor } from '../tensor.ts'
import { Counting } from './counting.ts'
import { along, type Chosen, choose, type Dims, flattened, floatingNode, type KeepDim, restoreDims } from './dims.ts'

export interface VarianceOptions extends KeepDim {
  /** Taken from the number of elements: 1 estimates from a sample, 0 describes the whole population. Default 1. */
  readonly correction?: number
}

/** How a quantile between two elements is formed from them. */
export type Interpolation = 'linear' | 'lower' | 'higher' | 'midpoint' | 'nearest'

export interface QuantileOptions extends KeepDim {
  /** Default 'linear'. */
  readonly interpolation?: Interpolation
}

export interface CovarianceOptions {
  /** Taken from the number of observations. Default 1. */
  readonly correction?: number
  /** How often each observation counts, [observations], int32. */
  readonly fweights?: Tensor
  /** How much each observation counts, [observations]. */
  readonly aweights?: Tensor
}

/** Deviation, order statistics and covariance. */
export abstract class Statistics extends Counting {
  /** Σ (x − mean)² / (n − correction) over `dims`. */
  var(dims?: Dims, { correction = 1, keepdim = false }: VarianceOptions = {}): Tensor {
    const x = floatingNode('var', this.self)
    const list = normalizeDims('var', dims, this.rank)
    return wrap(restoreDims(variance(x, list, correction), x, list, keepdim))
  }

  /** Standard deviation, the root of {@link var}; its derivative at 0 is taken as 0. */
  std(dims?: Dims, options: VarianceOptions = {}): Tensor {
    floatingNode('std', this.self)
    return wrap(flatSqrt(this.var(dims, options).node))
  }

  /** The `k`-th smallest element along `dim`, counting from 1, and its position. */
  kthvalue(k: number, dim = -1, { keepdim = false }: KeepDim = {}): Chosen {
    const [row, d] = along('kthvalue', this.node, dim)
    if (!Number.isInteger(k) || k < 1 || k > row.shape[d]!) {
      throw new ValueError('kthvalue', `expects k from 1 to ${row.shape[d]}, the size of dim ${d}, received ${k}`)
    }
    return choose(row, sliceDim(argSort(row, d, false), d, k - 1, k), d, this.rank, keepdim)
  }

  /** The median of all elements, the lower one of two; NaN if any is. */
  median(): Tensor
  /** The medians along `dim`, the lower ones of two, and their positions; NaN where any element is. */
  median(dim: number, options?: KeepDim): Chosen
  median(dim?: number, { keepdim = false }: KeepDim = {}): Tensor | Chosen {
    return medianOf('median', this.node, dim, keepdim)
  }

  /** The median of all elements that are not NaN, the lower one of two. */
  nanmedian(): Tensor
  /** The medians along `dim` of what is not NaN, the lower ones of two, and their positions. */
  nanmedian(dim: number, options?: KeepDim): Chosen
  nanmedian(dim?: number, { keepdim = false }: KeepDim = {}): Tensor | Chosen {
    return medianOf('nanmedian', this.node, dim, keepdim)
  }

  /** The most frequent element along `dim`, the smallest of equally frequent ones, and the position of its last occurrence. */
  mode(dim = -1, { keepdim = false }: KeepDim = {}): Chosen {
    const [row, d] = along('mode', this.node, dim)
    const n = row.shape[d]!
    const order = argSort(row, d, false)
    const sorted = gather(row, order, d)
    const isStart = notEqual(sliceDim(sorted, d, Math.min(1, n), n), sliceDim(sorted, d, 0, Math.max(0, n - 1)))
    const first = broadcastTo(constant(1, 'bool'), row.shape.with(d, Math.min(1, n)))
    const position = alongDim(iota(n), row, d)
    const start = cumulative(where(concat([first, isStart], d), position, constant(0, 'int32')), 'max', d)
    const end = reshape(argReduce(ops.sub(position, start), 'max', d), keepDims(row.shape, [d]))
    return choose(row, gather(order, end, d), d, this.rank, keepdim)
  }

  /**
   * The q-th quantiles (0 ≤ q ≤ 1) along `dim`, or of all elements; NaN where any element is. Several `q` give a leading
   * dimension.
   */
  quantile(q: number | readonly number[] | Tensor, dim?: number, options: QuantileOptions = {}): Tensor {
    return wrap(quantiles('quantile', this.self, q, dim, options))
  }

  /** As {@link quantile}, of what is not NaN. */
  nanquantile(q: number | readonly number[] | Tensor, dim?: number, options: QuantileOptions = {}): Tensor {
    return wrap(quantiles('nanquantile', this.self, q, dim, options))
  }

  /** Covariance of the rows of [variables, observations]; a scalar for one row given as [observations]. */
  cov({ correction = 1, fweights, aweights }: CovarianceOptions = {}): Tensor {
    const x = floatingNode('cov', this.self)
    if (this.rank > 2) {
      throw new ShapeError(
        'cov',
        `expects [variables, observations] or [observations], received ${formatShape(this.shape)}`,
      )
    }
    const rows = this.rank === 2 ? x : reshape(x, [1, this.size])
    const [variables, observations] = rows.shape as [number, number]
    for (const weights of [fweights, aweights]) {
      if (weights && (weights.rank !== 1 || weights.size !== observations)) {
        throw new ShapeError('cov', `expects weights [${observations}], received ${formatShape(weights.shape)}`)
      }
    }
    const number = (value: number): Node => constant(value, x.dtype)
    const ones = broadcastTo(number(1), [observations])
    const [f, a] = [fweights, aweights].map((weights) => (weights ? cast(weights.node, x.dtype) : undefined))
    const weight = ops.mul(f ?? ones, a ?? ones)
    const total = reduce(weight, 'sum', [0])
    const lost = a ? ops.div(reduce(ops.mul(weight, a), 'sum', [0]), total) : number(1)
    const freedom = ops.maximum(ops.sub(total, ops.mul(number(correction), lost)), number(0))
    const mean = reshape(ops.div(reduce(ops.mul(rows, weight), 'sum', [1]), total), [variables, 1])
    const distance = ops.sub(rows, mean)
    const products = matmul(ops.mul(distance, weight), permute(distance, [1, 0]))
    const covariance = ops.div(products, freedom)
    return wrap(this.rank === 2 ? covariance : reshape(covariance, []))
  }

  /** Pearson correlation of the rows of [variables, observations], in [−1, 1]. */
  corrcoef(): Tensor {
    const c = this.cov().node
    if (c.shape.length === 0) return wrap(ops.div(c, c))
    const n = c.shape[0]!
    const deviation = ops.sqrt(sliceDim(reshape(c, [n * n]), 0, 0, n * n, n + 1))
    const scaled = ops.div(ops.div(c, reshape(deviation, [n, 1])), deviation)
    return wrap(clamp(scaled, constant(-1, c.dtype), constant(1, c.dtype)))
  }
}

/** A vector shaped to broadcast along dimension `d` of x. */
function alongDim(vector: Node, x: Node, d: number): Node {
  return reshape(
    vector,
    x.shape.map((_, other) => (other === d ? vector.shape[0]! : 1)),
  )
}

function medianOf(name: 'median' | 'nanmedian', x: Node, dim: number | undefined, keepdim: boolean): Tensor | Chosen {
  if (dim === undefined) {
    if (sizeOf(x.shape) === 0) return wrap(constant(Number.NaN, x.dtype))
    return (medianOf(name, flattened(x), 0, false) as Chosen).values
  }
  const [row, d] = along(name, x, dim)
  const n = row.shape[d]!
  if (n === 0) throw new ValueError(name, `no ${name} over zero elements: shape ${formatShape(x.shape)}, dim ${d}`)
  const order = argSort(row, d, false)
  const nan = isNan(row)
  const kept = keepDims(row.shape, [d])
  const one = constant(1, 'int32')
  const two = constant(2, 'int32')
  if (name === 'nanmedian') {
    const count = reshape(reduce(cast(logicalNot(nan), 'int32'), 'sum', [d]), kept)
    const middle = ops.maximum(ops.floorDivide(ops.sub(count, one), two), constant(0, 'int32'))
    return choose(row, gather(order, middle, d), d, x.shape.length, keepdim)
  }
  const middle = sliceDim(order, d, (n - 1) >> 1, ((n - 1) >> 1) + 1)
  const found = reshape(reduce(nan, 'max', [d]), kept)
  const firstNaN = reshape(argReduce(cast(nan, 'int32'), 'max', d), kept)
  return choose(row, where(found, firstNaN, middle), d, x.shape.length, keepdim)
}

/** q as a node of x's dtype, after its range was checked. */
function quantileNode(name: string, q: number | readonly number[] | Tensor, x: Node): Node {
  if (typeof q === 'object' && 'node' in q) {
    if (q.rank > 1) throw new ShapeError(name, `expects q of at most one dimension, received ${formatShape(q.shape)}`)
    return cast(q.node, x.dtype)
  }
  for (const value of typeof q === 'number' ? [q] : q) {
    if (!(value >= 0 && value <= 1)) throw new ValueError(name, `expects 0 ≤ q ≤ 1, received ${value}`)
  }
  if (typeof q === 'number') return scalar(q, x.dtype)
  return cast(buffer(Float64Array.from(q), [q.length], 'float64'), x.dtype)
}

function quantiles(
  name: 'quantile' | 'nanquantile',
  self: Tensor,
  q: number | readonly number[] | Tensor,
  dim: number | undefined,
  { interpolation = 'linear', keepdim = false }: QuantileOptions,
): Node {
  const x = floatingNode(name, self)
  const d = dim === undefined ? 0 : normalizeDim(name, dim, x.shape.length)
  const source = dim === undefined || x.shape.length === 0 ? flattened(x) : x
  const n = source.shape[d]!
  if (n === 0) throw new ValueError(name, `no ${name} over zero elements: shape ${formatShape(x.shape)}`)
  const last = source.shape.length - 1
  const order = [...source.shape.keys()].filter((other) => other !== d)
  const rows = permute(source, [...order, d])
  const number = (value: number): Node => constant(value, x.dtype)

  const sorted = gather(rows, argSort(rows, last, false), last)
  const nan = isNan(rows)
  const present = reduce(cast(logicalNot(nan), x.dtype), 'sum', [last])
  const count = name === 'quantile' ? number(n) : reshape(present, [...present.shape, 1])
  const wanted = quantileNode(name, q, x)
  const several = reshape(wanted, [wanted.shape[0] ?? 1])
  const position = ops.maximum(ops.mul(several, ops.sub(count, number(1))), number(0))
  const shape = [...rows.shape.slice(0, last), several.shape[0]!]
  const at = (index: Node): Node => gather(sorted, broadcastTo(cast(index, 'int32'), shape), last)

  const [below, above] = [ops.floor(position), ops.ceil(position)]
  const formulas: Record<Interpolation, () => Node> = {
    linear: () => lerp(at(below), at(above), ops.sub(position, below)),
    lower: () => at(below),
    higher: () => at(above),
    midpoint: () => lerp(at(below), at(above), number(0.5)),
    nearest: () => at(ops.round(position)),
  }
  let y = formulas[interpolation]()
  if (name === 'quantile') {
    const spoilt = reduce(nan, 'max', [last])
    y = where(reshape(spoilt, [...spoilt.shape, 1]), number(Number.NaN), y)
  }

  const leading = permute(y, [last, ...order.keys()])
  const others = keepdim ? (dim === undefined ? x.shape.map(() => 1) : keepDims(x.shape, [d])) : shape.slice(0, last)
  const inner = x.shape.length === 0 ? [] : others
  return reshape(leading, [...wanted.shape, ...inner])
}
