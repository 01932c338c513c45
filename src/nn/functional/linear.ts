import { DTypeError, ShapeError } from '../../core/errors.ts'
import { formatShape } from '../../core/shape.ts'
import { add } from '../../graph/ops/arithmetic.ts'
import * as composite from '../../graph/ops/composite.ts'
import { contract } from '../../graph/ops/contract.ts'
import { wrap } from '../../tensor/base.ts'
import type { Tensor } from '../../tensor/tensor.ts'

/** x · weightᵀ + bias: x [.., in], weight [out, in], bias [out] → [.., out]. */
export function linear(x: Tensor, weight: Tensor, bias?: Tensor | null): Tensor {
  return wrap(composite.linear(x.node, weight.node, bias?.node))
}

/**
 * y_o = x1ᵀ · weight_o · x2 + bias_o: x1 [.., in1], x2 [.., in2], weight [out, in1, in2], bias [out] → [.., out].
 * Throws a {@link ShapeError} where these differ, leading dimensions included.
 */
export function bilinear(x1: Tensor, x2: Tensor, weight: Tensor, bias?: Tensor | null): Tensor {
  const lead = x1.shape.slice(0, -1)
  const [out, in1, in2] = weight.shape
  const fits =
    weight.rank === 3 &&
    x1.shape.at(-1) === in1 &&
    x2.shape.at(-1) === in2 &&
    x2.rank === x1.rank &&
    lead.every((n, d) => n === x2.shape[d])
  if (!fits) {
    throw new ShapeError(
      'bilinear',
      `inputs ${formatShape(x1.shape)} and ${formatShape(x2.shape)} do not fit weight [out, in1, in2] ${formatShape(weight.shape)}: leading sizes must be equal, the last ones in1 and in2`,
    )
  }
  if (bias && (bias.rank !== 1 || bias.shape[0] !== out)) {
    throw new ShapeError('bilinear', `bias must be [${out}], received ${formatShape(bias.shape)}`)
  }
  for (const other of [x2, weight, ...(bias ? [bias] : [])]) {
    if (other.dtype !== x1.dtype) {
      throw new DTypeError('bilinear', `all tensors must share one dtype, received ${x1.dtype} and ${other.dtype}`)
    }
  }
  const left = contract(x1.node, weight.node, { batch: [[], []], reduce: [[x1.rank - 1], [1]] })
  const dims = lead.map((_, d) => d)
  const y = contract(left, x2.node, { batch: [dims, dims], reduce: [[x1.rank], [x1.rank - 1]] })
  return wrap(bias ? add(y, bias.node) : y)
}
