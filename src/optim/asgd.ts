import type { Node } from '../graph/node.ts'
import type { Tensor } from '../tensor/tensor.ts'
import { checkNotNegative } from './checks.ts'
import { FirstOrder, type Recorded, type Update } from './first-order.ts'
import { descent, lerp, mul, sub } from './formula.ts'
import type { GroupOptions, Params } from './optimizer.ts'
import { stateLike } from './state.ts'

export interface ASGDOptions extends GroupOptions {
  /** Learning rate of the first step. Default 1e-2. */
  lr: number
  /** Decay of the weights, and how fast the learning rate falls. Default 1e-4. */
  lambd: number
  /** Power with which the learning rate falls. Default 0.75. */
  alpha: number
  /** The step at which averaging begins. Default 1e6. */
  t0: number
  /** L2 penalty, added to the gradient. Default 0. */
  weightDecay: number
  /** Climb instead of descend. Default false. */
  maximize: boolean
}

type ASGDState = { step: number; eta: number; mu: number; ax: Tensor }

/**
 * Averaged stochastic gradient descent (Polyak & Juditsky, "Acceleration of stochastic approximation by averaging", 1992).
 * The average stands in the state as `ax`.
 *
 *     g ← ∇f(p) + weightDecay · p
 *     p ← p · (1 − lambd · η) − η · g
 *     ax ← ax + μ · (p − ax)
 *     η ← lr / (1 + lambd · lr · t)^alpha,   μ ← 1 / max(1, t − t0)
 */
export class ASGD extends FirstOrder<ASGDOptions, ASGDState> {
  constructor(
    params: Params<ASGDOptions>,
    { lr = 1e-2, lambd = 1e-4, alpha = 0.75, t0 = 1e6, weightDecay = 0, maximize = false }: Partial<ASGDOptions> = {},
  ) {
    super(params, { lr, lambd, alpha, t0, weightDecay, maximize })
  }

  protected check({ lr, weightDecay }: ASGDOptions): void {
    checkNotNegative(this.name, { lr, weightDecay })
  }

  protected complete(known: Partial<ASGDState>, p: Node, { lr }: ASGDOptions): ASGDState {
    return { step: known.step ?? 0, eta: known.eta ?? lr, mu: known.mu ?? 1, ax: known.ax ?? stateLike(p) }
  }

  protected update(p: Node, grad: Node, state: Recorded<ASGDState>, options: ASGDOptions): Update<ASGDState> {
    const { lr, lambd, alpha, t0 } = options
    const g = descent(p, grad, options)
    const step = state.step + 1
    const next = sub(mul(p, 1 - lambd * state.eta), mul(g, state.eta))
    const ax = lerp(state.ax, next, state.mu)
    const eta = lr / (1 + lambd * lr * step) ** alpha
    return [next, { step, eta, mu: 1 / Math.max(1, step - t0), ax }]
  }
}
