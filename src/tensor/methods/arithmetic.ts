import { isFloating } from '../../core/dtype.ts'
import * as ops from '../../graph/ops/arithmetic.ts'
import type { Binary, Unary } from '../../graph/ops/define.ts'
import * as logic from '../../graph/ops/logic.ts'
import * as functions from '../../graph/ops/transcendental.ts'
import { promote, TensorBase, type TensorLike, wrap } from '../base.ts'
import type { Tensor } from '../tensor.ts'

function both(op: Binary, a: Tensor, b: TensorLike): Tensor {
  const [x, y] = promote(a, b) as [Tensor['node'], Tensor['node']]
  return wrap(op(x, y))
}

/** Integer and bool inputs of real functions become float32, as in PyTorch. */
function real(op: Unary, x: Tensor): Tensor {
  return wrap(op(isFloating(x.dtype) ? x.node : logic.cast(x.node, 'float32')))
}

/** Elementwise arithmetic. Operands are tensors or numbers; shapes broadcast and dtypes promote as in PyTorch. */
export abstract class Arithmetic extends TensorBase {
  /** this + other */
  add(other: TensorLike): Tensor {
    return both(ops.add, this.self, other)
  }

  /** this − other */
  sub(other: TensorLike): Tensor {
    return both(ops.sub, this.self, other)
  }

  /** this · other, element by element */
  mul(other: TensorLike): Tensor {
    return both(ops.mul, this.self, other)
  }

  /** this / other; integers are divided as float32. */
  div(other: TensorLike): Tensor {
    const [x, y] = promote(this.self, other) as [Tensor['node'], Tensor['node']]
    if (isFloating(x.dtype)) return wrap(ops.div(x, y))
    return wrap(ops.div(logic.cast(x, 'float32'), logic.cast(y, 'float32')))
  }

  /** this ^ exponent */
  pow(exponent: TensorLike): Tensor {
    if (exponent === 2) return both(ops.mul, this.self, this.self)
    return both(ops.pow, this.self, exponent)
  }

  neg(): Tensor {
    return wrap(ops.neg(this.node))
  }

  abs(): Tensor {
    return wrap(ops.abs(this.node))
  }

  sqrt(): Tensor {
    return real(ops.sqrt, this.self)
  }

  exp(): Tensor {
    return real(functions.exp, this.self)
  }

  log(): Tensor {
    return real(functions.log, this.self)
  }

  tanh(): Tensor {
    return real(functions.tanh, this.self)
  }

  sigmoid(): Tensor {
    return real(functions.sigmoid, this.self)
  }

  /** Elementwise maximum of two tensors. */
  maximum(other: TensorLike): Tensor {
    return both(ops.maximum, this.self, other)
  }

  /** Elementwise minimum of two tensors. */
  minimum(other: TensorLike): Tensor {
    return both(ops.minimum, this.self, other)
  }

  eq(other: TensorLike): Tensor {
    return both(logic.equal, this.self, other)
  }

  gt(other: TensorLike): Tensor {
    const [x, y] = promote(this.self, other) as [Tensor['node'], Tensor['node']]
    return wrap(logic.greater(x, y))
  }
}
