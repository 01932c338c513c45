import { isFloating } from '../../core/dtype.ts'
import { DTypeError } from '../../core/errors.ts'
import { type Node, noAttrs, type Op, record } from '../node.ts'
import { div, sub } from './arithmetic.ts'
import { constant } from './leaves.ts'
import { cast, less, where } from './logic.ts'
import { widened } from './precision.ts'
import { uniform } from './random.ts'

/**
 * Zero with probability p, x / (1 − p) otherwise (Srivastava et al. 2014): inputs x, the key of the call and p (float32).
 * Linear in x, so its derivative is the same op on dy: the mask is made again from the key, not kept.
 */
export const dropoutOp: Op = {
  name: 'dropout',
  kind: 'composite',
  infer([x]) {
    if (!isFloating(x!.dtype)) throw new DTypeError('dropout', `expects a floating dtype, received ${x!.dtype}`)
    return { shape: x!.shape, dtype: x!.dtype }
  },
  decompose([x, key, p]) {
    const wide = widened(x!)
    const dropped = less(uniform(key!, wide.shape, 'float32'), p!)
    const kept = cast(sub(constant(1, 'float32'), p!), wide.dtype)
    return cast(where(dropped, constant(0, wide.dtype), div(wide, kept)), x!.dtype)
  },
  derivative: (node, dy, i) => (i === 0 ? dropout(dy, node.inputs[1]!, node.inputs[2]!) : undefined),
}

export function dropout(x: Node, key: Node, p: Node): Node {
  return record(dropoutOp, [x, key, p], noAttrs)
}
