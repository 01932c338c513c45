import { ShapeError, ValueError } from '../core/errors.ts'
import { formatShape } from '../core/shape.ts'
import type { Node } from '../graph/node.ts'
import { sqrt } from '../graph/ops/arithmetic.ts'
import { matmul } from '../graph/ops/contract.ts'
import { cast } from '../graph/ops/logic.ts'
import { reduce } from '../graph/ops/reduce.ts'
import { permute } from '../graph/ops/views.ts'
import type { Tensor } from '../tensor/tensor.ts'
import { checkCount, checkNotNegative } from './checks.ts'
import { FirstOrder, type Recorded, type Update } from './first-order.ts'
import { add, decay, div, lerp, maximum, mul, square, sub } from './formula.ts'
import type { GroupOptions, Params } from './optimizer.ts'
import { stateLike } from './state.ts'

export interface MuonOptions extends GroupOptions {
  /** Learning rate. Default 1e-3. */
  lr: number
  /** Decay of the weights. Default 0.1. */
  weightDecay: number
  /** Decay rate of the running mean of gradients. Default 0.95. */
  momentum: number
  /** Look ahead along the momentum (Nesterov). Default true. */
  nesterov: boolean
  /** Coefficients a, b, c of the polynomial. Default [3.4445, −4.775, 2.0315]. */
  nsCoefficients: readonly [number, number, number]
  /** Smallest norm that is divided by. Default 1e-7. */
  eps: number
  /** Newton–Schulz iterations. Default 5. */
  nsSteps: number
  /**
   * How the learning rate follows the shape [A, B]: 'original' multiplies by √max(1, A / B), 'match_rms_adamw' by
   * 0.2 · √max(A, B), so that rates tuned for AdamW fit (Liu et al., "Muon is scalable for LLM training", 2025).
   * Default null: 'original'.
   */
  adjustLrFn: 'original' | 'match_rms_adamw' | null
}

type MuonState = { momentumBuffer: Tensor }

/**
 * Muon (Jordan et al., "Muon: an optimizer for hidden layers in neural networks", 2024), for matrices [A, B] only; biases,
 * embeddings and output layers want AdamW beside it. The step is the momentum with all singular values brought near 1 by
 * Newton–Schulz iterations, which round to bfloat16 as PyTorch's do.
 *
 *     m ← momentum·m + (1 − momentum)·g
 *     X ← m (Nesterov: g + momentum·(m − g)),   X ← X / ‖X‖
 *     nsSteps times:  G = X·Xᵀ,   X ← a·X + (b·G + c·G²)·X
 *     p ← p · (1 − lr · weightDecay) − lr · adjustment · X
 */
export class Muon extends FirstOrder<MuonOptions, MuonState> {
  constructor(
    params: Params<MuonOptions>,
    {
      lr = 1e-3,
      weightDecay = 0.1,
      momentum = 0.95,
      nesterov = true,
      nsCoefficients = [3.4445, -4.775, 2.0315],
      eps = 1e-7,
      nsSteps = 5,
      adjustLrFn = null,
    }: Partial<MuonOptions> = {},
  ) {
    super(params, { lr, weightDecay, momentum, nesterov, nsCoefficients, eps, nsSteps, adjustLrFn })
  }

  protected check({ lr, weightDecay, momentum, eps, nsSteps, adjustLrFn }: MuonOptions): void {
    checkNotNegative(this.name, { lr, weightDecay, momentum, eps })
    checkCount(this.name, 'nsSteps', nsSteps, 0)
    if (adjustLrFn !== null && adjustLrFn !== 'original' && adjustLrFn !== 'match_rms_adamw') {
      throw new ValueError(this.name, `adjustLrFn must be 'original' or 'match_rms_adamw', received '${adjustLrFn}'`)
    }
  }

  protected complete(known: Partial<MuonState>, p: Node): MuonState {
    if (p.shape.length !== 2) {
      throw new ShapeError(
        this.name,
        `expects matrices, received a parameter of shape ${formatShape(p.shape)}; give others to AdamW`,
      )
    }
    return { momentumBuffer: known.momentumBuffer ?? stateLike(p) }
  }

  protected update(p: Node, g: Node, state: Recorded<MuonState>, options: MuonOptions): Update<MuonState> {
    const { lr, weightDecay, momentum, nesterov } = options
    const m = decay(state.momentumBuffer, g, momentum)
    const direction = orthogonalize(nesterov ? lerp(g, m, momentum) : m, options)
    const rate = lr * adjustment(options.adjustLrFn, p.shape[0] ?? 1, p.shape[1] ?? 1)
    return [sub(mul(p, 1 - lr * weightDecay), mul(direction, rate)), { momentumBuffer: m }]
  }
}

function adjustment(kind: MuonOptions['adjustLrFn'], rows: number, columns: number): number {
  return kind === 'match_rms_adamw' ? 0.2 * Math.sqrt(Math.max(rows, columns)) : Math.sqrt(Math.max(1, rows / columns))
}

/** Computed in float32, stored in bfloat16: each intermediate is rounded once. */
const round = (x: Node): Node => cast(cast(x, 'bfloat16'), 'float32')

/** About U·Vᵀ of the singular value decomposition x = U·S·Vᵀ. */
function orthogonalize(x: Node, { nsCoefficients: [a, b, c], nsSteps, eps }: MuonOptions): Node {
  const tall = (x.shape[0] ?? 0) > (x.shape[1] ?? 0)
  const turn = (y: Node): Node => (tall ? permute(y, [1, 0]) : y)
  const start = round(turn(cast(x, 'bfloat16')))
  const norm = maximum(round(sqrt(reduce(square(start), 'sum', [0, 1]))), eps)
  let y = round(div(start, norm))
  for (let i = 0; i < nsSteps; i++) {
    const gram = round(matmul(y, permute(y, [1, 0])))
    const polynomial = round(add(mul(gram, b), mul(matmul(gram, gram), c)))
    y = round(add(mul(y, a), matmul(polynomial, y)))
  }
  return cast(turn(y), x.dtype)
}
