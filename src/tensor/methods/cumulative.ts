import { ShapeError, ValueError } from '../../core/errors.ts'
import { formatShape } from '../../core/shape.ts'
import type { Node } from '../../graph/node.ts'
import { sub } from '../../graph/ops/arithmetic.ts'
import { cumulative } from '../../graph/ops/cumulative.ts'
import { isNan } from '../../graph/ops/derived.ts'
import { gather } from '../../graph/ops/indexing.ts'
import { constant, iota } from '../../graph/ops/leaves.ts'
import { equal, logicalOr, where, xor } from '../../graph/ops/logic.ts'
import { keepDims } from '../../graph/ops/reduce.ts'
import { concat, reshape, sliceDim } from '../../graph/ops/views.ts'
import { promote, wrap } from '../base.ts'
import type { Tensor } from '../tensor.ts'
import { along, type Chosen, counting, floatingNode } from './dims.ts'
import { Sampling } from './sampling.ts'

export interface Surroundings {
  /** Joined before the first element along the dimension. Default: nothing. */
  readonly prepend?: Tensor
  /** Joined behind the last element along the dimension. Default: nothing. */
  readonly append?: Tensor
}

/** Running sums, products and extremes along one dimension, and differences of neighbours. */
export abstract class Cumulative extends Sampling {
  /** y_i = Σ_{k ≤ i} x_k; integers and bools are summed in int32. */
  cumsum(dim: number): Tensor {
    const [row, d] = along('cumsum', counting(this.node), dim)
    return wrap(reshape(cumulative(row, 'sum', d), this.shape))
  }

  /** y_i = Π_{k ≤ i} x_k; integers and bools are multiplied in int32. */
  cumprod(dim: number): Tensor {
    const [row, d] = along('cumprod', counting(this.node), dim)
    return wrap(reshape(cumulative(row, 'prod', d), this.shape))
  }

  /** y_i = ln Σ_{k ≤ i} exp(x_k), without overflow. */
  logcumsumexp(dim: number): Tensor {
    const [row, d] = along('logcumsumexp', floatingNode('logcumsumexp', this.self), dim)
    return wrap(reshape(cumulative(row, 'logSumExp', d), this.shape))
  }

  /** The largest element so far and its position, the last of equal ones. NaN stays once met. */
  cummax(dim: number): Chosen {
    return runningExtreme('cummax', 'max', this.node, dim)
  }

  /** The smallest element so far and its position, the last of equal ones. NaN stays once met. */
  cummin(dim: number): Chosen {
    return runningExtreme('cummin', 'min', this.node, dim)
  }

  /** Differences x_{i+1} − x_i along `dim`, taken `n` times; the exclusive or of bools. */
  diff(n = 1, dim = -1, { prepend, append }: Surroundings = {}): Tensor {
    if (!Number.isInteger(n) || n < 0) throw new ValueError('diff', `expects a whole order ≥ 0, received ${n}`)
    if (this.rank === 0) throw new ShapeError('diff', `expects at least one dimension, received ${formatShape([])}`)
    const [x, d] = along('diff', this.node, dim)
    const parts = promote(...[prepend, wrap(x), append].filter((part) => part !== undefined))
    let y = concat(parts, d)
    for (let order = 0; order < n; order++) {
      const extent = y.shape[d]!
      const [later, earlier] = [sliceDim(y, d, Math.min(1, extent), extent), sliceDim(y, d, 0, Math.max(0, extent - 1))]
      y = y.dtype === 'bool' ? xor(later, earlier) : sub(later, earlier)
    }
    return wrap(y)
  }
}

/** Where an element equals the running extreme a new record stands; the latest record is the extreme's position. */
function runningExtreme(name: string, kind: 'max' | 'min', x: Node, dim: number): Chosen {
  const [row, d] = along(name, x, dim)
  const isRecord = logicalOr(equal(row, cumulative(row, kind, d)), isNan(row))
  const others = [...row.shape.keys()].filter((other) => other !== d)
  const position = reshape(iota(row.shape[d]!), keepDims(row.shape, others))
  const index = cumulative(where(isRecord, position, constant(0, 'int32')), 'max', d)
  return { values: wrap(reshape(gather(row, index, d), x.shape)), indices: wrap(reshape(index, x.shape)) }
}
