import { DTypeError, ShapeError, ValueError } from '../../core/errors.ts'
import { formatShape } from '../../core/shape.ts'
import type { Node } from '../../graph/node.ts'
import * as ops from '../../graph/ops/arithmetic.ts'
import { scatter } from '../../graph/ops/indexing.ts'
import { constant, iota, scalar } from '../../graph/ops/leaves.ts'
import { and, cast, equal, lessEqual, where } from '../../graph/ops/logic.ts'
import { reduce } from '../../graph/ops/reduce.ts'
import { broadcastTo, reshape, sliceDim } from '../../graph/ops/views.ts'
import { wrap } from '../base.ts'
import type { Tensor } from '../tensor.ts'
import { Cumulative } from './cumulative.ts'
import { flattened, floatingNode } from './dims.ts'

export interface Bins {
  /** Number of bins of equal width. Default 100. */
  readonly bins?: number
  /** The lower end; with `max` equal to it the range of the data is taken. Default 0. */
  readonly min?: number
  /** The upper end, which belongs to the last bin. Default 0. */
  readonly max?: number
}

export interface HistogramOptions {
  /** Lower and upper end when the number of bins is given. Default: those of the data. */
  readonly range?: readonly [low: number, high: number]
  /** How much each element counts, shaped like the tensor. Default 1. */
  readonly weight?: Tensor
  /** Scale so that the area under the histogram is 1. Default false. */
  readonly density?: boolean
}

/** How often values occur. */
export abstract class Counting extends Cumulative {
  /** How many elements fall into each of `bins` bins of equal width. Elements outside [min, max] are left out. */
  histc({ bins = 100, min = 0, max = 0 }: Bins = {}): Tensor {
    const x = flattened(floatingNode('histc', this.self))
    if (!Number.isInteger(bins) || bins < 1) throw new ValueError('histc', `expects at least one bin, received ${bins}`)
    if (max < min) throw new ValueError('histc', `expects min ≤ max, received min ${min}, max ${max}`)
    const number = (value: number): Node => scalar(value, x.dtype)
    const ofData = min === max && x.shape[0]! > 0
    const [least, most] = ofData ? [reduce(x, 'min', [0]), reduce(x, 'max', [0])] : [number(min), number(max)]
    const margin = cast(equal(least, most), x.dtype)
    const [low, high] = [ops.sub(least, margin), ops.add(most, margin)]
    const inside = and(lessEqual(low, x), lessEqual(x, high))
    const position = ops.mul(ops.div(ops.sub(x, low), ops.sub(high, low)), constant(bins, x.dtype))
    const index = cast(where(inside, ops.minimum(position, constant(bins - 1, x.dtype)), number(0)), 'int32')
    const none = broadcastTo(constant(0, x.dtype), [bins])
    return wrap(scatter(none, index, cast(inside, x.dtype), 0, 'add', 'histc'))
  }

  /**
   * How often each of 0, 1, 2 ... occurs among the integers [n], or the sum of their `weights` [n]. The result reaches up to
   * the largest value and has at least `minlength` elements.
   */
  async bincount({
    weights,
    minlength = 0,
  }: {
    readonly weights?: Tensor
    readonly minlength?: number
  } = {}): Promise<Tensor> {
    if (this.dtype !== 'int32' && this.dtype !== 'uint8') {
      throw new DTypeError('bincount', `expects int32 or uint8, received ${this.dtype}`)
    }
    if (this.rank !== 1) throw new ShapeError('bincount', `expects one dimension, received ${formatShape(this.shape)}`)
    if (weights && (weights.rank !== 1 || weights.size !== this.size)) {
      throw new ShapeError('bincount', `expects weights [${this.size}], received ${formatShape(weights.shape)}`)
    }
    let length = minlength
    for (const value of await this.data()) {
      if (value < 0) throw new ValueError('bincount', `expects no negative values, received ${value}`)
      length = Math.max(length, value + 1)
    }
    const counted = weights?.node ?? broadcastTo(constant(1, 'int32'), [this.size])
    const none = broadcastTo(constant(0, counted.dtype), [length])
    return wrap(scatter(none, this.node, counted, 0, 'add', 'bincount'))
  }

  /**
   * How many elements fall into each bin, given the number of bins of equal width or the increasing edges [bins + 1]. A bin
   * holds its lower edge; the last one its upper edge, too. Elements outside are left out.
   */
  histogram(bins: number | Tensor, { range, weight, density = false }: HistogramOptions = {}): Histogram {
    const x = flattened(floatingNode('histogram', this.self))
    if (weight && weight.size !== this.size) {
      throw new ShapeError(
        'histogram',
        `expects weights ${formatShape(this.shape)}, received ${formatShape(weight.shape)}`,
      )
    }
    const edges = typeof bins === 'number' ? evenEdges(x, bins, range) : cast(bins.node, x.dtype)
    const count = edges.shape[0]! - 1
    const [lower, upper] = [sliceDim(edges, 0, 0, count), sliceDim(edges, 0, 1, count + 1)]
    const last = sliceDim(edges, 0, count, count + 1)
    const inside = and(lessEqual(sliceDim(edges, 0, 0, 1), x), lessEqual(x, last))
    const passed = cast(lessEqual(reshape(upper, [1, count]), reshape(x, [x.shape[0]!, 1])), 'int32')
    const index = ops.minimum(reduce(passed, 'sum', [1]), constant(count - 1, 'int32'))
    const counted = where(
      inside,
      weight ? cast(flattened(weight.node), x.dtype) : constant(1, x.dtype),
      constant(0, x.dtype),
    )
    const none = broadcastTo(constant(0, x.dtype), [count])
    const hist = scatter(none, index, counted, 0, 'add', 'histogram')
    const scaled = density ? ops.div(hist, ops.mul(reduce(hist, 'sum', [0]), ops.sub(upper, lower))) : hist
    return { hist: wrap(scaled), binEdges: wrap(edges) }
  }
}

export interface Histogram {
  /** [bins] */
  readonly hist: Tensor
  /** [bins + 1] */
  readonly binEdges: Tensor
}

/** bins + 1 edges at equal distances; around a single value a bin of width 1. */
function evenEdges(x: Node, bins: number, range: HistogramOptions['range']): Node {
  if (!Number.isInteger(bins) || bins < 1) {
    throw new ValueError('histogram', `expects at least one bin, received ${bins}`)
  }
  if (range && !(range[0] <= range[1])) {
    throw new ValueError('histogram', `expects a range [low, high], received ${formatShape(range)}`)
  }
  const number = (value: number): Node => constant(value, x.dtype)
  const given = range ?? (x.shape[0] === 0 ? [0, 0] : undefined)
  const [least, most] = given
    ? given.map((end) => scalar(end, x.dtype))
    : [reduce(x, 'min', [0]), reduce(x, 'max', [0])]
  const margin = ops.mul(number(0.5), cast(equal(least!, most!), x.dtype))
  const [low, high] = [ops.sub(least!, margin), ops.add(most!, margin)]
  const steps = ops.div(iota(bins + 1, x.dtype), number(bins))
  return ops.add(ops.mul(low, ops.sub(number(1), steps)), ops.mul(high, steps))
}
