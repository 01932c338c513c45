import { interpret } from '../../../graph/interpret.ts'
import { buffer } from '../../../graph/ops/leaves.ts'
import { isFloating } from '../../../core/dtype.ts'
import { Tensor } from '../../../tensor/tensor.ts'
import type { Attributes } from './attributes.ts'

/** What a node of the graph does: from its inputs to its outputs. */
export type Operation = (inputs: readonly Tensor[], attributes: Attributes) => Tensor | readonly Tensor[]

/** Operations by TensorFlow's names. */
export type Operations = Readonly<Record<string, Operation>>

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

/**
 * Integers and truth values that come of known ones, computed at once: graphs of TensorFlow reckon with shapes and positions as with
 * everything else, and what is recorded depends on them.
 */
export function settled(x: Tensor, inputs: readonly Tensor[]): Tensor {
  if (isFloating(x.dtype) || x.isRealized || !inputs.every((input) => input.isRealized)) return x
  const [value] = interpret([x.node])
  return new Tensor(buffer(value!, x.shape, x.dtype))
}
