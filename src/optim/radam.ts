import type { Node } from '../graph/node.ts'
import { sqrt } from '../graph/ops/arithmetic.ts'
import { where } from '../graph/ops/logic.ts'
import type { Tensor } from '../tensor/tensor.ts'
import { checkBetas, checkNotNegative } from './checks.ts'
import { FirstOrder, type Recorded, type Update } from './first-order.ts'
import { add, argument, decay, descent, div, mul, square, sub } from './formula.ts'
import type { GroupOptions, Params } from './optimizer.ts'
import { stateLike } from './state.ts'

export interface RAdamOptions extends GroupOptions {
  /** Learning rate. Default 1e-3. */
  lr: number
  /** Decay rates of the running means of gradient and squared gradient. Default [0.9, 0.999]. */
  betas: readonly [number, number]
  /** Added to the denominator. Default 1e-8. */
  eps: number
  /** L2 penalty, added to the gradient (or decay of the weights, see below). Default 0. */
  weightDecay: number
  /** Apply weight decay to the weights instead of the gradient, as AdamW does. Default false. */
  decoupledWeightDecay: boolean
  /** Climb instead of descend. Default false. */
  maximize: boolean
}

type RAdamState = { step: number; expAvg: Tensor; expAvgSq: Tensor }

/**
 * Rectified Adam (Liu et al., "On the variance of the adaptive learning rate and beyond", 2020): plain momentum until enough
 * gradients were seen to trust the running mean of squares.
 *
 *     g ← ∇f(p) + weightDecay · p
 *     m ← β₁·m + (1 − β₁)·g
 *     v ← β₂·v + (1 − β₂)·g²
 *     ρ∞ = 2 / (1 − β₂) − 1,   ρₜ = ρ∞ − 2t·β₂ᵗ / (1 − β₂ᵗ)
 *     ρₜ > 5:   p ← p − lr · r · m / (1 − β₁ᵗ) · √(1 − β₂ᵗ) / (√v + eps),
 *               r = √[(ρₜ − 4)(ρₜ − 2)·ρ∞ / ((ρ∞ − 4)(ρ∞ − 2)·ρₜ)]
 *     else:     p ← p − lr · m / (1 − β₁ᵗ)
 */
export class RAdam extends FirstOrder<RAdamOptions, RAdamState> {
  constructor(
    params: Params<RAdamOptions>,
    {
      lr = 1e-3,
      betas = [0.9, 0.999],
      eps = 1e-8,
      weightDecay = 0,
      decoupledWeightDecay = false,
      maximize = false,
    }: Partial<RAdamOptions> = {},
  ) {
    super(params, { lr, betas, eps, weightDecay, decoupledWeightDecay, maximize })
  }

  protected check({ lr, betas, eps, weightDecay }: RAdamOptions): void {
    checkNotNegative(this.name, { lr, eps, weightDecay })
    checkBetas(this.name, betas)
  }

  protected complete(known: Partial<RAdamState>, p: Node): RAdamState {
    return {
      step: known.step ?? 0,
      expAvg: known.expAvg ?? stateLike(p),
      expAvgSq: known.expAvgSq ?? stateLike(p),
    }
  }

  protected update(p: Node, grad: Node, state: Recorded<RAdamState>, options: RAdamOptions): Update<RAdamState> {
    const { lr, betas, eps, weightDecay, decoupledWeightDecay, maximize } = options
    const [beta1, beta2] = betas
    const step = state.step + 1
    const g = descent(p, grad, { maximize, weightDecay: decoupledWeightDecay ? 0 : weightDecay })
    const shrunk = decoupledWeightDecay && weightDecay !== 0 ? mul(p, 1 - lr * weightDecay) : p
    const m = decay(state.expAvg, g, beta1)
    const v = decay(state.expAvgSq, square(g), beta2)
    const { trusted, rate } = rectification(step, beta2)
    // A choice by value: the early steps must have the structure of the later ones.
    const adaptive = where(argument(trusted ? 1 : 0, 'bool'), div(rate, add(sqrt(v), eps)), argument(1, p.dtype))
    return [sub(shrunk, mul(mul(m, adaptive), lr / (1 - beta1 ** step))), { step, expAvg: m, expAvgSq: v }]
  }
}

/** Whether ρₜ > 5, and then r · √(1 − β₂ᵗ). */
function rectification(step: number, beta2: number): { trusted: boolean; rate: number } {
  const correction = 1 - beta2 ** step
  const limit = 2 / (1 - beta2) - 1
  const length = limit - (2 * step * beta2 ** step) / correction
  if (length <= 5) return { trusted: false, rate: 1 }
  const r = ((length - 4) * (length - 2) * limit) / ((limit - 4) * (limit - 2) * length)
  return { trusted: true, rate: Math.sqrt(r * correction) }
}
