import { type DType, isFloating, resultType } from '../../core/dtype.ts'
import type { Node } from '../../graph/node.ts'
import { cast } from '../../graph/ops/logic.ts'
import { promote, promoteTo, type TensorLike, wrap } from '../base.ts'
import type { Tensor } from '../tensor.ts'

/* How methods apply ops to operands of several dtypes. */

/** An op of two operands in their common dtype. */
export function both(op: (a: Node, b: Node) => Node, a: TensorLike, b: TensorLike): Tensor {
  const [x, y] = promote(a, b) as [Node, Node]
  return wrap(op(x, y))
}

/** The common dtype of real functions: integers and bools count as float32, as in PyTorch. */
export function realType(...operands: readonly TensorLike[]): DType {
  const dtype = resultType(...operands.map((x) => (typeof x === 'number' ? x : x.node)))
  return isFloating(dtype) ? dtype : 'float32'
}

/** `x` as a floating node: integers and bools become float32. */
export function realNode(x: Tensor): Node {
  return isFloating(x.dtype) ? x.node : cast(x.node, 'float32')
}

/** A real function of one operand. */
export function real(op: (x: Node) => Node, x: Tensor): Tensor {
  return wrap(op(realNode(x)))
}

/** A real function of two operands in their common floating dtype. */
export function realBoth(op: (a: Node, b: Node) => Node, a: TensorLike, b: TensorLike): Tensor {
  const [x, y] = promoteTo(realType(a, b), a, b) as [Node, Node]
  return wrap(op(x, y))
}
