import { ValueError } from '../core/errors.ts'
import { sizeOf } from '../core/shape.ts'
import { hold, type Node, withGrad } from '../graph/node.ts'
import { abs, neg } from '../graph/ops/arithmetic.ts'
import { constant } from '../graph/ops/leaves.ts'
import { reduce } from '../graph/ops/reduce.ts'
import { broadcastTo, concat, reshape, sliceDim } from '../graph/ops/views.ts'
import { assign, realizeNodes } from '../runtime/realize.ts'
import { wrap } from '../tensor/base.ts'
import type { Tensor } from '../tensor/tensor.ts'
import { checkCount, checkNotNegative } from './checks.ts'
import { add, mul, sub } from './formula.ts'
import { type GroupOptions, Optimizer, type Params } from './optimizer.ts'
import type { OptimizerStateDict } from './state-dict.ts'
import { type ParameterState, stateLike } from './state.ts'
import { type Evaluation, strongWolfe } from './strong-wolfe.ts'

export interface LBFGSOptions extends GroupOptions {
  /** Length of the steps along the direction; where the line search begins. Default 1. */
  lr: number
  /** Most iterations in one `step()`. Default 20. */
  maxIter: number
  /** Most evaluations of the closure in one `step()`; null: 5/4 of `maxIter`. Default null. */
  maxEval: number | null
  /** Stop when no element of the gradient is larger. Default 1e-7. */
  toleranceGrad: number
  /** Stop when neither loss nor parameters change by more. Default 1e-9. */
  toleranceChange: number
  /** How many pairs of steps and gradient changes are kept. Default 100. */
  historySize: number
  /** 'strong_wolfe', or null for steps of fixed length. Default null. */
  lineSearchFn: 'strong_wolfe' | null
}

/** Clears the gradients, computes the loss, calls `backward()` and returns the loss. Called several times in one step. */
export type LBFGSClosure = () => Tensor | Promise<Tensor>

/** In the state of the first parameter, as in PyTorch; vectors are flat, over all parameters. */
type LBFGSState = {
  funcEvals: number
  nIter: number
  d: Tensor
  t: number
  oldDirs: readonly Tensor[]
  oldStps: readonly Tensor[]
  ro: readonly number[]
  HDiag: number
  prevFlatGrad: Tensor
  prevLoss: number
}

/** Pairs that curve less are left out: the approximated Hessian must stay positive definite. */
const leastCurvature = 1e-10

/**
 * Limited-memory BFGS (Nocedal, "Updating quasi-Newton matrices with limited storage", 1980): a quasi-Newton method for full
 * batches, with all parameters in one group. Each step looks at the loss several times and must know it, so that `step()`
 * takes a closure and has to be awaited:
 *
 *     await optimizer.step(() => {
 *       optimizer.zeroGrad()
 *       const loss = F.mseLoss(model.forward(x), y)
 *       loss.backward()
 *       return loss
 *     })
 *
 * An iteration, with s = change of the parameters, y = change of the gradient, ρ = 1 / (y·s), newest pair last:
 *
 *     q ← −∇f(p);  for i from newest to oldest: αᵢ ← ρᵢ · sᵢ·q,  q ← q − αᵢ · yᵢ
 *     d ← (y·s / y·y) · q;  for i from oldest to newest: d ← d + (αᵢ − ρᵢ · yᵢ·d) · sᵢ
 *     p ← p + t · d,  t = lr (first: min(1, 1 / Σ|∇f|) · lr), or found by the line search
 */
export class LBFGS extends Optimizer<LBFGSOptions> {
  constructor(
    params: Params<LBFGSOptions>,
    {
      lr = 1,
      maxIter = 20,
      maxEval = null,
      toleranceGrad = 1e-7,
      toleranceChange = 1e-9,
      historySize = 100,
      lineSearchFn = null,
    }: Partial<LBFGSOptions> = {},
  ) {
    const longest = maxEval ?? Math.floor((maxIter * 5) / 4)
    super(params, { lr, maxIter, maxEval: longest, toleranceGrad, toleranceChange, historySize, lineSearchFn })
    if (this.paramGroups.length !== 1) {
      throw new ValueError(this.name, `takes one group of parameters, received ${this.paramGroups.length}`)
    }
    const [first] = this.parameters()
    if (first) this.state.set(first, this.fresh())
  }

  protected check({ lr, maxIter, toleranceGrad, toleranceChange, historySize, lineSearchFn }: LBFGSOptions): void {
    checkNotNegative(this.name, { lr, toleranceGrad, toleranceChange })
    checkCount(this.name, 'maxIter', maxIter, 1)
    checkCount(this.name, 'historySize', historySize, 1)
    if (lineSearchFn !== null && lineSearchFn !== 'strong_wolfe') {
      throw new ValueError(this.name, `lineSearchFn must be 'strong_wolfe' or null, received '${lineSearchFn}'`)
    }
  }

  protected complete(known: ParameterState, parameter: Node): ParameterState {
    const isFirst = this.parameters()[0]?.node === parameter
    return isFirst ? { ...this.fresh(), ...known } : known
  }

  /**
   * Up to `maxIter` iterations. Resolves to the loss before them. When the closure throws, or the data does not allow an
   * operation, the parameters are as they were before.
   */
  async step(closure?: LBFGSClosure): Promise<Tensor> {
    if (!closure) throw new ValueError(this.name, 'step() needs a closure that returns the loss')
    const before = this.parameters().map((parameter) => hold(parameter.node))
    try {
      return await this.iterate(closure)
    } catch (error) {
      this.place(before)
      throw error
    }
  }

  override loadStateDict(dict: OptimizerStateDict): void {
    // PyTorch keeps the α of the last iteration, too, and always overwrites them.
    const state = Object.entries(dict.state).map(([i, { al: _, ...entries }]) => [i, entries])
    super.loadStateDict({ ...dict, state: Object.fromEntries(state) })
  }

  private async iterate(closure: LBFGSClosure): Promise<Tensor> {
    const [first] = this.parameters()
    const [group] = this.paramGroups
    const state = { ...(this.state.get(first as Tensor) as LBFGSState) }
    const { lr, maxIter, toleranceGrad, toleranceChange, historySize, lineSearchFn } = group as LBFGSOptions
    const maxEval = (group as LBFGSOptions).maxEval ?? Math.floor((maxIter * 5) / 4)

    const asked = await withGrad(true, closure)
    let { loss, gradient } = await this.evaluation(asked)
    let evaluations = 1
    let steepest = largest(gradient)
    for (let i = 1; i <= maxIter && steepest > toleranceGrad; i++) {
      state.nIter++
      if (state.nIter > 1) remember(state, gradient, historySize)
      const d = leaf(state.nIter === 1 ? wrap(neg(gradient.node)) : direction(state, gradient))
      const slope = dot(gradient, d)
      Object.assign(state, { d, prevFlatGrad: gradient, prevLoss: loss })
      state.t = lr * (state.nIter === 1 ? Math.min(1, 1 / sum(abs(gradient.node))) : 1)
      if (slope > -toleranceChange) break

      const origin = this.parameters().map((parameter) => hold(parameter.node))
      if (lineSearchFn === 'strong_wolfe') {
        const evaluate = async (t: number): Promise<Evaluation & { slope: number }> => {
          this.place(moved(origin, t, d))
          const found = await this.evaluation(await withGrad(true, closure))
          return { ...found, slope: dot(found.gradient, d) }
        }
        const limits = { toleranceChange, maxEvaluations: maxEval - evaluations }
        const found = await strongWolfe(evaluate, { loss, gradient, slope }, state.t, largest(d), limits)
        state.t = found.t
        loss = found.loss
        gradient = found.gradient
        evaluations += found.evaluations
        this.place(moved(origin, state.t, d))
      } else {
        this.place(moved(origin, state.t, d))
        if (i === maxIter) break
        const found = await this.evaluation(await withGrad(true, closure))
        loss = found.loss
        gradient = found.gradient
        evaluations++
      }
      steepest = largest(gradient)
      if (evaluations >= maxEval) break
      if (largest(d) * Math.abs(state.t) <= toleranceChange) break
      if (Math.abs(loss - state.prevLoss) < toleranceChange) break
    }
    state.funcEvals += evaluations
    this.state.set(first as Tensor, state)
    return asked
  }

  private fresh(): LBFGSState {
    const flat = (): Tensor => leaf(wrap(this.flatten(() => undefined)))
    return {
      ...{ funcEvals: 0, nIter: 0, t: 0, HDiag: 1, prevLoss: 0 },
      ...{ oldDirs: [], oldStps: [], ro: [], d: flat(), prevFlatGrad: flat() },
    }
  }

  private async evaluation(loss: Tensor): Promise<Evaluation> {
    const gradient = leaf(wrap(this.flatten((parameter) => parameter.node.slot?.grad)))
    return { loss: await loss.item(), gradient }
  }

  /** One vector of what `part` gives for each parameter, zero where it gives nothing. */
  private flatten(part: (parameter: Tensor) => Node | undefined): Node {
    const parts = this.parameters().map((parameter) => {
      const { shape, dtype } = parameter.node
      return reshape(part(parameter) ?? broadcastTo(constant(0, dtype), shape), [sizeOf(shape)])
    })
    return parts.length === 1 ? (parts[0] as Node) : concat(parts, 0)
  }

  /** Gives the parameters new values. */
  private place(values: readonly Node[]): void {
    this.parameters().forEach((parameter, i) => {
      assign(parameter, values[i] as Node)
    })
    realizeNodes()
  }
}

/** Adds the newest pair, and drops the oldest one when there are more than `historySize`. */
function remember(state: LBFGSState, gradient: Tensor, historySize: number): void {
  const y = leaf(wrap(sub(gradient.node, state.prevFlatGrad.node)))
  const s = leaf(wrap(mul(state.d.node, state.t)))
  const curvature = dot(y, s)
  if (curvature <= leastCurvature) return
  state.oldDirs = [...state.oldDirs, y].slice(-historySize)
  state.oldStps = [...state.oldStps, s].slice(-historySize)
  state.ro = [...state.ro, 1 / curvature].slice(-historySize)
  state.HDiag = curvature / dot(y, y)
}

/** −H · ∇f by the two-loop recursion. */
function direction({ oldDirs, oldStps, ro, HDiag }: LBFGSState, gradient: Tensor): Tensor {
  const pairs = ro.map((rho, i) => ({ rho, y: oldDirs[i]?.node as Node, s: oldStps[i]?.node as Node }))
  const alphas = new Map<object, Node>()
  let q = neg(gradient.node)
  for (const pair of pairs.toReversed()) {
    const alpha = mul(product(pair.s, q), pair.rho)
    alphas.set(pair, alpha)
    q = sub(q, mul(pair.y, alpha))
  }
  let d = mul(q, HDiag)
  for (const pair of pairs) {
    const beta = mul(product(pair.y, d), pair.rho)
    d = add(d, mul(pair.s, sub(alphas.get(pair) as Node, beta)))
  }
  return wrap(d)
}

/** Positions `origin` + t · d. */
function moved(origin: readonly Node[], t: number, d: Tensor): Node[] {
  let offset = 0
  return origin.map((node) => {
    const end = offset + sizeOf(node.shape)
    const part = reshape(sliceDim(d.node, 0, offset, end), node.shape)
    offset = end
    return add(node, mul(part, t))
  })
}

/** The value, realised, without history. */
function leaf(x: Tensor): Tensor {
  const kept = stateLike(x.node)
  assign(kept, x.node)
  realizeNodes()
  return kept
}

const product = (a: Node, b: Node): Node => reduce(mul(a, b), 'sum', [0])
const dot = (a: Tensor, b: Tensor): number => wrap(product(a.node, b.node)).itemSync()
const sum = (x: Node): number => wrap(reduce(x, 'sum', [0])).itemSync()
const largest = (x: Tensor): number => wrap(reduce(abs(x.node), 'max', [0])).itemSync()
