import { GradError, ShapeError, ValueError } from '../core/errors.ts'
import { formatShape, sameShape } from '../core/shape.ts'
import { isFloating } from '../core/dtype.ts'
import { isGradEnabled, type Node, type TensorType } from '../graph/node.ts'
import * as ops from '../graph/ops/scan.ts'
import { trace } from '../graph/scan/body.ts'
import { withoutTrace } from '../runtime/realize.ts'
import { wrap } from './base.ts'
import type { Tensor } from './tensor.ts'
import { leavesOf, rebuild, type Tree } from './tree.ts'

export interface ScanOptions {
  /** Number of steps, where there are no xs. */
  readonly length?: number
  /** From the last step to the first. ys keep their places. Default false. */
  readonly reverse?: boolean
}

/**
 * Runs `fn` once for each t with the state and x[t], and returns [state after the last step, ys of all steps], as
 * `jax.lax.scan`: `fn(state, x)` gives [next state, y]. State, x and y may be tensors or arrays and objects of them; each x is
 * [T, ...], each y comes out as [T, ...]. `fn` is called once, to see what it does: it must be synchronous, give a state of
 * the same shapes and dtypes, and may read any tensor from outside, which is then the same at every step. So are random
 * numbers drawn inside; draw them outside and pass them as xs. Gradients of any order flow; to truncate back-propagation,
 * scan piece by piece and `detach()` the state between them.
 *
 * ```ts
 * const [last, all] = scan((h, x) => { const next = h.matmul(w).add(x).tanh(); return [next, next] }, h0, xs)
 * ```
 */
export function scan<State extends Tree, X extends Tree, Y extends Tree>(
  fn: (state: State, x: X) => readonly [State, Y],
  init: State,
  xs: X,
  { length, reverse = false }: ScanOptions = {},
): [state: State, ys: Y] {
  const state = leavesOf(init)
  const inputs = leavesOf(xs)
  const steps = lengthOf(inputs, length)
  const rows = inputs.map(({ shape, dtype }): TensorType => ({ shape: shape.slice(1), dtype }))
  let outcome: readonly [State, Y] | undefined
  const requiresGrad = isGradEnabled()
  const { body, captures } = withoutTrace(() =>
    trace(
      [...state, ...rows],
      ({ dtype }) => requiresGrad && isFloating(dtype),
      (parameters) => {
        const given = parameters.map(wrap)
        outcome = checkOutcome(fn(rebuild(init, given.slice(0, state.length)), rebuild(xs, given.slice(state.length))))
        const next = leavesOf(outcome[0])
        checkState(state, next)
        return [...next, ...leavesOf(outcome[1])].map((x) => x.node)
      },
    ),
  )
  const nodes = (tensors: readonly Tensor[]): Node[] => tensors.map((x) => x.node)
  const { final, ys } = ops.scan(
    body,
    { state: nodes(state), xs: nodes(inputs), invariants: captures },
    { length: steps, reverse },
  )
  return [rebuild(init, final.map(wrap)), rebuild(outcome![1], ys.map(wrap))]
}

function lengthOf(xs: readonly Tensor[], given: number | undefined): number {
  const lengths = xs.map(({ shape }) => shape[0])
  const length = given ?? lengths[0]
  if (length === undefined) {
    throw new ValueError('scan', 'expects xs [T, ...] to go through, or { length } where there are none')
  }
  const odd = xs.find(({ shape }) => shape[0] !== length)
  if (odd)
    throw new ShapeError('scan', `expects ${length} steps in every x [T, ...], received ${formatShape(odd.shape)}`)
  return length
}

function checkOutcome<State, Y>(outcome: readonly [State, Y]): readonly [State, Y] {
  if (Array.isArray(outcome) && outcome.length === 2) return outcome
  const isPromise = typeof outcome === 'object' && outcome !== null && 'then' in outcome
  throw new GradError('scan', `expects fn to return [state, y], received ${isPromise ? 'a promise' : typeof outcome}`)
}

function checkState(before: readonly Tensor[], after: readonly Tensor[]): void {
  const show = ({ dtype, shape }: Tensor): string => `${dtype} ${formatShape(shape)}`
  const odd = before.findIndex((x, i) => {
    const y = after[i]
    return !y || y.dtype !== x.dtype || !sameShape(x.shape, y.shape)
  })
  if (odd < 0 && before.length === after.length) return
  const [expected, received] = odd < 0 ? ['', ''] : [show(before[odd]!), after[odd] ? show(after[odd]) : 'nothing']
  throw new ShapeError(
    'scan',
    odd < 0
      ? `fn gives a state of ${after.length} tensors, the initial one has ${before.length}`
      : `the state must keep its shape and dtype: tensor ${odd} is ${expected}, fn gives ${received}`,
  )
}
