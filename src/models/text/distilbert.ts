import { relu } from '../../nn/functional/activations.ts'
import { ModuleList } from '../../nn/containers.ts'
import { Dropout } from '../../nn/layers/dropout.ts'
import { Embedding } from '../../nn/layers/embedding.ts'
import { LayerNorm } from '../../nn/layers/layer-norm.ts'
import { Linear } from '../../nn/layers/linear.ts'
import { Module } from '../../nn/module.ts'
import { arange } from '../../tensor/creation.ts'
import type { Tensor } from '../../tensor/tensor.ts'
import type { Settings } from '../../io/settings.ts'
import { type Activation, activationOf } from './activation.ts'
import { start } from './bert.ts'
import { attend, type Span, spanOf, type TextInputs, tokenMask } from './heads.ts'

/** DistilBERT (Sanh et al. 2019) with the names of transformers: half of BERT's layers, no kinds of tokens, no pooler. */

const eps = 1e-12

class Embeddings extends Module {
  word_embeddings: Embedding
  position_embeddings: Embedding
  LayerNorm: LayerNorm
  dropout: Dropout

  constructor(config: Settings) {
    super()
    const width = config.number('dim')
    this.word_embeddings = new Embedding(config.number('vocab_size'), width)
    this.position_embeddings = new Embedding(config.number('max_position_embeddings', 512), width)
    this.LayerNorm = new LayerNorm(width, { eps })
    this.dropout = new Dropout(config.number('dropout', 0.1))
  }

  forward(tokens: Tensor): Tensor {
    const places = this.position_embeddings.forward(arange(tokens.shape[1]!, { dtype: 'int32' }))
    return this.dropout.forward(this.LayerNorm.forward(this.word_embeddings.forward(tokens).add(places)))
  }
}

class SelfAttention extends Module {
  q_lin: Linear
  k_lin: Linear
  v_lin: Linear
  out_lin: Linear
  readonly heads: number
  readonly dropout: number

  constructor(config: Settings) {
    super()
    const width = config.number('dim')
    this.q_lin = new Linear(width, width)
    this.k_lin = new Linear(width, width)
    this.v_lin = new Linear(width, width)
    this.out_lin = new Linear(width, width)
    this.heads = config.number('n_heads')
    this.dropout = config.number('attention_dropout', 0.1)
  }

  forward(x: Tensor, mask: Tensor | undefined): Tensor {
    const { heads, training } = this
    const parts = [this.q_lin.forward(x), this.k_lin.forward(x), this.v_lin.forward(x)] as const
    return this.out_lin.forward(attend(parts, { heads, mask, dropout: training ? this.dropout : 0 }))
  }
}

class FeedForward extends Module {
  dropout: Dropout
  lin1: Linear
  lin2: Linear
  readonly activation: Activation

  constructor(config: Settings) {
    super()
    this.dropout = new Dropout(config.number('dropout', 0.1))
    this.lin1 = new Linear(config.number('dim'), config.number('hidden_dim'))
    this.lin2 = new Linear(config.number('hidden_dim'), config.number('dim'))
    this.activation = activationOf(config, 'activation', 'gelu')
  }

  forward(x: Tensor): Tensor {
    return this.dropout.forward(this.lin2.forward(this.activation(this.lin1.forward(x))))
  }
}

class Block extends Module {
  attention: SelfAttention
  sa_layer_norm: LayerNorm
  ffn: FeedForward
  output_layer_norm: LayerNorm

  constructor(config: Settings) {
    super()
    const width = config.number('dim')
    this.attention = new SelfAttention(config)
    this.sa_layer_norm = new LayerNorm(width, { eps })
    this.ffn = new FeedForward(config)
    this.output_layer_norm = new LayerNorm(width, { eps })
  }

  forward(x: Tensor, mask: Tensor | undefined): Tensor {
    const y = this.sa_layer_norm.forward(this.attention.forward(x, mask).add(x))
    return this.output_layer_norm.forward(this.ffn.forward(y).add(y))
  }
}

class Transformer extends Module {
  layer: ModuleList<Block>

  constructor(config: Settings) {
    super()
    this.layer = new ModuleList(Array.from({ length: config.number('n_layers') }, () => new Block(config)))
  }

  forward(x: Tensor, mask: Tensor | undefined): Tensor {
    let y = x
    for (const layer of this.layer) y = layer.forward(y, mask)
    return y
  }
}

/** Tokens [N, L] → one row for each token [N, L, dim]. */
export class DistilBertModel extends Module {
  embeddings: Embeddings
  transformer: Transformer

  constructor(config: Settings) {
    super()
    this.embeddings = new Embeddings(config)
    this.transformer = new Transformer(config)
    start(this, config)
  }

  forward(tokens: Tensor, { attentionMask }: TextInputs = {}): Tensor {
    return this.transformer.forward(this.embeddings.forward(tokens), tokenMask(attentionMask))
  }
}

/** Tokens [N, L] → logits of what stands at each place [N, L, vocab_size]. */
export class DistilBertForMaskedLM extends Module {
  distilbert: DistilBertModel
  vocab_transform: Linear
  vocab_layer_norm: LayerNorm
  vocab_projector: Linear
  readonly activation: Activation

  constructor(config: Settings) {
    super()
    const width = config.number('dim')
    this.distilbert = new DistilBertModel(config)
    this.vocab_transform = new Linear(width, width)
    this.vocab_layer_norm = new LayerNorm(width, { eps })
    this.vocab_projector = new Linear(width, config.number('vocab_size'))
    this.vocab_projector.weight = this.distilbert.embeddings.word_embeddings.weight
    this.activation = activationOf(config, 'activation', 'gelu')
  }

  forward(tokens: Tensor, inputs: TextInputs = {}): Tensor {
    const y = this.activation(this.vocab_transform.forward(this.distilbert.forward(tokens, inputs)))
    return this.vocab_projector.forward(this.vocab_layer_norm.forward(y))
  }
}

/** Tokens [N, L] → logits [N, num_labels] from the first token. */
export class DistilBertForSequenceClassification extends Module {
  distilbert: DistilBertModel
  pre_classifier: Linear
  classifier: Linear
  dropout: Dropout

  constructor(config: Settings) {
    super()
    const width = config.number('dim')
    this.distilbert = new DistilBertModel(config)
    this.pre_classifier = new Linear(width, width)
    this.classifier = new Linear(width, config.number('num_labels', 2))
    this.dropout = new Dropout(config.number('seq_classif_dropout', 0.2))
  }

  forward(tokens: Tensor, inputs: TextInputs = {}): Tensor {
    const first = this.distilbert.forward(tokens, inputs).select(1, 0)
    return this.classifier.forward(this.dropout.forward(relu(this.pre_classifier.forward(first))))
  }
}

/** Tokens [N, L] → logits for each token [N, L, num_labels]. */
export class DistilBertForTokenClassification extends Module {
  distilbert: DistilBertModel
  dropout: Dropout
  classifier: Linear

  constructor(config: Settings) {
    super()
    this.distilbert = new DistilBertModel(config)
    this.dropout = new Dropout(config.number('dropout', 0.1))
    this.classifier = new Linear(config.number('dim'), config.number('num_labels', 2))
  }

  forward(tokens: Tensor, inputs: TextInputs = {}): Tensor {
    return this.classifier.forward(this.dropout.forward(this.distilbert.forward(tokens, inputs)))
  }
}

/** Tokens [N, L] of question and text → where the answer begins and ends. */
export class DistilBertForQuestionAnswering extends Module {
  distilbert: DistilBertModel
  qa_outputs: Linear
  dropout: Dropout

  constructor(config: Settings) {
    super()
    this.distilbert = new DistilBertModel(config)
    this.qa_outputs = new Linear(config.number('dim'), 2)
    this.dropout = new Dropout(config.number('qa_dropout', 0.1))
  }

  forward(tokens: Tensor, inputs: TextInputs = {}): Span {
    return spanOf(this.qa_outputs.forward(this.dropout.forward(this.distilbert.forward(tokens, inputs))))
  }
}
