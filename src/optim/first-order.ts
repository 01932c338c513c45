import { type Node, withGrad } from '../graph/node.ts'
import { assign, realizeNodes } from '../runtime/realize.ts'
import { Tensor } from '../tensor/tensor.ts'
import { type Closure, type GroupOptions, Optimizer } from './optimizer.ts'
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
   * Updates every parameter that has a gradient, and submits the work. When the data does not allow it (a class label out of
   * range ...) the error is thrown and neither parameters nor state have changed.
   */
  step(): undefined
  step(closure: Closure): Tensor
  step(closure?: Closure): Tensor | undefined
  step(closure?: Closure): Tensor | undefined {
    const loss = closure && withGrad(true, closure)
    const before = new Map(this.state)
    withGrad(false, () => this.recordUpdates())
    try {
      realizeNodes()
    } catch (error) {
      for (const [parameter, state] of before) this.state.set(parameter, state)
      throw error
    }
    return loss
  }

  /** Records the update of all parameters. */
  private recordUpdates(): void {
    for (const group of this.paramGroups) {
      for (const parameter of group.params) {
        const gradient = parameter.node.slot?.grad
        if (!gradient) continue
        const state = this.complete(this.state.get(parameter) as S, parameter.node, group)
        const [next, nextState] = this.update(parameter.node, gradient, recorded(state), group)
        assign(parameter, next)
        this.state.set(parameter, assignState(state, nextState))
      }
    }
  }
}

function recorded<S extends ParameterState>(state: S): Recorded<S> {
  const nodes = Object.entries(state).map(([name, value]) => [name, value instanceof Tensor ? value.node : value])
  return Object.fromEntries(nodes) as Recorded<S>
}

/** Tensors move on to their next version, numbers are replaced; the old state stays as it was. */
function assignState<S extends ParameterState>(state: S, next: Recorded<S>): S {
  const entries = Object.entries(state).map(([name, value]) => {
    if (!(value instanceof Tensor)) return [name, next[name]]
    assign(value, next[name] as Node)
    return [name, value]
  })
  return Object.fromEntries(entries) as S
}
