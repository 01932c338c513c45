import { ValueError } from '../core/errors.ts'
import { scatter } from '../graph/ops/indexing.ts'
import { constant } from '../graph/ops/leaves.ts'
import { broadcastTo, reshape } from '../graph/ops/views.ts'
import { wrap } from './base.ts'
import type { Tensor } from './tensor.ts'

/**
 * Class labels [..] as vectors [.., classes] with a 1 at the label's place, int32. A label outside 0 ... classes − 1 is an
 * {@link IndexError} when the value is computed.
 */
export function oneHot(labels: Tensor, classes: number): Tensor {
  if (!Number.isInteger(classes) || classes < 1) {
    throw new ValueError('oneHot', `expects the number of classes as a whole number ≥ 1, received ${classes}`)
  }
  const zeros = broadcastTo(constant(0, 'int32'), [...labels.shape, classes])
  const places = reshape(labels.node, [...labels.shape, 1])
  return wrap(scatter(zeros, places, broadcastTo(constant(1, 'int32'), places.shape), labels.rank, 'set', 'oneHot'))
}
