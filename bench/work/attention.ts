import { F, randn, realize, type Tensor } from 'gradus'
import { input, type Kind, sample } from './work.ts'

/** Attention of [batch, heads, length, size], forward and backward. */
export interface AttentionWork {
  readonly kind: 'attention'
  readonly batch: number
  readonly heads: number
  readonly length: number
  readonly size: number
  readonly causal: boolean
}

const names = ['q', 'k', 'v'] as const

export const attention: Kind<AttentionWork> = {
  checkAfter: 2,

  inputs: ({ batch, heads, length, size }) =>
    new Map([...names, 'dy'].map((name) => [name, randn([batch, heads, length, size])])),

  prepare({ causal }, inputs) {
    const [q, k, v] = names.map((name) => input(inputs, name).requireGrad()) as [Tensor, Tensor, Tensor]
    const dy = input(inputs, 'dy')
    return {
      async run() {
        for (const x of [q, k, v]) x.grad = undefined
        F.scaledDotProductAttention(q, k, v, { isCausal: causal }).backward(dy)
        await realize(q.grad!, k.grad!, v.grad!)
      },
      evidence: async () => {
        const gradients = await Promise.all([q, k, v].map(({ grad }) => grad!.data()))
        return gradients.flatMap((values) => sample(values))
      },
    }
  },

  /** Two products forward and five backward; half of them where a query sees, on average, half of the keys. */
  flops: ({ batch, heads, length, size, causal }) => (7 * 2 * batch * heads * length ** 2 * size) / (causal ? 2 : 1),
}
