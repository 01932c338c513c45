import { type DType, isFloating } from '../core/dtype.ts'
import type { Node } from '../graph/node.ts'
import { assignment, buffer } from '../graph/ops/leaves.ts'
import { cast } from '../graph/ops/logic.ts'
import { assign, rememberLeaf } from '../runtime/realize.ts'
import { Tensor } from '../tensor/tensor.ts'

export interface ParameterOptions {
  /** Whether training changes it. Default true for floating tensors; integers cannot be trained. */
  readonly requiresGrad?: boolean
}

/**
 * A tensor that belongs to a module and is learned. It starts as a copy of `data`; optimizers and
 * initialisers give it new values with `assign`.
 */
export class Parameter extends Tensor {
  constructor(data: Tensor, { requiresGrad = isFloating(data.dtype) }: ParameterOptions = {}) {
    super(ownLeaf(data))
    this.requireGrad(requiresGrad)
    if (!this.isRealized) rememberLeaf(this)
  }
}

export interface BufferOptions {
  /** Whether the buffer is part of the state dict. Default true. */
  readonly persistent?: boolean
}

/** A tensor that belongs to a module but is not learned, such as running statistics: it moves and is saved with the module. */
export class Buffer extends Tensor {
  readonly persistent: boolean

  constructor(data: Tensor, { persistent = true }: BufferOptions = {}) {
    super(ownLeaf(data))
    this.persistent = persistent
    if (!this.isRealized) rememberLeaf(this)
  }
}

/** A leaf with the value of `data`, which changes no more when `data` does. */
function ownLeaf({ node }: Tensor): Node {
  if (!node.value) return assignment(node, false)
  const leaf = buffer(node.value.slice(), node.shape, node.dtype)
  leaf.readsVariable = true
  return leaf
}

/** Converts the leaf itself, and the gradient it has collected. */
export function convertLeaf(leaf: Parameter | Buffer, dtype: DType): void {
  if (leaf.dtype === dtype) return
  const grad = leaf.grad
  assign(leaf, cast(leaf.node, dtype))
  if (grad) leaf.node.slot = { grad: cast(grad.node, dtype) }
}
