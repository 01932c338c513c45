import type { Node } from '../graph/node.ts'
import { sqrt } from '../graph/ops/arithmetic.ts'
import type { Tensor } from '../tensor/tensor.ts'
import { checkBetas, checkNotNegative } from './checks.ts'
import { FirstOrder, type Recorded, type Update } from './first-order.ts'
import { add, decay, descent, div, mul, square, sub } from './formula.ts'
import type { GroupOptions, Params } from './optimizer.ts'
import { stateLike } from './state.ts'

export interface NAdamOptions extends GroupOptions {
  /** Learning rate. Default 2e-3. */
  lr: number
  /** Decay rates of the running means of gradient and squared gradient. Default [0.9, 0.999]. */
  betas: readonly [number, number]
  /** Added to the denominator. Default 1e-8. */
  eps: number
  /** L2 penalty, added to the gradient (or decay of the weights, see below). Default 0. */
  weightDecay: number
  /** How fast the momentum approaches β₁. Default 4e-3. */
  momentumDecay: number
  /** Apply weight decay to the weights instead of the gradient, as AdamW does. Default false. */
  decoupledWeightDecay: boolean
  /** Climb instead of descend. Default false. */
  maximize: boolean
}

type NAdamState = { step: number; muProduct: number; expAvg: Tensor; expAvgSq: Tensor }

/**
 * Adam with Nesterov momentum (Dozat, "Incorporating Nesterov momentum into Adam", 2016):
 *
 *     g ← ∇f(p) + weightDecay · p
 *     μₜ = β₁ · (1 − ½ · 0.96^(t · momentumDecay)),   Πₜ = μ₁ · μ₂ ⋯ μₜ
 *     m ← β₁·m + (1 − β₁)·g
 *     v ← β₂·v + (1 − β₂)·g²
 *     p ← p − lr · [(1 − μₜ) / (1 − Πₜ) · g + μₜ₊₁ / (1 − Πₜ₊₁) · m] / (√(v / (1 − β₂ᵗ)) + eps)
 */
export class NAdam extends FirstOrder<NAdamOptions, NAdamState> {
  constructor(
    params: Params<NAdamOptions>,
    {
      lr = 2e-3,
      betas = [0.9, 0.999],
      eps = 1e-8,
      weightDecay = 0,
      momentumDecay = 4e-3,
      decoupledWeightDecay = false,
      maximize = false,
    }: Partial<NAdamOptions> = {},
  ) {
    super(params, { lr, betas, eps, weightDecay, momentumDecay, decoupledWeightDecay, maximize })
  }

  protected check({ lr, betas, eps, weightDecay, momentumDecay }: NAdamOptions): void {
    checkNotNegative(this.name, { lr, eps, weightDecay, momentumDecay })
    checkBetas(this.name, betas)
  }

  protected complete(known: Partial<NAdamState>, p: Node): NAdamState {
    return {
      step: known.step ?? 0,
      muProduct: known.muProduct ?? 1,
      expAvg: known.expAvg ?? stateLike(p),
      expAvgSq: known.expAvgSq ?? stateLike(p),
    }
  }

  protected update(p: Node, grad: Node, state: Recorded<NAdamState>, options: NAdamOptions): Update<NAdamState> {
    const { lr, betas, eps, weightDecay, momentumDecay, decoupledWeightDecay, maximize } = options
    const [beta1, beta2] = betas
    const step = state.step + 1
    const momentum = (t: number): number => beta1 * (1 - 0.5 * 0.96 ** (t * momentumDecay))
    const mu = momentum(step)
    const muNext = momentum(step + 1)
    const muProduct = state.muProduct * mu
    const g = descent(p, grad, { maximize, weightDecay: decoupledWeightDecay ? 0 : weightDecay })
    const shrunk = decoupledWeightDecay && weightDecay !== 0 ? mul(p, 1 - lr * weightDecay) : p
    const m = decay(state.expAvg, g, beta1)
    const v = decay(state.expAvgSq, square(g), beta2)
    const denominator = add(sqrt(div(v, 1 - beta2 ** step)), eps)
    const direction = add(mul(g, (1 - mu) / (1 - muProduct)), mul(m, muNext / (1 - muProduct * muNext)))
    return [sub(shrunk, mul(div(direction, denominator), lr)), { step, muProduct, expAvg: m, expAvgSq: v }]
  }
}
