import { normal } from '../../nn/init.ts'
import { generate, type GenerateOptions } from '../../nn/generation/generate.ts'
import type { KeyValueCache } from '../../nn/key-value-cache.ts'
import { Embedding } from '../../nn/layers/embedding.ts'
import { LayerNorm } from '../../nn/layers/layer-norm.ts'
import { Linear } from '../../nn/layers/linear.ts'
import { LearnedPositions } from '../../nn/layers/positions.ts'
import { Module } from '../../nn/module.ts'
import { TransformerEncoder, TransformerEncoderLayer } from '../../nn/transformer/encoder.ts'
import type { Tensor } from '../../tensor/tensor.ts'

export interface GptOptions {
  /** Number of tokens. */
  readonly vocabulary: number
  /** Longest text that it sees at once, in tokens. Default 64. */
  readonly context?: number
  /** Default 4. */
  readonly layers?: number
  /** Default 4. */
  readonly heads?: number
  /** Size of each position's row. Default 128. */
  readonly size?: number
  /** Default 0. */
  readonly dropout?: number
}

/**
 * A small GPT (Radford et al. 2019): tokens [N, T] → logits of the token after each [N, T, vocabulary]. Weights begin as in nanoGPT;
 * embedding and head are tied.
 */
export class Gpt extends Module {
  readonly context: number
  embedding: Embedding
  positions: LearnedPositions
  body: TransformerEncoder
  head: Linear

  constructor({ vocabulary, context = 64, layers = 4, heads = 4, size = 128, dropout = 0 }: GptOptions) {
    super()
    this.context = context
    this.embedding = new Embedding(vocabulary, size)
    this.positions = new LearnedPositions(context, size)
    const options = { dimFeedforward: 4 * size, dropout, bias: false, batchFirst: true, normFirst: true } as const
    const layer = (): TransformerEncoderLayer =>
      new TransformerEncoderLayer(size, heads, { ...options, activation: 'gelu' })
    this.body = new TransformerEncoder(layer, layers, { norm: new LayerNorm(size, { bias: false }) })
    this.head = new Linear(size, vocabulary, { bias: false })
    for (const parameter of this.parameters()) if (parameter.rank === 2) normal(parameter, { std: 0.02 })
    this.head.weight = this.embedding.weight
  }

  forward(tokens: Tensor, { cache }: { readonly cache?: KeyValueCache | undefined } = {}): Tensor {
    const x = this.positions.forward(this.embedding.forward(tokens), {
      positions: cache?.positions(tokens.shape[1] ?? 0),
    })
    return this.head.forward(this.body.forward(x, { isCausal: true, cache }))
  }

  /** Goes on from `prompt`, also beyond the context: then from the last half of it. See `nn.generate`. */
  async write(prompt: readonly number[], { maxNewTokens = 50, ...options }: GenerateOptions = {}): Promise<number[]> {
    const half = Math.ceil(this.context / 2)
    const text = [...prompt]
    let left = maxNewTokens
    while (left > 0) {
      const seen = text.length < this.context ? text : text.slice(-half)
      const wanted = Math.min(left, this.context - seen.length)
      const tokens = await generate(this, seen, { ...options, maxNewTokens: wanted })
      text.push(...tokens)
      left -= tokens.length
      if (tokens.length < wanted) break
    }
    return text.slice(prompt.length)
  }
}
