import { ValueError } from '../core/errors.ts'
import type { Node } from '../graph/node.ts'
import { sign } from '../graph/ops/arithmetic.ts'
import { greater, less, where } from '../graph/ops/logic.ts'
import type { Tensor } from '../tensor/tensor.ts'
import { checkNotNegative } from './checks.ts'
import { FirstOrder, type Recorded, type Update } from './first-order.ts'
import { argument, descent, maximum, minimum, mul, sub } from './formula.ts'
import type { GroupOptions, Params } from './optimizer.ts'
import { stateLike } from './state.ts'

export interface RpropOptions extends GroupOptions {
  /** Size of the first step. Default 1e-2. */
  lr: number
  /** Factors on the step size where the gradient's sign turned, and where it stayed. Default [0.5, 1.2]. */
  etas: readonly [number, number]
  /** Smallest and largest step. Default [1e-6, 50]. */
  stepSizes: readonly [number, number]
  /** Climb instead of descend. Default false. */
  maximize: boolean
}

type RpropState = { step: number; prev: Tensor; stepSize: Tensor }

/**
 * Resilient back-propagation for full batches (Riedmiller & Braun, "A direct adaptive method for faster backpropagation
 * learning: the RPROP algorithm", 1993): only the gradient's sign counts, each weight has a step size of its own.
 *
 *     s ← g · g′                                      (g′: the gradient of the last step)
 *     Δ ← clamp(Δ · (s > 0 ? η⁺ : s < 0 ? η⁻ : 1), smallest, largest)
 *     g ← s < 0 ? 0 : g
 *     p ← p − sign(g) · Δ,   g′ ← g
 */
export class Rprop extends FirstOrder<RpropOptions, RpropState> {
  constructor(
    params: Params<RpropOptions>,
    { lr = 1e-2, etas = [0.5, 1.2], stepSizes = [1e-6, 50], maximize = false }: Partial<RpropOptions> = {},
  ) {
    super(params, { lr, etas, stepSizes, maximize })
  }

  protected check({ lr, etas }: RpropOptions): void {
    checkNotNegative(this.name, { lr })
    const [down, up] = etas
    if (!(0 < down && down < 1 && 1 < up)) {
      throw new ValueError(this.name, `etas must satisfy 0 < η⁻ < 1 < η⁺, received [${etas.join(', ')}]`)
    }
  }

  protected complete(known: Partial<RpropState>, p: Node, { lr }: RpropOptions): RpropState {
    return {
      step: known.step ?? 0,
      prev: known.prev ?? stateLike(p),
      stepSize: known.stepSize ?? stateLike(p, lr),
    }
  }

  protected update(p: Node, grad: Node, state: Recorded<RpropState>, options: RpropOptions): Update<RpropState> {
    const [down, up] = options.etas
    const [smallest, largest] = options.stepSizes
    const value = (x: number): Node => argument(x, p.dtype)
    const g = descent(p, grad, options)
    const agreement = mul(g, state.prev)
    const turned = less(agreement, value(0))
    const factor = where(greater(agreement, value(0)), value(up), where(turned, value(down), value(1)))
    const stepSize = minimum(maximum(mul(state.stepSize, factor), smallest), largest)
    const kept = where(turned, value(0), g)
    return [sub(p, mul(sign(kept), stepSize)), { step: state.step + 1, prev: kept, stepSize }]
  }
}
