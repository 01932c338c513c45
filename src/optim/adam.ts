import type { Node } from '../graph/node.ts'
import { sqrt } from '../graph/ops/arithmetic.ts'
import type { Tensor } from '../tensor/tensor.ts'
import { checkBetas, checkNotNegative } from './checks.ts'
import { FirstOrder, type Recorded, type Update } from './first-order.ts'
import { add, decay, descent, div, maximum, mul, square, sub } from './formula.ts'
import type { GroupOptions, Params } from './optimizer.ts'
import { stateLike } from './state.ts'

export interface AdamOptions extends GroupOptions {
  /** Learning rate: about the size of a step. Default 1e-3. */
  lr: number
  /** Decay rates of the running means of gradient and squared gradient. Default [0.9, 0.999]. */
  betas: readonly [number, number]
  /** Added to the denominator. Default 1e-8. */
  eps: number
  /** Adam: L2 penalty, added to the gradient; default 0. AdamW: decay of the weights themselves; default 0.01. */
  weightDecay: number
  /** Divide by the largest running mean so far (Reddi et al., "On the convergence of Adam and beyond", 2018). Default false. */
  amsgrad: boolean
  /** Climb instead of descend. Default false. */
  maximize: boolean
  /** Apply weight decay to the weights instead of the gradient, as AdamW does. Default false. */
  decoupledWeightDecay: boolean
}

type AdamState = { step: number; expAvg: Tensor; expAvgSq: Tensor; maxExpAvgSq?: Tensor }

/**
 * Adam (Kingma & Ba, "Adam: a method for stochastic optimization", 2015):
 *
 *     g ← ∇f(p) + weightDecay · p
 *     m ← β₁·m + (1 − β₁)·g
 *     v ← β₂·v + (1 − β₂)·g²                          (amsgrad: v̂ ← max(v̂, v), used in place of v)
 *     p ← p − lr / (1 − β₁ᵗ) · m / (√(v / (1 − β₂ᵗ)) + eps)
 */
export class Adam extends FirstOrder<AdamOptions, AdamState> {
  constructor(
    params: Params<AdamOptions>,
    {
      lr = 1e-3,
      betas = [0.9, 0.999],
      eps = 1e-8,
      weightDecay = 0,
      amsgrad = false,
      maximize = false,
      decoupledWeightDecay = false,
    }: Partial<AdamOptions> = {},
  ) {
    super(params, { lr, betas, eps, weightDecay, amsgrad, maximize, decoupledWeightDecay })
  }

  protected check({ lr, betas, eps, weightDecay }: AdamOptions): void {
    checkNotNegative(this.name, { lr, eps, weightDecay })
    checkBetas(this.name, betas)
  }

  protected complete(known: Partial<AdamState>, p: Node, { amsgrad }: AdamOptions): AdamState {
    return {
      step: known.step ?? 0,
      expAvg: known.expAvg ?? stateLike(p),
      expAvgSq: known.expAvgSq ?? stateLike(p),
      ...(amsgrad && { maxExpAvgSq: known.maxExpAvgSq ?? stateLike(p) }),
    }
  }

  protected update(p: Node, grad: Node, state: Recorded<AdamState>, options: AdamOptions): Update<AdamState> {
    const { lr, betas, eps, weightDecay, maximize, decoupledWeightDecay } = options
    const [beta1, beta2] = betas
    const step = state.step + 1
    const g = descent(p, grad, { maximize, weightDecay: decoupledWeightDecay ? 0 : weightDecay })
    const shrunk = decoupledWeightDecay && weightDecay !== 0 ? mul(p, 1 - lr * weightDecay) : p
    const m = decay(state.expAvg, g, beta1)
    const v = decay(state.expAvgSq, square(g), beta2)
    const largest = state.maxExpAvgSq && maximum(state.maxExpAvgSq, v)
    const denominator = add(div(sqrt(largest ?? v), Math.sqrt(1 - beta2 ** step)), eps)
    return [
      sub(shrunk, mul(div(m, denominator), lr / (1 - beta1 ** step))),
      { step, expAvg: m, expAvgSq: v, ...(largest && { maxExpAvgSq: largest }) },
    ]
  }
}

/** Options of {@link AdamW}: those of Adam; the decay is always decoupled. */
export type AdamWOptions = Omit<AdamOptions, 'decoupledWeightDecay'>

/**
 * Adam with decoupled weight decay (Loshchilov & Hutter, "Decoupled weight decay regularization", 2019): the gradient stays
 * as it is, and p ← p · (1 − lr · weightDecay) comes before Adam's step.
 */
export class AdamW extends Adam {
  constructor(params: Params<AdamWOptions>, { weightDecay = 0.01, ...options }: Partial<AdamWOptions> = {}) {
    super(params, { ...options, weightDecay, decoupledWeightDecay: true })
  }
}
