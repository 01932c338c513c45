import type { Tensor } from '../../../tensor/tensor.ts'
import type { Attributes } from './attributes.ts'

/** What a node of the graph does: from its inputs to its outputs. */
export type Operation = (inputs: readonly Tensor[], attributes: Attributes) => Tensor | readonly Tensor[]

/** Operations by TensorFlow's names. */
export type Operations = Readonly<Record<string, Operation>>
