import type { Node } from '../graph/node.ts'
import { sqrt } from '../graph/ops/arithmetic.ts'
import type { Tensor } from '../tensor/tensor.ts'
import { checkNotNegative } from './checks.ts'
import { FirstOrder, type Recorded, type Update } from './first-order.ts'
import { add, descent, div, mul, square, sub } from './formula.ts'
import type { GroupOptions, Params } from './optimizer.ts'
import { stateLike } from './state.ts'

export interface AdagradOptions extends GroupOptions {
  /** Learning rate. Default 1e-2. */
  lr: number
  /** How fast the learning rate falls: lr / (1 + (t − 1) · lrDecay). Default 0. */
  lrDecay: number
  /** L2 penalty, added to the gradient. Default 0. */
  weightDecay: number
  /** Where the sums of squares begin. Default 0. */
  initialAccumulatorValue: number
  /** Added to the denominator. Default 1e-10. */
  eps: number
  /** Climb instead of descend. Default false. */
  maximize: boolean
}

type AdagradState = { step: number; sum: Tensor }

/**
 * Adagrad (Duchi, Hazan & Singer, "Adaptive subgradient methods for online learning and stochastic optimization", 2011):
 *
 *     g ← ∇f(p) + weightDecay · p
 *     s ← s + g²
 *     p ← p − lr / (1 + (t − 1)·lrDecay) · g / (√s + eps)
 */
export class Adagrad extends FirstOrder<AdagradOptions, AdagradState> {
  constructor(
    params: Params<AdagradOptions>,
    {
      lr = 1e-2,
      lrDecay = 0,
      weightDecay = 0,
      initialAccumulatorValue = 0,
      eps = 1e-10,
      maximize = false,
    }: Partial<AdagradOptions> = {},
  ) {
    super(params, { lr, lrDecay, weightDecay, initialAccumulatorValue, eps, maximize })
  }

  protected check({ lr, lrDecay, weightDecay, initialAccumulatorValue, eps }: AdagradOptions): void {
    checkNotNegative(this.name, { lr, lrDecay, weightDecay, initialAccumulatorValue, eps })
  }

  protected complete(known: Partial<AdagradState>, p: Node, options: AdagradOptions): AdagradState {
    return { step: known.step ?? 0, sum: known.sum ?? stateLike(p, options.initialAccumulatorValue) }
  }

  protected update(p: Node, grad: Node, state: Recorded<AdagradState>, options: AdagradOptions): Update<AdagradState> {
    const { lr, lrDecay, eps } = options
    const g = descent(p, grad, options)
    const sum = add(state.sum, square(g))
    const rate = lr / (1 + state.step * lrDecay)
    return [sub(p, mul(div(g, add(sqrt(sum), eps)), rate)), { step: state.step + 1, sum }]
  }
}
