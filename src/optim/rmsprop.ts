import type { Node } from '../graph/node.ts'
import { sqrt } from '../graph/ops/arithmetic.ts'
import type { Tensor } from '../tensor/tensor.ts'
import { checkNotNegative } from './checks.ts'
import { FirstOrder, type Recorded, type Update } from './first-order.ts'
import { add, decay, descent, div, mul, square, sub } from './formula.ts'
import type { GroupOptions, Params } from './optimizer.ts'
import { stateLike } from './state.ts'

export interface RMSpropOptions extends GroupOptions {
  /** Learning rate. Default 1e-2. */
  lr: number
  /** Decay rate of the running mean of squared gradients. Default 0.99. */
  alpha: number
  /** Added to the denominator. Default 1e-8. */
  eps: number
  /** L2 penalty, added to the gradient. Default 0. */
  weightDecay: number
  /** Share of the last step that is kept. Default 0. */
  momentum: number
  /** Divide by the standard deviation instead of the root mean square (Graves, arXiv:1308.0850, 2013). Default false. */
  centered: boolean
  /** Climb instead of descend. Default false. */
  maximize: boolean
}

type RMSpropState = { step: number; squareAvg: Tensor; momentumBuffer?: Tensor; gradAvg?: Tensor }

/**
 * RMSprop (Tieleman & Hinton, "Neural networks for machine learning", lecture 6.5, 2012):
 *
 *     g ← ∇f(p) + weightDecay · p
 *     v ← α·v + (1 − α)·g²
 *     r ← √v + eps                                    (centred: a ← α·a + (1 − α)·g, r ← √(v − a²) + eps)
 *     p ← p − lr · g / r                              (momentum: b ← momentum·b + g / r, p ← p − lr · b)
 */
export class RMSprop extends FirstOrder<RMSpropOptions, RMSpropState> {
  constructor(
    params: Params<RMSpropOptions>,
    {
      lr = 1e-2,
      alpha = 0.99,
      eps = 1e-8,
      weightDecay = 0,
      momentum = 0,
      centered = false,
      maximize = false,
    }: Partial<RMSpropOptions> = {},
  ) {
    super(params, { lr, alpha, eps, weightDecay, momentum, centered, maximize })
  }

  protected check({ lr, alpha, eps, weightDecay, momentum }: RMSpropOptions): void {
    checkNotNegative(this.name, { lr, alpha, eps, weightDecay, momentum })
  }

  protected complete(known: Partial<RMSpropState>, p: Node, { momentum, centered }: RMSpropOptions): RMSpropState {
    return {
      step: known.step ?? 0,
      squareAvg: known.squareAvg ?? stateLike(p),
      ...(momentum > 0 && { momentumBuffer: known.momentumBuffer ?? stateLike(p) }),
      ...(centered && { gradAvg: known.gradAvg ?? stateLike(p) }),
    }
  }

  protected update(p: Node, grad: Node, state: Recorded<RMSpropState>, options: RMSpropOptions): Update<RMSpropState> {
    const { lr, alpha, eps, momentum } = options
    const g = descent(p, grad, options)
    const step = state.step + 1
    const v = decay(state.squareAvg, square(g), alpha)
    const mean = state.gradAvg && decay(state.gradAvg, g, alpha)
    const scaled = div(g, add(sqrt(mean ? sub(v, square(mean)) : v), eps))
    const b = state.momentumBuffer && add(mul(state.momentumBuffer, momentum), scaled)
    return [
      sub(p, mul(b ?? scaled, lr)),
      { step, squareAvg: v, ...(b && { momentumBuffer: b }), ...(mean && { gradAvg: mean }) },
    ]
  }
}
