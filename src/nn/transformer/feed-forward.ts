import { ValueError } from '../../core/errors.ts'
import type { Tensor } from '../../tensor/tensor.ts'
import { gelu, relu, sigmoid, silu } from '../functional/activations.ts'
import { checkWhole, type ParameterizedOptions } from '../layers/arguments.ts'
import { Linear } from '../layers/linear.ts'
import { Module } from '../module.ts'
import { snakeCase } from '../names.ts'

/** What a feed-forward block does between its two products. The gated ones (Shazeer 2020) double the first product. */
export type FeedForwardActivation =
  | 'relu'
  | 'gelu'
  | 'silu'
  | 'glu'
  | 'reglu'
  | 'geglu'
  | 'swiglu'
  | ((x: Tensor) => Tensor)

/** An activation as a function, and how many columns of the first product it makes one of. */
export interface Activation {
  readonly columns: 1 | 2
  apply(x: Tensor): Tensor
}

const plain: Readonly<Record<string, (x: Tensor) => Tensor>> = { relu, gelu, silu }

const gates: Readonly<Record<string, (x: Tensor) => Tensor>> = {
  glu: sigmoid,
  reglu: relu,
  geglu: gelu,
  swiglu: silu,
}

/** The activation of the layer `owner`. */
export function activationOf(owner: string, activation: FeedForwardActivation): Activation {
  if (typeof activation === 'function') return { columns: 1, apply: activation }
  const simple = plain[activation]
  if (simple) return { columns: 1, apply: simple }
  const gate = gates[activation]
  if (!gate) {
    const names = [...Object.keys(plain), ...Object.keys(gates)].join(', ')
    throw new ValueError(owner, `activation must be a function or one of ${names}, received '${String(activation)}'`)
  }
  return {
    columns: 2,
    apply(x) {
      const [a, b] = x.chunk(2, -1) as [Tensor, Tensor]
      return gate(a).mul(b)
    },
  }
}

export interface SwiGLUOptions extends ParameterizedOptions {
  /** Whether the three products have biases. Default false. */
  readonly bias?: boolean
}

/**
 * The feed-forward block of Llama (Shazeer, "GLU variants improve Transformer", 2020): x [.., dim] →
 * down(silu(gate(x)) ∘ up(x)) [.., dim], through `hiddenDim` columns.
 */
export class SwiGLU extends Module {
  readonly gateProj: Linear
  readonly upProj: Linear
  readonly downProj: Linear

  constructor(dim: number, hiddenDim: number, { bias = false, dtype = 'float32' }: SwiGLUOptions = {}) {
    super()
    checkWhole('SwiGLU', 'hiddenDim', hiddenDim)
    this.gateProj = new Linear(dim, hiddenDim, { bias, dtype })
    this.upProj = new Linear(dim, hiddenDim, { bias, dtype })
    this.downProj = new Linear(hiddenDim, dim, { bias, dtype })
  }

  protected override stateName(property: string): string {
    return snakeCase(property)
  }

  forward(x: Tensor): Tensor {
    return this.downProj.forward(silu(this.gateProj.forward(x)).mul(this.upProj.forward(x)))
  }
}
