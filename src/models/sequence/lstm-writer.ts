import { withGrad } from '../../graph/node.ts'
import { type ChoiceOptions, draw } from '../../nn/generation/choose.ts'
import { Embedding } from '../../nn/layers/embedding.ts'
import { Linear } from '../../nn/layers/linear.ts'
import { Module } from '../../nn/module.ts'
import { LSTM } from '../../nn/recurrent/layers.ts'
import { tensor } from '../../tensor/creation.ts'
import type { Tensor } from '../../tensor/tensor.ts'

export interface LstmWriterOptions {
  /** Number of tokens. */
  readonly vocabulary: number
  /** Size of each token's row. Default 64. */
  readonly embedded?: number
  /** Default 256. */
  readonly hidden?: number
  /** Default 1. */
  readonly layers?: number
}

/** What an LSTM remembers: h and c, [layers, N, hidden] each. */
export type LstmState = readonly [h: Tensor, c: Tensor]

/** A language model that reads one token after the other: tokens [N, T] → logits of the token after each [N, T, vocabulary]. */
export class LstmWriter extends Module {
  embedding: Embedding
  lstm: LSTM
  head: Linear

  constructor({ vocabulary, embedded = 64, hidden = 256, layers = 1 }: LstmWriterOptions) {
    super()
    this.embedding = new Embedding(vocabulary, embedded)
    this.lstm = new LSTM(embedded, hidden, { numLayers: layers })
    this.head = new Linear(hidden, vocabulary)
  }

  forward(tokens: Tensor): Tensor {
    return this.read(tokens)[0]
  }

  /** Tokens [N, T] and what was remembered before (default nothing) → logits [N, T, vocabulary] and what is remembered now. */
  read(tokens: Tensor, state?: LstmState): [logits: Tensor, state: LstmState] {
    const [y, next] = this.lstm.forward(this.embedding.forward(tokens.t()), state)
    return [this.head.forward(y).transpose(0, 1), next]
  }

  /** Goes on from `prompt`, each token drawn from the model's distribution. */
  async write(
    prompt: readonly number[],
    { maxNewTokens = 50, ...choice }: Omit<ChoiceOptions, 'doSample'> & { readonly maxNewTokens?: number } = {},
  ): Promise<number[]> {
    const written: number[] = []
    let state: LstmState | undefined
    let logits: Tensor | undefined
    // One at a time, from the beginning: all steps have the same shapes.
    for (let at = 0; at < prompt.length + maxNewTokens - 1; at++) {
      const token = prompt[at] ?? written[at - prompt.length]!
      ;[logits, state] = withGrad(false, () => this.read(tensor(Int32Array.of(token), { shape: [1, 1] }), state))
      if (at >= prompt.length - 1) written.push(draw(Float64Array.from(await logits.data()), choice))
    }
    return written
  }
}
