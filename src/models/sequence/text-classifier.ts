import { normal } from '../../nn/init.ts'
import { Dropout, Dropout1d } from '../../nn/layers/dropout.ts'
import { Embedding } from '../../nn/layers/embedding.ts'
import { Linear } from '../../nn/layers/linear.ts'
import { LearnedPositions } from '../../nn/layers/positions.ts'
import { Module } from '../../nn/module.ts'
import { LSTM } from '../../nn/recurrent/layers.ts'
import { TransformerEncoderLayer } from '../../nn/transformer/encoder.ts'
import { concat } from '../../tensor/joining.ts'
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
  /** Share of the elements of rows and of what was read that is left out while learning. Default 0.5. */
  readonly dropout?: number
  /** Share of the words that are left out whole while learning. Default 0.2. */
  readonly wordDropout?: number
}

/**
 * Tokens [N, T] that end with zeros where the text is shorter → logits [N, classes]: mean and maximum of what was read, and a linear layer.
 *
 * Rows start small: a word that is met a few times is then what was learned of it, not the noise that it began with.
 */
export class TextClassifier extends Module {
  embedding: Embedding
  reader: Recurrent | Attentive
  dropout: Dropout
  wordDropout: Dropout1d
  head: Linear

  constructor({
    vocabulary,
    classes,
    reader = 'lstm',
    size = 64,
    maxLength = 64,
    dropout = 0.5,
    wordDropout = 0.2,
  }: TextClassifierOptions) {
    super()
    this.embedding = new Embedding(vocabulary, size, { paddingIdx: 0 })
    this.embedding.weight.assign(this.embedding.weight.mul(0.1))
    this.reader = reader === 'lstm' ? new Recurrent(size) : new Attentive(size, maxLength)
    this.dropout = new Dropout(dropout)
    this.wordDropout = new Dropout1d(wordDropout)
    this.head = new Linear(2 * this.reader.features, classes)
  }

  forward(tokens: Tensor): Tensor {
    const padding = tokens.eq(0)
    const x = this.dropout.forward(this.wordDropout.forward(this.embedding.forward(tokens)))
    const y = this.reader.forward(x, padding)
    return this.head.forward(this.dropout.forward(pooled(y, padding.unsqueeze(-1))))
  }
}

/** Mean and maximum over the positions of x [N, T, C] that are no padding [N, T, 1] → [N, 2 · C]; zeros where all are. */
function pooled(x: Tensor, padding: Tensor): Tensor {
  const words = padding.logicalNot().to(x.dtype)
  const mean = x.mul(words).sum(1).div(words.sum(1).maximum(1))
  const max = x.maskedFill(padding, -1e4).amax(1).mul(words.amax(1))
  return concat([mean, max], 1)
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
  positions: LearnedPositions
  layer: TransformerEncoderLayer
  readonly features: number

  constructor(size: number, maxLength: number) {
    super()
    this.positions = new LearnedPositions(maxLength, size)
    normal(this.positions.weight, { std: 0.02 })
    const options = { dimFeedforward: 2 * size, dropout: 0.2, batchFirst: true, normFirst: true } as const
    this.layer = new TransformerEncoderLayer(size, 4, options)
    this.features = size
  }

  forward(x: Tensor, padding: Tensor): Tensor {
    return this.layer.forward(this.positions.forward(x), { srcKeyPaddingMask: padding })
  }
}
