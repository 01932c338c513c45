import { Dropout } from '../../nn/layers/dropout.ts'
import { Embedding } from '../../nn/layers/embedding.ts'
import { Linear } from '../../nn/layers/linear.ts'
import { SinusoidalPositions } from '../../nn/layers/positions.ts'
import { Module } from '../../nn/module.ts'
import { LSTM } from '../../nn/recurrent/layers.ts'
import { TransformerEncoderLayer } from '../../nn/transformer/encoder.ts'
import type { Tensor } from '../../tensor/tensor.ts'

export interface TextClassifierOptions {
  /** Number of tokens; token 0 is padding. */
  readonly vocabulary: number
  readonly classes: number
  /** What reads the text: an LSTM in both directions, or a Transformer layer. Default 'lstm'. */
  readonly reader?: 'lstm' | 'transformer'
  /** Size of each token's row. Default 64. */
  readonly size?: number
  /** Longest text, in tokens. Default 64. */
  readonly maxLength?: number
  /** Share of the rows' and the mean's elements that is left out while learning. Default 0.5. */
  readonly dropout?: number
}

/** Tokens [N, T] that end with zeros where the text is shorter → logits [N, classes]: the mean of what was read, and a linear layer. */
export class TextClassifier extends Module {
  embedding: Embedding
  reader: Recurrent | Attentive
  dropout: Dropout
  head: Linear

  constructor({
    vocabulary,
    classes,
    reader = 'lstm',
    size = 64,
    maxLength = 64,
    dropout = 0.5,
  }: TextClassifierOptions) {
    super()
    this.embedding = new Embedding(vocabulary, size, { paddingIdx: 0 })
    this.reader = reader === 'lstm' ? new Recurrent(size) : new Attentive(size, maxLength)
    this.dropout = new Dropout(dropout)
    this.head = new Linear(this.reader.features, classes)
  }

  forward(tokens: Tensor): Tensor {
    const padding = tokens.eq(0)
    const y = this.reader.forward(this.dropout.forward(this.embedding.forward(tokens)), padding)
    const words = padding.logicalNot().to('float32').unsqueeze(-1)
    const mean = y.mul(words).sum(1).div(words.sum(1).maximum(1))
    return this.head.forward(this.dropout.forward(mean))
  }
}

/** x [N, T, size] → [N, T, 2 · size]. */
class Recurrent extends Module {
  lstm: LSTM
  readonly features: number

  constructor(size: number) {
    super()
    this.lstm = new LSTM(size, size, { bidirectional: true, batchFirst: true })
    this.features = 2 * size
  }

  forward(x: Tensor, _padding: Tensor): Tensor {
    return this.lstm.forward(x)[0]
  }
}

/** x [N, T, size] and which positions are padding, bool [N, T] → [N, T, size]. */
class Attentive extends Module {
  positions: SinusoidalPositions
  layer: TransformerEncoderLayer
  readonly features: number

  constructor(size: number, maxLength: number) {
    super()
    this.positions = new SinusoidalPositions(size, { maxLength })
    const options = { dimFeedforward: 2 * size, dropout: 0.2, batchFirst: true, normFirst: true } as const
    this.layer = new TransformerEncoderLayer(size, 4, options)
    this.features = size
  }

  forward(x: Tensor, padding: Tensor): Tensor {
    return this.layer.forward(this.positions.forward(x), { srcKeyPaddingMask: padding })
  }
}
