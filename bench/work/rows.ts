import { F, randn, realize, type Tensor } from 'gradus'
import { input, type Kind, sample } from './work.ts'

/** Forward and backward through an operation on the rows of x; the gradient of x is computed, nothing is read. */
export interface RowsWork {
  readonly kind: 'rows'
  readonly op: 'softmax' | 'layernorm' | 'gelu_chain'
  readonly shape: readonly [rows: number, columns: number]
}

const operations: Readonly<Record<RowsWork['op'], (x: Tensor) => Tensor>> = {
  softmax: (x) => F.softmax(x, -1).pow(2),
  layernorm: (x) => F.layerNorm(x, x.shape.slice(-1)).pow(2),
  gelu_chain: (x) => F.gelu(x.mul(1.5).add(0.5)).mul(x),
}

export const rows: Kind<RowsWork> = {
  checkAfter: 3,

  inputs: ({ shape }) => new Map([['x', randn(shape)]]),

  prepare({ op }, inputs) {
    const x = input(inputs, 'x').requireGrad()
    return {
      async run() {
        x.grad = undefined
        operations[op](x).sum().backward()
        await realize(x.grad!)
      },
      // The gradient of layer norm's sum of squares is next to nothing: only beside the result can it be compared.
      async evidence() {
        const gradient = (await x.grad?.data()) ?? []
        return [...sample(await operations[op](x).data()), ...sample(gradient)]
      },
    }
  },

  flops: () => null,
}
