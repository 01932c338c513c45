import { ShapeError, ValueError } from '../../core/errors.ts'
import { formatShape } from '../../core/shape.ts'
import { div, mul } from '../../graph/ops/arithmetic.ts'
import { cumulative } from '../../graph/ops/cumulative.ts'
import { argSort } from '../../graph/ops/indexing.ts'
import { cast, detach, less, lessEqual } from '../../graph/ops/logic.ts'
import { widened } from '../../graph/ops/precision.ts'
import { exponential, uniform } from '../../graph/ops/random.ts'
import { reduce } from '../../graph/ops/reduce.ts'
import { reshape, sliceDim } from '../../graph/ops/views.ts'
import { wrap } from '../base.ts'
import { drawKey, type SamplingOptions } from '../random.ts'
import type { Tensor } from '../tensor.ts'
import { floatingNode } from './dims.ts'
import { Functions } from './functions.ts'

export interface MultinomialOptions extends SamplingOptions {
  /** Whether the same category may be drawn twice. Default false. */
  readonly replacement?: boolean
}

/** Random numbers whose distribution is given by a tensor. No gradient flows through them. */
export abstract class Sampling extends Functions {
  /** 1 with the probabilities that this tensor holds, 0 otherwise; of the same shape and dtype. */
  bernoulli({ generator }: SamplingOptions = {}): Tensor {
    const p = widened(detach(floatingNode('bernoulli', this.self)))
    return wrap(cast(less(uniform(drawKey(generator), p.shape, p.dtype), p), this.dtype))
  }

  /**
   * Draws `count` categories from each row of weights ≥ 0, [categories] or [rows, categories], which need not sum to 1.
   * int32, [count] or [rows, count]. Without replacement, categories of weight 0 come when no others are left.
   */
  multinomial(count: number, { replacement = false, generator }: MultinomialOptions = {}): Tensor {
    const weights = widened(detach(floatingNode('multinomial', this.self)))
    const { shape, dtype } = weights
    if (shape.length !== 1 && shape.length !== 2) {
      throw new ShapeError('multinomial', `expects [categories] or [rows, categories], received ${formatShape(shape)}`)
    }
    const categories = shape.at(-1) ?? 0
    if (!Number.isInteger(count) || count < 1 || (!replacement && count > categories)) {
      const most = replacement ? '' : ` to ${categories}, the number of categories`
      throw new ValueError('multinomial', `expects a whole number of draws from 1${most}, received ${count}`)
    }
    const last = shape.length - 1
    const key = drawKey(generator)
    if (!replacement) {
      // The categories in the order of exponential waiting times with these rates (Efraimidis & Spirakis 2006).
      const times = div(exponential(key, shape, dtype), weights)
      return wrap(sliceDim(argSort(times, last, false), last, 0, count))
    }
    const upTo = cumulative(weights, 'sum', last)
    const total = sliceDim(upTo, last, categories - 1, categories)
    const rows = shape.slice(0, last)
    const points = mul(uniform(key, [...rows, count], dtype), total)
    const passed = lessEqual(reshape(upTo, [...rows, 1, categories]), reshape(points, [...rows, count, 1]))
    return wrap(reduce(cast(passed, 'int32'), 'sum', [last + 1]))
  }
}
