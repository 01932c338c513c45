import { ValueError } from '../core/errors.ts'
import type { Node } from '../graph/node.ts'
import type { Tensor } from '../tensor/tensor.ts'
import { checkNotNegative } from './checks.ts'
import { FirstOrder, type Recorded, type Update } from './first-order.ts'
import { add, descent, mul, sub } from './formula.ts'
import type { GroupOptions, Params } from './optimizer.ts'
import { stateLike } from './state.ts'

export interface SGDOptions extends GroupOptions {
  /** Learning rate. Default 1e-3. */
  lr: number
  /** Share of the last step's direction that is kept. Default 0: none, and no memory for it. */
  momentum: number
  /** How much less than 1 a new gradient weighs in the direction. Default 0. */
  dampening: number
  /** L2 penalty λ/2 · ‖p‖², as an addition λ·p to the gradient. Default 0. */
  weightDecay: number
  /** Look ahead along the momentum (Nesterov); needs momentum > 0 and dampening 0. Default false. */
  nesterov: boolean
  /** Climb instead of descend. Default false. */
  maximize: boolean
}

type SGDState = { step?: number; momentumBuffer?: Tensor }

/**
 * Stochastic gradient descent, optionally with momentum (Polyak, "Some methods of speeding up the convergence of iteration
 * methods", 1964) in the form of Sutskever et al., "On the importance of initialization and momentum in deep learning",
 * 2013, where the learning rate multiplies the direction last:
 *
 *     g ← ∇f(p) + weightDecay · p
 *     b ← momentum · b + (1 − dampening) · g          (b ← g in the first step)
 *     p ← p − lr · b                                  (Nesterov: p ← p − lr · (g + momentum · b))
 *
 * Without momentum: p ← p − lr · g.
 */
export class SGD extends FirstOrder<SGDOptions, SGDState> {
  constructor(
    params: Params<SGDOptions>,
    {
      lr = 1e-3,
      momentum = 0,
      dampening = 0,
      weightDecay = 0,
      nesterov = false,
      maximize = false,
    }: Partial<SGDOptions> = {},
  ) {
    super(params, { lr, momentum, dampening, weightDecay, nesterov, maximize })
  }

  protected check({ lr, momentum, dampening, weightDecay, nesterov }: SGDOptions): void {
    checkNotNegative(this.name, { lr, momentum, weightDecay })
    if (nesterov && (momentum <= 0 || dampening !== 0)) {
      throw new ValueError(
        this.name,
        `nesterov needs momentum > 0 and dampening 0, received momentum ${momentum}, dampening ${dampening}`,
      )
    }
  }

  protected complete(known: Partial<SGDState>, p: Node, { momentum }: SGDOptions): SGDState {
    const { momentumBuffer } = known
    if (momentum === 0 && !momentumBuffer) return {}
    return { step: known.step ?? (momentumBuffer ? 1 : 0), momentumBuffer: momentumBuffer ?? stateLike(p) }
  }

  protected update(p: Node, grad: Node, state: Recorded<SGDState>, options: SGDOptions): Update<SGDState> {
    const { lr, momentum, dampening, nesterov } = options
    const g = descent(p, grad, options)
    const { step = 0, momentumBuffer } = state
    if (!momentumBuffer || momentum === 0) return [sub(p, mul(g, lr)), state]
    const b = add(mul(momentumBuffer, momentum), mul(g, step === 0 ? 1 : 1 - dampening))
    const direction = nesterov ? add(g, mul(b, momentum)) : b
    return [sub(p, mul(direction, lr)), { step: step + 1, momentumBuffer: b }]
  }
}
