import { randn, realize, type Tensor } from 'gradus'
import { input, type Kind, sample } from './work.ts'

/** a [m, k] · b [k, n]. */
export interface MatmulWork {
  readonly kind: 'matmul'
  readonly m: number
  readonly k: number
  readonly n: number
  /** How a and b lie in memory: n as they are, t transposed. */
  readonly order: 'nn' | 'nt' | 'tn'
}

export const matmul: Kind<MatmulWork> = {
  checkAfter: 3,

  inputs({ m, k, n, order }) {
    return new Map([
      ['a', randn(order === 'tn' ? [k, m] : [m, k])],
      ['b', randn(order === 'nt' ? [n, k] : [k, n])],
    ])
  },

  prepare({ order }, inputs) {
    const stored = { a: input(inputs, 'a'), b: input(inputs, 'b') }
    const a = order === 'tn' ? stored.a.t() : stored.a
    const b = order === 'nt' ? stored.b.t() : stored.b
    let product: Tensor | undefined
    return {
      async run() {
        // PyTorch writes every product into the same memory.
        product?.dispose()
        product = a.matmul(b)
        await realize(product)
      },
      evidence: async () => sample((await product?.data()) ?? []),
    }
  },

  flops: ({ m, k, n }) => 2 * m * k * n,
}
