import { isFloating } from '../../core/dtype.ts'
import { interpret } from '../../graph/interpret.ts'
import { buffer } from '../../graph/ops/leaves.ts'
import { Tensor } from '../../tensor/tensor.ts'

/* Graphs of other libraries reckon with shapes and positions as with everything else, and what is recorded depends on them. */

/** A vector of whole numbers that are known. */
export function integers(values: readonly number[]): Tensor {
  return new Tensor(buffer(Int32Array.from(values), [values.length], 'int32'))
}

/** The elements of a tensor that shapes and positions depend on. */
export function numbersOf(x: Tensor): number[] {
  return [...x.dataSync()]
}

/** The one element of such a tensor. */
export function numberOf(x: Tensor): number {
  return x.itemSync()
}

/** Shapes and positions are far fewer; what is larger is data. */
const mostSettled = 2 ** 20

/** Integers and truth values that come of known ones, computed at once. */
export function settled(x: Tensor, inputs: readonly (Tensor | undefined)[]): Tensor {
  if (
    isFloating(x.dtype) ||
    x.isRealized ||
    x.size > mostSettled ||
    !inputs.every((input) => !input || input.isRealized)
  )
    return x
  const [value] = interpret([x.node])
  return new Tensor(buffer(value!, x.shape, x.dtype))
}
