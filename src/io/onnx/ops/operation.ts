import type { Tensor } from '../../../tensor/tensor.ts'
import { numbersOf } from '../../graphs/known.ts'
import type { Attributes } from '../attributes.ts'

/** What a node does: from its inputs to its outputs. Inputs that are left out are undefined. */
export type Operation = (inputs: readonly Tensor[], attributes: Attributes) => Tensor | readonly Tensor[]

/** Operations by ONNX's names. */
export type Operations = Readonly<Record<string, Operation>>

/** What newer operator sets give as an input, and older ones as an attribute. */
export function listOf(input: Tensor | undefined, attributes: Attributes, name: string): number[] | undefined {
  return input ? numbersOf(input) : attributes.numbers(name)
}
