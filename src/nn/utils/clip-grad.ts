import { ValueError } from '../../core/errors.ts'
import { type Node, withGrad } from '../../graph/node.ts'
import { mul } from '../../graph/ops/arithmetic.ts'
import { clamp } from '../../graph/ops/derived.ts'
import { scalar } from '../../graph/ops/leaves.ts'
import { cast } from '../../graph/ops/logic.ts'
import { touchSlot } from '../../runtime/capture.ts'
import { zeros } from '../../tensor/creation.ts'
import { stack } from '../../tensor/joining.ts'
import type { Tensor } from '../../tensor/tensor.ts'

export interface ClipNormOptions {
  /** Which norm, ∞ included. Default 2. */
  readonly normType?: number
}

function gradientsOf(parameters: Tensor | Iterable<Tensor>): { parameter: Tensor; grad: Tensor }[] {
  const list = Symbol.iterator in parameters ? [...new Set(parameters)] : [parameters]
  return list.flatMap((parameter) => (parameter.grad ? [{ parameter, grad: parameter.grad }] : []))
}

/** Replaces a gradient. No tensor is made of the new one, so that its memory is used again with the next. */
function leave({ node: { slot } }: Tensor, grad: Node): void {
  if (!slot) return
  touchSlot(slot, true)
  slot.grad = grad
}

/**
 * Scales all gradients by one factor so that their joint norm is at most `maxNorm` (Pascanu et al. 2013), and returns the
 * norm before. Call it between `backward()` and `step()`.
 */
export function clipGradNorm(
  parameters: Tensor | Iterable<Tensor>,
  maxNorm: number,
  { normType = 2 }: ClipNormOptions = {},
): Tensor {
  if (!(maxNorm >= 0)) throw new ValueError('clipGradNorm', `maxNorm must be ≥ 0, received ${maxNorm}`)
  const found = gradientsOf(parameters)
  if (found.length === 0) return zeros([])
  return withGrad(false, () => {
    const norms = found.map(({ grad }) => grad.norm(normType).to('float32'))
    const total = stack(norms).norm(normType)
    const factor = total.add(1e-6).reciprocal().mul(maxNorm).minimum(1)
    for (const { parameter, grad } of found) leave(parameter, mul(grad.node, cast(factor.node, grad.dtype)))
    return total
  })
}

/** Limits each element of all gradients to ±`clipValue`. Call it between `backward()` and `step()`. */
export function clipGradValue(parameters: Tensor | Iterable<Tensor>, clipValue: number): void {
  if (!(clipValue >= 0)) throw new ValueError('clipGradValue', `clipValue must be ≥ 0, received ${clipValue}`)
  withGrad(false, () => {
    for (const { parameter, grad } of gradientsOf(parameters)) {
      const { node, dtype } = grad
      leave(parameter, clamp(node, scalar(-clipValue, dtype), scalar(clipValue, dtype)))
    }
  })
}
