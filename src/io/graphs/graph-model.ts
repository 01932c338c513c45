import { isFloating } from '../../core/dtype.ts'
import { ValueError } from '../../core/errors.ts'
import { type Member, Module } from '../../nn/module.ts'
import type { Buffer, Parameter } from '../../nn/parameter.ts'
import type { Tensor } from '../../tensor/tensor.ts'
import { type Edge, type Step, Steps, type Values } from './steps.ts'

export interface GraphParts {
  readonly constants: ReadonlyMap<string, Parameter | Buffer>
  readonly steps: ReadonlyMap<string, Step>
  readonly inputs: readonly string[]
  readonly outputs: readonly Edge[]
  /** How the outputs are called. Default: as the nodes that give them. */
  readonly outputNames?: readonly string[]
}

/**
 * A graph of TensorFlow or ONNX whose nodes are carried out one by one. Its constants are the parameters, by their names in the graph:
 * those of floating dtype with at least one dimension can be trained and frozen, the others are buffers. Tensors are laid out as in
 * the graph: of TensorFlow mostly [N, H, W, C].
 *
 * Where shapes depend on the data (`Where`, `SparseToDense` ...) every new shape has kernels of its own: give batches of equal
 * shapes. Such a graph reads values while it records, so `compile` does not take it.
 */
export class GraphModel extends Module {
  readonly #constants: ReadonlyMap<string, Parameter | Buffer>
  readonly #steps: Steps
  readonly #inputs: readonly string[]
  readonly #outputs: readonly Edge[]
  readonly #outputNames: readonly string[]

  constructor({ constants, steps, inputs, outputs, outputNames }: GraphParts) {
    super()
    this.#constants = constants
    this.#steps = new Steps(steps)
    this.#inputs = inputs
    this.#outputs = outputs
    this.#outputNames = outputNames ?? outputs.map(({ node }) => node)
  }

  protected override members(): (readonly [string, Member])[] {
    return [...super.members(), ...this.#constants]
  }

  /** Names of the inputs, in the order in which {@link forward} takes them. */
  get inputNames(): string[] {
    return [...this.#inputs]
  }

  get outputNames(): string[] {
    return [...this.#outputNames]
  }

  /** The first output. */
  forward(...inputs: Tensor[]): Tensor {
    return this.run(inputs, [this.#outputs[0]!])[0]!
  }

  /** All outputs, in the order of {@link outputNames}. */
  forwardAll(...inputs: Tensor[]): Tensor[] {
    return this.run(inputs, this.#outputs)
  }

  /** What the node called `name` gives out, as features for another task. Throws a `ValueError` when there is none. */
  forwardTo(name: string, ...inputs: Tensor[]): Tensor {
    if (!this.#steps.has(name)) throw new ValueError('GraphModel', `no node that computes is called '${name}'`)
    return this.run(inputs, [{ node: name, output: 0 }])[0]!
  }

  private run(inputs: readonly Tensor[], outputs: readonly Edge[]): Tensor[] {
    if (inputs.length !== this.#inputs.length) {
      const names = this.#inputs.join(', ')
      throw new ValueError('GraphModel', `takes ${this.#inputs.length} inputs (${names}), received ${inputs.length}`)
    }
    const values: Values = new Map()
    for (const [name, constant] of this.#constants) values.set(name, [constant])
    for (const [i, input] of inputs.entries()) {
      // Whole numbers may decide shapes further on.
      if (!isFloating(input.dtype) && !input.isRealized) input.dataSync()
      values.set(this.#inputs[i]!, [input])
    }
    return this.#steps.run(values, outputs)
  }
}
