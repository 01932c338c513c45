import type { Node } from '../graph/node.ts'
import { Tape } from '../graph/tape.ts'
import type { RepeatableStep } from '../runtime/capture.ts'
import type { Tensor } from '../tensor/tensor.ts'
import type { Recorded, Update } from './first-order.ts'
import type { ParameterState } from './state.ts'

interface RepeatedUpdate<S> {
  readonly parameter: Tensor
  readonly state: Recorded<S>
  /** Names of the numbers in the state. */
  readonly numbers: readonly (keyof S & string)[]
  readonly update: (state: Recorded<S>) => Update<S>
}

/**
 * A captured step of an optimizer. Parameters and moments are computed by the plan; what is left are the numbers in the update
 * equations (learning rates, bias corrections) and in the state (counts of steps). The equations are gone through again for
 * them, with the options and the state as they are then.
 */
export class RepeatedUpdates<S extends ParameterState> implements RepeatableStep {
  private readonly tape = new Tape()
  private readonly updates: RepeatedUpdate<S>[] = []
  private readonly states: ReadonlyMap<Tensor, ParameterState>
  private replaced: { readonly state: Record<string, unknown>; readonly name: string; readonly value: unknown }[] = []

  constructor(states: ReadonlyMap<Tensor, ParameterState>) {
    this.states = states
  }

  get scalars(): readonly Node[] {
    return this.tape.scalars
  }

  /** Records one update. */
  record(parameter: Tensor, state: Recorded<S>, update: (state: Recorded<S>) => Update<S>): Update<S> {
    const numbers = Object.keys(state).filter((name) => typeof state[name] === 'number')
    this.updates.push({ parameter, state: { ...state }, numbers, update })
    return this.tape.record(() => update(state))
  }

  advance(): readonly number[] {
    this.replaced = []
    return this.tape.repeat(() => {
      for (const { parameter, state, numbers, update } of this.updates) {
        const live = this.states.get(parameter) as Record<string, unknown>
        const known = state as Record<string, unknown>
        for (const name of numbers) known[name] = live[name]
        const [, next] = update(state)
        for (const name of numbers) {
          this.replaced.push({ state: live, name, value: live[name] })
          live[name] = next[name]
        }
      }
    })
  }

  undo(): void {
    for (const { state, name, value } of this.replaced.reverse()) state[name] = value
    this.replaced = []
  }
}
