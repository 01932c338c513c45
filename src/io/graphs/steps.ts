import { ValueError } from '../../core/errors.ts'
import { postorder } from '../../graph/walk.ts'
import type { Tensor } from '../../tensor/tensor.ts'
import { settled } from './known.ts'

/** One of the outputs of a node. */
export interface Edge {
  readonly node: string
  readonly output: number
}

/** What a node does: from its inputs to its outputs. */
export type Compute = (inputs: readonly Tensor[]) => Tensor | readonly Tensor[]

/** A node that computes. */
export interface Step {
  readonly name: string
  /** The operation, as errors call it. */
  readonly op: string
  /** An input that may be left out is undefined where it is. */
  readonly inputs: readonly (Edge | undefined)[]
  readonly compute: Compute
}

/** The outputs of nodes, by their names. */
export type Values = Map<string, readonly Tensor[]>

/** The nodes of a graph that compute, carried out one by one. */
export class Steps {
  readonly #steps: ReadonlyMap<string, Step>
  readonly #orders = new Map<string, readonly Step[]>()

  constructor(steps: ReadonlyMap<string, Step>) {
    this.#steps = steps
  }

  has(name: string): boolean {
    return this.#steps.has(name)
  }

  /** What `outputs` are, with those of all other nodes in `values`, which takes up what is computed on the way. */
  run(values: Values, outputs: readonly Edge[]): Tensor[] {
    const read = ({ node, output }: Edge): Tensor => {
      const value = values.get(node)?.[output]
      if (value) return value
      throw new ValueError('GraphModel', `node '${node}' has no output ${output}`)
    }
    for (const step of this.order(outputs)) {
      // What is left out is only read by operations that know that it may be.
      const given = step.inputs.map((edge) => (edge ? read(edge) : undefined)) as Tensor[]
      values.set(
        step.name,
        carryOut(step, given).map((x) => settled(x, given)),
      )
    }
    return outputs.map(read)
  }

  /** What has to be computed for `outputs`, producers first. */
  private order(outputs: readonly Edge[]): readonly Step[] {
    const key = outputs.map(({ node }) => node).join(' ')
    const known = this.#orders.get(key)
    if (known) return known
    const producers = ({ inputs }: Pick<Step, 'inputs'>): Step[] =>
      inputs.flatMap((edge) => (edge && this.#steps.get(edge.node)) ?? [])
    const order = postorder(producers({ inputs: outputs }), producers)
    const done = new Set<Step>()
    for (const step of order) {
      if (!producers(step).every((producer) => done.has(producer)))
        throw new ValueError('GraphModel', `node '${step.name}' depends on itself`)
      done.add(step)
    }
    this.#orders.set(key, order)
    return order
  }
}

/** The outputs of a step; what goes wrong is told with its name. */
function carryOut({ name, op, compute }: Step, inputs: readonly Tensor[]): readonly Tensor[] {
  try {
    return [compute(inputs)].flat()
  } catch (error) {
    throw new ValueError('GraphModel', `node '${name}' (${op}): ${(error as Error).message}`, { cause: error })
  }
}
