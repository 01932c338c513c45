import type { Node } from '../graph/node.ts'
import { abs } from '../graph/ops/arithmetic.ts'
import type { Tensor } from '../tensor/tensor.ts'
import { checkBetas, checkNotNegative } from './checks.ts'
import { FirstOrder, type Recorded, type Update } from './first-order.ts'
import { add, decay, descent, div, maximum, mul, sub } from './formula.ts'
import type { GroupOptions, Params } from './optimizer.ts'
import { stateLike } from './state.ts'

export interface AdamaxOptions extends GroupOptions {
  /** Learning rate. Default 2e-3. */
  lr: number
  /** Decay rates of the running mean and of the running maximum. Default [0.9, 0.999]. */
  betas: readonly [number, number]
  /** Added to the size of each gradient. Default 1e-8. */
  eps: number
  /** L2 penalty, added to the gradient. Default 0. */
  weightDecay: number
  /** Climb instead of descend. Default false. */
  maximize: boolean
}

type AdamaxState = { step: number; expAvg: Tensor; expInf: Tensor }

/**
 * Adam with the infinity norm (Kingma & Ba 2015, section 7.1):
 *
 *     g ← ∇f(p) + weightDecay · p
 *     m ← β₁·m + (1 − β₁)·g
 *     u ← max(β₂·u, |g| + eps)
 *     p ← p − lr / (1 − β₁ᵗ) · m / u
 */
export class Adamax extends FirstOrder<AdamaxOptions, AdamaxState> {
  constructor(
    params: Params<AdamaxOptions>,
    { lr = 2e-3, betas = [0.9, 0.999], eps = 1e-8, weightDecay = 0, maximize = false }: Partial<AdamaxOptions> = {},
  ) {
    super(params, { lr, betas, eps, weightDecay, maximize })
  }

  protected check({ lr, betas, eps, weightDecay }: AdamaxOptions): void {
    checkNotNegative(this.name, { lr, eps, weightDecay })
    checkBetas(this.name, betas)
  }

  protected complete(known: Partial<AdamaxState>, p: Node): AdamaxState {
    return {
      step: known.step ?? 0,
      expAvg: known.expAvg ?? stateLike(p),
      expInf: known.expInf ?? stateLike(p),
    }
  }

  protected update(p: Node, grad: Node, state: Recorded<AdamaxState>, options: AdamaxOptions): Update<AdamaxState> {
    const { lr, betas, eps } = options
    const g = descent(p, grad, options)
    const step = state.step + 1
    const m = decay(state.expAvg, g, betas[0])
    const u = maximum(mul(state.expInf, betas[1]), add(abs(g), eps))
    return [sub(p, mul(div(m, u), lr / (1 - betas[0] ** step))), { step, expAvg: m, expInf: u }]
  }
}
