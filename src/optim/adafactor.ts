import type { DType } from '../core/dtype.ts'
import { ValueError } from '../core/errors.ts'
import { sizeOf } from '../core/shape.ts'
import type { Node } from '../graph/node.ts'
import { rsqrt, sqrt } from '../graph/ops/arithmetic.ts'
import { keepDims, reduce } from '../graph/ops/reduce.ts'
import { reshape } from '../graph/ops/views.ts'
import type { Tensor } from '../tensor/tensor.ts'
import { checkNotNegative } from './checks.ts'
import { FirstOrder, type Recorded, type Update } from './first-order.ts'
import { descent, div, lerp, maximum, mul, square, sub } from './formula.ts'
import type { GroupOptions, Params } from './optimizer.ts'
import { stateLike } from './state.ts'

export interface AdafactorOptions extends GroupOptions {
  /** Largest relative step, and factor of the weight decay. Default 1e-2. */
  lr: number
  /** Power τ in β₂ₜ = 1 − t^τ. Default −0.8. */
  beta2Decay: number
  /** ε₁ bounds the estimated second moments (null: the dtype's machine epsilon), ε₂ the scale of a parameter. Default [null, 1e-3]. */
  eps: readonly [number | null, number]
  /** Largest root mean square of an update. Default 1. */
  d: number
  /** Decay of the weights. Default 0. */
  weightDecay: number
  /** Climb instead of descend. Default false. */
  maximize: boolean
}

type AdafactorState = { step: number; rowVar?: Tensor; colVar?: Tensor; variance?: Tensor }

/**
 * Adafactor (Shazeer & Stern, "Adafactor: adaptive learning rates with sublinear memory cost", 2018), as PyTorch reads it:
 * for matrices (and stacks of them, in the last two dimensions) only row and column means of the squared gradients are kept.
 *
 *     β₂ₜ = 1 − t^τ,   α = max(ε₂, RMS(p)) · min(lr, 1 / √t)
 *     p ← p · (1 − lr · weightDecay)
 *     matrices:  R ← β₂ₜ·R + (1 − β₂ₜ)·mean_rows(g²),   C ← β₂ₜ·C + (1 − β₂ₜ)·mean_columns(g²)
 *                V = R·C / max(mean(R), ε₁)
 *     others:    V ← β₂ₜ·V + (1 − β₂ₜ)·g²
 *     U = g / √max(V, ε₁²)
 *     p ← p − α · U / max(1, RMS(U) / d)
 */
export class Adafactor extends FirstOrder<AdafactorOptions, AdafactorState> {
  constructor(
    params: Params<AdafactorOptions>,
    {
      lr = 1e-2,
      beta2Decay = -0.8,
      eps = [null, 1e-3],
      d = 1,
      weightDecay = 0,
      maximize = false,
    }: Partial<AdafactorOptions> = {},
  ) {
    super(params, { lr, beta2Decay, eps, d, weightDecay, maximize })
  }

  protected check({ lr, beta2Decay, eps, d, weightDecay }: AdafactorOptions): void {
    checkNotNegative(this.name, { lr, weightDecay, 'eps[0]': eps[0] ?? 0, 'eps[1]': eps[1] })
    if (!(beta2Decay <= 0)) throw new ValueError(this.name, `beta2Decay must be ≤ 0, received ${beta2Decay}`)
    if (!(d >= 1)) throw new ValueError(this.name, `d must be ≥ 1, received ${d}`)
  }

  protected complete(known: Partial<AdafactorState>, p: Node): AdafactorState {
    const step = known.step ?? 0
    const rank = p.shape.length
    if (rank < 2) return { step, variance: known.variance ?? stateLike(p) }
    return {
      step,
      rowVar: known.rowVar ?? stateLike(p, 0, keepDims(p.shape, [rank - 1])),
      colVar: known.colVar ?? stateLike(p, 0, keepDims(p.shape, [rank - 2])),
    }
  }

  protected update(
    p: Node,
    grad: Node,
    state: Recorded<AdafactorState>,
    options: AdafactorOptions,
  ): Update<AdafactorState> {
    const { lr, beta2Decay, d, weightDecay, maximize } = options
    const [eps1, eps2] = [options.eps[0] ?? machineEpsilon[p.dtype] ?? 0, options.eps[1]]
    const step = state.step + 1
    const newest = step ** beta2Decay
    const g = descent(p, grad, { maximize })
    const alpha = mul(maximum(rootMeanSquare(p), eps2), Math.min(lr, 1 / Math.sqrt(step)))
    const shrunk = weightDecay === 0 ? p : mul(p, 1 - lr * weightDecay)

    const { estimate, next } = secondMoments(g, state, newest, eps1)
    const u = mul(g, rsqrt(maximum(estimate, eps1 * eps1)))
    const clipped = maximum(div(rootMeanSquare(u), d), 1)
    return [sub(shrunk, mul(u, div(alpha, clipped))), { step, ...next }]
  }
}

/** V, and the state that it was computed from. */
function secondMoments(
  g: Node,
  { rowVar, colVar, variance }: Recorded<AdafactorState>,
  newest: number,
  eps1: number,
): { estimate: Node; next: Omit<Recorded<AdafactorState>, 'step'> } {
  const squares = square(g)
  if (!rowVar || !colVar) {
    const next = lerp(variance as Node, squares, newest)
    return { estimate: next, next: { variance: next } }
  }
  const rank = g.shape.length
  const rows = lerp(rowVar, meanKept(squares, rank - 1), newest)
  const columns = lerp(colVar, meanKept(squares, rank - 2), newest)
  const scale = maximum(meanKept(rows, rank - 2), eps1)
  return { estimate: div(mul(rows, columns), scale), next: { rowVar: rows, colVar: columns } }
}

const machineEpsilon: Partial<Record<DType, number>> = {
  float16: 2 ** -10,
  bfloat16: 2 ** -7,
  float32: 2 ** -23,
  float64: 2 ** -52,
}

/** Mean over one dimension, kept as size 1. */
function meanKept(x: Node, dim: number): Node {
  return div(reshape(reduce(x, 'sum', [dim]), keepDims(x.shape, [dim])), x.shape[dim] ?? 1)
}

function rootMeanSquare(x: Node): Node {
  const total = reduce(
    square(x),
    'sum',
    x.shape.map((_, d) => d),
  )
  return sqrt(div(total, sizeOf(x.shape)))
}
