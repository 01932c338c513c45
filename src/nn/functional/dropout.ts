import { ShapeError, ValueError } from '../../core/errors.ts'
import { formatShape } from '../../core/shape.ts'
import type { Node } from '../../graph/node.ts'
import { add, mul, sub } from '../../graph/ops/arithmetic.ts'
import * as ops from '../../graph/ops/dropout.ts'
import { constant, scalar } from '../../graph/ops/leaves.ts'
import { cast, lessEqual } from '../../graph/ops/logic.ts'
import { uniform } from '../../graph/ops/random.ts'
import { broadcastTo } from '../../graph/ops/views.ts'
import { wrap } from '../../tensor/base.ts'
import { drawKey, type SamplingOptions } from '../../tensor/random.ts'
import type { Tensor } from '../../tensor/tensor.ts'

export interface DropoutOptions extends SamplingOptions {
  /** Probability of zero. Default 0.5. */
  readonly p?: number
  /** Pass x on unchanged when false. Default true. */
  readonly training?: boolean
}

function checkProbability(op: string, p: number): void {
  if (!(p >= 0 && p <= 1)) throw new ValueError(op, `p must be between 0 and 1, received ${p}`)
}

/**
 * Zero with probability p, x / (1 − p) otherwise, element by element (Srivastava et al. 2014). Every call draws its own
 * random numbers.
 */
export function dropout(x: Tensor, { p = 0.5, training = true, generator }: DropoutOptions = {}): Tensor {
  checkProbability('dropout', p)
  if (!training || p === 0) return x
  return wrap(ops.dropout(x.node, drawKey(generator), scalar(p, 'float32')))
}

/** {@link dropout} of whole channels of x [N, C, L] or [C, L]. */
export function dropout1d(x: Tensor, options: DropoutOptions = {}): Tensor {
  return channelDropout('dropout1d', x, 1, options)
}

/** {@link dropout} of whole channels of x [N, C, H, W] or [C, H, W] (Tompson et al. 2014). */
export function dropout2d(x: Tensor, options: DropoutOptions = {}): Tensor {
  return channelDropout('dropout2d', x, 2, options)
}

/** {@link dropout} of whole channels of x [N, C, D, H, W] or [C, D, H, W]. */
export function dropout3d(x: Tensor, options: DropoutOptions = {}): Tensor {
  return channelDropout('dropout3d', x, 3, options)
}

function channelDropout(
  op: string,
  x: Tensor,
  rank: number,
  { p = 0.5, training = true, generator }: DropoutOptions,
): Tensor {
  checkProbability(op, p)
  if (x.rank !== rank + 1 && x.rank !== rank + 2) {
    throw new ShapeError(
      op,
      `expects [N, C, ...] or [C, ...] with ${rank} spatial sizes, received ${formatShape(x.shape)}`,
    )
  }
  if (!training || p === 0) return x
  const shape = x.shape.map((n, d) => (d < x.rank - rank ? n : 1))
  const ones = broadcastTo(constant(1, x.dtype), shape)
  return wrap(mul(x.node, ops.dropout(ones, drawKey(generator), scalar(p, 'float32'))))
}

/** −λ · α of selu: what dropped units are set to. */
const saturation = -1.7580993408473766

/**
 * Dropout that keeps mean 0 and variance 1 of units that follow selu: dropped units become selu's lower bound, and all are
 * shifted and scaled (Klambauer et al. 2017).
 */
export function alphaDropout(x: Tensor, { p = 0.5, training = false, generator }: DropoutOptions = {}): Tensor {
  checkProbability('alphaDropout', p)
  if (!training || p === 0) return x
  return wrap(alpha(x.node, x.shape, p, drawKey(generator)))
}

/** {@link alphaDropout} of whole channels of x [N, C, ...]. */
export function featureAlphaDropout(x: Tensor, { p = 0.5, training = false, generator }: DropoutOptions = {}): Tensor {
  checkProbability('featureAlphaDropout', p)
  if (x.rank < 2) {
    throw new ShapeError('featureAlphaDropout', `expects an input [N, C, ...], received ${formatShape(x.shape)}`)
  }
  if (!training || p === 0) return x
  const shape = x.shape.map((n, d) => (d < 2 ? n : 1))
  return wrap(alpha(x.node, shape, p, drawKey(generator)))
}

/** a · (kept ? x : saturation) + b with a = ((saturation² p + 1) (1 − p))^{−½}, b = −a · saturation · p. */
function alpha(x: Node, shape: readonly number[], p: number, key: Node): Node {
  const kept = cast(lessEqual(scalar(p, 'float32'), uniform(key, shape, 'float32')), x.dtype)
  const a = p === 1 ? 0 : 1 / Math.sqrt((saturation ** 2 * p + 1) * (1 - p))
  const value = (number: number): Node => scalar(number, x.dtype)
  const dropped = mul(sub(constant(1, x.dtype), kept), value(saturation * a))
  return add(mul(mul(x, kept), value(a)), add(dropped, value(-a * saturation * p)))
}
