import type { Node } from '../graph/node.ts'
import { sign } from '../graph/ops/arithmetic.ts'
import type { Tensor } from '../tensor/tensor.ts'
import { checkBetas, checkNotNegative } from './checks.ts'
import { FirstOrder, type Recorded, type Update } from './first-order.ts'
import { decay, descent, mul, sub } from './formula.ts'
import type { GroupOptions, Params } from './optimizer.ts'
import { stateLike } from './state.ts'

export interface LionOptions extends GroupOptions {
  /** Learning rate: exactly the size of a step; 3 to 10 times smaller than Adam's. Default 1e-4. */
  lr: number
  /** Weight of the momentum in the step, and decay rate of the momentum. Default [0.9, 0.99]. */
  betas: readonly [number, number]
  /** Decay of the weights; 3 to 10 times larger than AdamW's. Default 0. */
  weightDecay: number
  /** Climb instead of descend. Default false. */
  maximize: boolean
}

type LionState = { expAvg: Tensor }

/**
 * Lion (Chen et al., "Symbolic discovery of optimization algorithms", 2023): momentum and sign, half of Adam's memory.
 *
 *     c ← β₁·m + (1 − β₁)·g
 *     p ← p · (1 − lr · weightDecay) − lr · sign(c)
 *     m ← β₂·m + (1 − β₂)·g
 */
export class Lion extends FirstOrder<LionOptions, LionState> {
  constructor(
    params: Params<LionOptions>,
    { lr = 1e-4, betas = [0.9, 0.99], weightDecay = 0, maximize = false }: Partial<LionOptions> = {},
  ) {
    super(params, { lr, betas, weightDecay, maximize })
  }

  protected check({ lr, betas, weightDecay }: LionOptions): void {
    checkNotNegative(this.name, { lr, weightDecay })
    checkBetas(this.name, betas)
  }

  protected complete(known: Partial<LionState>, p: Node): LionState {
    return { expAvg: known.expAvg ?? stateLike(p) }
  }

  protected update(p: Node, grad: Node, state: Recorded<LionState>, options: LionOptions): Update<LionState> {
    const { lr, betas, weightDecay, maximize } = options
    const g = descent(p, grad, { maximize })
    const c = decay(state.expAvg, g, betas[0])
    return [sub(mul(p, 1 - lr * weightDecay), mul(sign(c), lr)), { expAvg: decay(state.expAvg, g, betas[1]) }]
  }
}
