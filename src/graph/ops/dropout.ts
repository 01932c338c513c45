import type { Shape } from '../../core/shape.ts'
import { type Node, noAttrs, type Op, record } from '../node.ts'
import { add, div, mul, sub } from './arithmetic.ts'
import { constant, randomBits } from './leaves.ts'
import { cast, less, shiftRightLogical, where } from './logic.ts'
import { widened } from './precision.ts'

/** Uniform float32 numbers in [0, 1) with 24 random bits each, under the key of one random call. */
export function uniformFrom(key: Node, shape: Shape, stream = 0): Node {
  const high = cast(shiftRightLogical(randomBits(key, shape, stream), constant(8, 'int32')), 'float32')
  return mul(high, constant(2 ** -24, 'float32'))
}

/** Uniform numbers in (0, 1]. */
export function positiveUniformFrom(key: Node, shape: Shape, stream = 0): Node {
  return add(uniformFrom(key, shape, stream), constant(2 ** -24, 'float32'))
}

/**
 * Zero with probability p, x / (1 − p) otherwise (Srivastava et al. 2014): inputs x, the key of the call and p (float32).
 * Linear in x, so its derivative is the same op on dy: the mask is made again from the key, not kept.
 */
export const dropoutOp: Op = {
  name: 'dropout',
  kind: 'composite',
  infer: ([x]) => ({ shape: x!.shape, dtype: x!.dtype }),
  decompose([x, key, p]) {
    const wide = widened(x!)
    const dropped = less(uniformFrom(key!, wide.shape), p!)
    const kept = cast(sub(constant(1, 'float32'), p!), wide.dtype)
    return cast(where(dropped, constant(0, wide.dtype), div(wide, kept)), x!.dtype)
  },
  derivative: (node, dy, i) => (i === 0 ? dropout(dy, node.inputs[1]!, node.inputs[2]!) : undefined),
}

export function dropout(x: Node, key: Node, p: Node): Node {
  return record(dropoutOp, [x, key, p], noAttrs)
}
