import { type Node, withGrad } from '../graph/node.ts'
import { capturing, touchSlot } from '../runtime/capture.ts'
import { assign, submit, whenItFails } from '../runtime/realize.ts'
import { Tensor } from '../tensor/tensor.ts'
import { type Closure, type GroupOptions, Optimizer } from './optimizer.ts'
import { RepeatedUpdates } from './repeated-updates.ts'
import type { ParameterState } from './state.ts'

/** State as update equations see it: nodes and numbers. */
export type Recorded<S> = { [K in keyof S]: S[K] extends Tensor | undefined ? Extract<S[K], undefined> | Node : S[K] }

/** New parameter and new state. */
export type Update<S> = readonly [parameter: Node, state: Recorded<S>]

/** Optimizers that look at one gradient a step. What they do with it is one pure function, {@link update}. */
export abstract class FirstOrder<O extends GroupOptions, S extends ParameterState> extends Optimizer<O> {
  protected abstract override complete(known: Partial<S>, parameter: Node, options: O): S

  /** The update equations: from parameter, gradient and state to the new parameter and state. Shapes stay as they are. */
  protected abstract update(parameter: Node, gradient: Node, state: Recorded<S>, options: O): Update<S>

  /**
   * Updates every parameter that has a gradient, and submits the work: a step that takes long goes on beside the program. When
   * the data does not allow it (a class label out of range ...) the error is thrown, at the latest where somebody waits for a
   * result or takes the next step, and neither parameters nor state have changed.
   */
  step(): undefined
  step(closure: Closure): Tensor
  step(closure?: Closure): Tensor | undefined
  step(closure?: Closure): Tensor | undefined {
    const loss = closure && withGrad(true, closure)
    withGrad(false, () => this.recordUpdates())
    submit()
    return loss
  }

  /** Records the update of all parameters. */
  private recordUpdates(): void {
    const before: [Tensor, ParameterState | undefined][] = []
    const captured = capturing()
    const repeated = captured && new RepeatedUpdates<S>(this.state)
    whenItFails(() => {
      for (const [parameter, state] of before) this.state.set(parameter, state as ParameterState)
    })
    for (const group of this.paramGroups) {
      for (const parameter of group.params) {
        const { node } = parameter
        if (node.slot) touchSlot(node.slot)
        const gradient = node.slot?.grad
        if (!gradient) continue
        const known = this.state.get(parameter)
        const state = this.complete(known as S, node, group)
        const update = (from: Recorded<S>): Update<S> => this.update(node, gradient, from, group)
        const [next, nextState] = repeated
          ? repeated.record(parameter, recorded(state), update)
          : update(recorded(state))
        assign(parameter, next)
        before.push([parameter, known])
        this.state.set(parameter, assignState(state, nextState))
      }
    }
    if (repeated) captured.steps.push(repeated)
  }
}

function recorded<S extends ParameterState>(state: S): Recorded<S> {
  const nodes: Record<string, unknown> = {}
  for (const name in state) {
    const value: unknown = state[name]
    nodes[name] = value instanceof Tensor ? value.node : value
  }
  return nodes as Recorded<S>
}

/** Tensors move on to their next version, numbers are replaced; the old state stays as it was. */
function assignState<S extends ParameterState>(state: S, next: Recorded<S>): S {
  const assigned: Record<string, unknown> = {}
  for (const name in state) {
    const value: unknown = state[name]
    if (value instanceof Tensor) assign(value, next[name] as Node)
    assigned[name] = value instanceof Tensor ? value : next[name]
  }
  return assigned as S
}
