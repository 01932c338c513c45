import { tanh } from '../../nn/functional/activations.ts'
import { ModuleList } from '../../nn/containers.ts'
import { normal, zeros as setZeros } from '../../nn/init.ts'
import { Dropout } from '../../nn/layers/dropout.ts'
import { Embedding } from '../../nn/layers/embedding.ts'
import { LayerNorm } from '../../nn/layers/layer-norm.ts'
import { Linear } from '../../nn/layers/linear.ts'
import { Module } from '../../nn/module.ts'
import { Parameter } from '../../nn/parameter.ts'
import { arange, zeros, zerosLike } from '../../tensor/creation.ts'
import type { Tensor } from '../../tensor/tensor.ts'
import type { Settings } from '../../io/settings.ts'
import { type Activation, activationOf } from './activation.ts'
import { attend, type Span, spanOf, type TextInputs, tokenMask } from './heads.ts'

/**
 * BERT (Devlin et al. 2018) and RoBERTa (Liu et al. 2019) with the names of transformers. They differ in where positions begin to
 * count and in the form of their heads.
 */

class Embeddings extends Module {
  word_embeddings: Embedding
  position_embeddings: Embedding
  token_type_embeddings: Embedding
  LayerNorm: LayerNorm
  dropout: Dropout
  /** The number of the padding token where positions count from behind it, as in RoBERTa. */
  readonly paddingToken: number | undefined

  constructor(config: Settings, family: Family) {
    super()
    const width = config.number('hidden_size')
    this.word_embeddings = new Embedding(config.number('vocab_size'), width)
    this.position_embeddings = new Embedding(config.number('max_position_embeddings'), width)
    this.token_type_embeddings = new Embedding(config.number('type_vocab_size', 2), width)
    this.LayerNorm = new LayerNorm(width, { eps: config.number('layer_norm_eps', 1e-12) })
    this.dropout = new Dropout(config.number('hidden_dropout_prob', 0.1))
    this.paddingToken = family === 'roberta' ? config.number('pad_token_id', 1) : undefined
  }

  forward(tokens: Tensor, types: Tensor | undefined): Tensor {
    const words = this.word_embeddings.forward(tokens)
    const kinds = this.token_type_embeddings.forward(types ?? zerosLike(tokens))
    const places = this.position_embeddings.forward(this.positions(tokens))
    return this.dropout.forward(this.LayerNorm.forward(words.add(kinds).add(places)))
  }

  private positions(tokens: Tensor): Tensor {
    const { paddingToken } = this
    if (paddingToken === undefined) return arange(tokens.shape[1]!, { dtype: 'int32' })
    const real = tokens.ne(paddingToken).to('int32')
    return real.cumsum(1).mul(real).add(paddingToken)
  }
}

class SelfAttention extends Module {
  query: Linear
  key: Linear
  value: Linear
  readonly heads: number
  readonly dropout: number

  constructor(config: Settings) {
    super()
    const width = config.number('hidden_size')
    this.query = new Linear(width, width)
    this.key = new Linear(width, width)
    this.value = new Linear(width, width)
    this.heads = config.number('num_attention_heads')
    this.dropout = config.number('attention_probs_dropout_prob', 0.1)
  }

  forward(x: Tensor, mask: Tensor | undefined): Tensor {
    const { heads, training } = this
    const parts = [this.query.forward(x), this.key.forward(x), this.value.forward(x)] as const
    return attend(parts, { heads, mask, dropout: training ? this.dropout : 0 })
  }
}

/** Linear layer and dropout beside a shortcut, then normalisation. */
class Output extends Module {
  dense: Linear
  LayerNorm: LayerNorm
  dropout: Dropout

  constructor(inputs: number, config: Settings) {
    super()
    const width = config.number('hidden_size')
    this.dense = new Linear(inputs, width)
    this.LayerNorm = new LayerNorm(width, { eps: config.number('layer_norm_eps', 1e-12) })
    this.dropout = new Dropout(config.number('hidden_dropout_prob', 0.1))
  }

  forward(x: Tensor, shortcut: Tensor): Tensor {
    return this.LayerNorm.forward(this.dropout.forward(this.dense.forward(x)).add(shortcut))
  }
}

class Attention extends Module {
  self: SelfAttention
  output: Output

  constructor(config: Settings) {
    super()
    this.self = new SelfAttention(config)
    this.output = new Output(config.number('hidden_size'), config)
  }

  forward(x: Tensor, mask: Tensor | undefined): Tensor {
    return this.output.forward(this.self.forward(x, mask), x)
  }
}

class Intermediate extends Module {
  dense: Linear
  readonly activation: Activation

  constructor(config: Settings) {
    super()
    this.dense = new Linear(config.number('hidden_size'), config.number('intermediate_size'))
    this.activation = activationOf(config, 'hidden_act', 'gelu')
  }

  forward(x: Tensor): Tensor {
    return this.activation(this.dense.forward(x))
  }
}

class EncoderLayer extends Module {
  attention: Attention
  intermediate: Intermediate
  output: Output

  constructor(config: Settings) {
    super()
    this.attention = new Attention(config)
    this.intermediate = new Intermediate(config)
    this.output = new Output(config.number('intermediate_size'), config)
  }

  forward(x: Tensor, mask: Tensor | undefined): Tensor {
    const y = this.attention.forward(x, mask)
    return this.output.forward(this.intermediate.forward(y), y)
  }
}

class Encoder extends Module {
  layer: ModuleList<EncoderLayer>

  constructor(config: Settings) {
    super()
    const count = config.number('num_hidden_layers')
    this.layer = new ModuleList(Array.from({ length: count }, () => new EncoderLayer(config)))
  }

  forward(x: Tensor, mask: Tensor | undefined): Tensor {
    let y = x
    for (const layer of this.layer) y = layer.forward(y, mask)
    return y
  }
}

/** A linear layer and tanh over the first token. */
class Pooler extends Module {
  dense: Linear

  constructor(width: number) {
    super()
    this.dense = new Linear(width, width)
  }

  forward(x: Tensor): Tensor {
    return tanh(this.dense.forward(x.select(1, 0)))
  }
}

/** Which of the two networks. */
export type Family = 'bert' | 'roberta'

/** Tokens [N, L] → one row for each token [N, L, hidden_size]. */
export class BertModel extends Module {
  embeddings: Embeddings
  encoder: Encoder
  pooler: Pooler | undefined

  constructor(config: Settings, { family = 'bert', pooler = true }: { family?: Family; pooler?: boolean } = {}) {
    super()
    this.embeddings = new Embeddings(config, family)
    this.encoder = new Encoder(config)
    this.pooler = pooler ? new Pooler(config.number('hidden_size')) : undefined
    start(this, config)
  }

  forward(tokens: Tensor, { attentionMask, tokenTypeIds }: TextInputs = {}): Tensor {
    return this.encoder.forward(this.embeddings.forward(tokens, tokenTypeIds), tokenMask(attentionMask))
  }

  /** What the pooler makes of the first token [N, hidden_size]. */
  pooled(rows: Tensor): Tensor {
    return this.pooler ? this.pooler.forward(rows) : rows.select(1, 0)
  }
}

/** Normal weights and zero biases (Devlin et al. 2018). */
export function start(model: Module, config: Settings): void {
  const std = config.number('initializer_range', 0.02)
  for (const module of model.modules()) {
    if (!(module instanceof Linear || module instanceof Embedding)) continue
    normal(module.weight, { std })
    if (module instanceof Linear && module.bias) setZeros(module.bias)
  }
}

/** Two layers that turn rows into logits of tokens; the second has the weights of the embedding. */
class Predictions extends Module {
  bias: Parameter
  transform: Transform
  decoder: Linear

  constructor(config: Settings, words: Parameter) {
    super()
    const [vocabulary, width] = words.shape as [number, number]
    this.bias = new Parameter(zeros([vocabulary]))
    this.transform = new Transform(config)
    this.decoder = new Linear(width, vocabulary)
    this.decoder.weight = words
    this.decoder.bias = this.bias
  }

  forward(x: Tensor): Tensor {
    return this.decoder.forward(this.transform.forward(x))
  }
}

class Transform extends Module {
  dense: Linear
  LayerNorm: LayerNorm
  readonly activation: Activation

  constructor(config: Settings) {
    super()
    const width = config.number('hidden_size')
    this.dense = new Linear(width, width)
    this.LayerNorm = new LayerNorm(width, { eps: config.number('layer_norm_eps', 1e-12) })
    this.activation = activationOf(config, 'hidden_act', 'gelu')
  }

  forward(x: Tensor): Tensor {
    return this.LayerNorm.forward(this.activation(this.dense.forward(x)))
  }
}

class OnlyMlm extends Module {
  predictions: Predictions

  constructor(config: Settings, words: Parameter) {
    super()
    this.predictions = new Predictions(config, words)
  }

  forward(x: Tensor): Tensor {
    return this.predictions.forward(x)
  }
}

/** Tokens [N, L] → logits of what stands at each place [N, L, vocab_size]. */
export class BertForMaskedLM extends Module {
  bert: BertModel
  cls: OnlyMlm

  constructor(config: Settings) {
    super()
    this.bert = new BertModel(config, { pooler: false })
    this.cls = new OnlyMlm(config, this.bert.embeddings.word_embeddings.weight)
  }

  forward(tokens: Tensor, inputs: TextInputs = {}): Tensor {
    return this.cls.forward(this.bert.forward(tokens, inputs))
  }
}

/** Tokens [N, L] → logits [N, num_labels] from the pooled first token. */
export class BertForSequenceClassification extends Module {
  bert: BertModel
  dropout: Dropout
  classifier: Linear

  constructor(config: Settings) {
    super()
    this.bert = new BertModel(config)
    this.dropout = headDropout(config)
    this.classifier = new Linear(config.number('hidden_size'), config.number('num_labels', 2))
  }

  forward(tokens: Tensor, inputs: TextInputs = {}): Tensor {
    return this.classifier.forward(this.dropout.forward(this.bert.pooled(this.bert.forward(tokens, inputs))))
  }
}

/** Tokens [N, L] → logits for each token [N, L, num_labels]. */
export class BertForTokenClassification extends Module {
  bert: BertModel
  dropout: Dropout
  classifier: Linear

  constructor(config: Settings) {
    super()
    this.bert = new BertModel(config, { pooler: false })
    this.dropout = headDropout(config)
    this.classifier = new Linear(config.number('hidden_size'), config.number('num_labels', 2))
  }

  forward(tokens: Tensor, inputs: TextInputs = {}): Tensor {
    return this.classifier.forward(this.dropout.forward(this.bert.forward(tokens, inputs)))
  }
}

/** Tokens [N, L] of question and text → where the answer begins and ends. */
export class BertForQuestionAnswering extends Module {
  bert: BertModel
  qa_outputs: Linear

  constructor(config: Settings) {
    super()
    this.bert = new BertModel(config, { pooler: false })
    this.qa_outputs = new Linear(config.number('hidden_size'), 2)
  }

  forward(tokens: Tensor, inputs: TextInputs = {}): Span {
    return spanOf(this.qa_outputs.forward(this.bert.forward(tokens, inputs)))
  }
}

/** Of the head; where the configuration says nothing of it, that of the rows, which it calls `otherwise`. */
export function headDropout(config: Settings, otherwise = 'hidden_dropout_prob'): Dropout {
  return new Dropout(config.number('classifier_dropout', config.number(otherwise, 0.1)))
}
