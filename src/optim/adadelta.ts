import { ValueError } from '../core/errors.ts'
import type { Node } from '../graph/node.ts'
import { sqrt } from '../graph/ops/arithmetic.ts'
import type { Tensor } from '../tensor/tensor.ts'
import { checkNotNegative } from './checks.ts'
import { FirstOrder, type Recorded, type Update } from './first-order.ts'
import { add, decay, descent, div, mul, square, sub } from './formula.ts'
import type { GroupOptions, Params } from './optimizer.ts'
import { stateLike } from './state.ts'

export interface AdadeltaOptions extends GroupOptions {
  /** Factor on the step, which the method itself does without. Default 1. */
  lr: number
  /** Decay rate of both running means. Default 0.9. */
  rho: number
  /** Added under both roots. Default 1e-6. */
  eps: number
  /** L2 penalty, added to the gradient. Default 0. */
  weightDecay: number
  /** Climb instead of descend. Default false. */
  maximize: boolean
}

type AdadeltaState = { step: number; squareAvg: Tensor; accDelta: Tensor }

/**
 * Adadelta (Zeiler, "ADADELTA: an adaptive learning rate method", 2012): steps have the units of the parameters.
 *
 *     g ← ∇f(p) + weightDecay · p
 *     v ← ρ·v + (1 − ρ)·g²
 *     Δ ← √(u + eps) / √(v + eps) · g
 *     u ← ρ·u + (1 − ρ)·Δ²
 *     p ← p − lr · Δ
 */
export class Adadelta extends FirstOrder<AdadeltaOptions, AdadeltaState> {
  constructor(
    params: Params<AdadeltaOptions>,
    { lr = 1, rho = 0.9, eps = 1e-6, weightDecay = 0, maximize = false }: Partial<AdadeltaOptions> = {},
  ) {
    super(params, { lr, rho, eps, weightDecay, maximize })
  }

  protected check({ lr, rho, eps, weightDecay }: AdadeltaOptions): void {
    checkNotNegative(this.name, { lr, rho, eps, weightDecay })
    if (rho > 1) throw new ValueError(this.name, `rho must be in [0, 1], received ${rho}`)
  }

  protected complete(known: Partial<AdadeltaState>, p: Node): AdadeltaState {
    return {
      step: known.step ?? 0,
      squareAvg: known.squareAvg ?? stateLike(p),
      accDelta: known.accDelta ?? stateLike(p),
    }
  }

  protected update(
    p: Node,
    grad: Node,
    state: Recorded<AdadeltaState>,
    options: AdadeltaOptions,
  ): Update<AdadeltaState> {
    const { lr, rho, eps } = options
    const g = descent(p, grad, options)
    const squareAvg = decay(state.squareAvg, square(g), rho)
    const delta = mul(div(sqrt(add(state.accDelta, eps)), sqrt(add(squareAvg, eps))), g)
    const accDelta = decay(state.accDelta, square(delta), rho)
    return [sub(p, mul(delta, lr)), { step: state.step + 1, squareAvg, accDelta }]
  }
}
