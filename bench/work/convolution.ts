import { compile, F, gradients, randn, realize, type Tensor } from 'gradus'
import { input, type Kind, sample } from './work.ts'

/** A convolution without bias of x [batch, in, size, size], or one of its two gradients, alone. */
export interface ConvolutionWork {
  readonly kind: 'convolution'
  readonly pass: 'forward' | 'data' | 'weight'
  readonly batch: number
  readonly in: number
  readonly out: number
  readonly size: number
  readonly kernel: number
  readonly stride: number
  readonly padding: number
}

const outputSize = ({ size, kernel, stride, padding }: ConvolutionWork): number =>
  Math.floor((size + 2 * padding - kernel) / stride) + 1

export const convolution: Kind<ConvolutionWork> = {
  checkAfter: 3,

  inputs(work) {
    const side = outputSize(work)
    return new Map([
      ['x', randn([work.batch, work.in, work.size, work.size])],
      ['w', randn([work.out, work.in, work.kernel, work.kernel])],
      ['dy', randn([work.batch, work.out, side, side])],
    ])
  },

  prepare({ pass, stride, padding }, inputs) {
    const [x, w, dy] = ['x', 'w', 'dy'].map((name) => input(inputs, name)) as [Tensor, Tensor, Tensor]
    if (pass !== 'forward') (pass === 'data' ? x : w).requireGrad()
    // Compiled, since a plain program could still ask for the result beside its gradient, which then costs a product more.
    const alone = compile((): Tensor => {
      const y = F.conv2d(x, w, undefined, { stride, padding })
      return pass === 'forward' ? y : gradients(y, pass === 'data' ? x : w, { gradOutputs: [dy] })[0]!
    })
    let result: Tensor | undefined
    return {
      async run() {
        result = alone()
        await realize(result)
      },
      evidence: async () => sample((await result?.data()) ?? []),
    }
  },

  /** With the taps that fall on padding, as is customary. */
  flops(work) {
    return 2 * work.batch * work.out * outputSize(work) ** 2 * work.in * work.kernel ** 2
  },
}
