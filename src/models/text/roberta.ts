import { gelu, tanh } from '../../nn/functional/activations.ts'
import type { Dropout } from '../../nn/layers/dropout.ts'
import { LayerNorm } from '../../nn/layers/layer-norm.ts'
import { Linear } from '../../nn/layers/linear.ts'
import { Module } from '../../nn/module.ts'
import { Parameter } from '../../nn/parameter.ts'
import { zeros } from '../../tensor/creation.ts'
import type { Tensor } from '../../tensor/tensor.ts'
import type { Settings } from '../../io/settings.ts'
import { BertModel, headDropout } from './bert.ts'
import { type Span, spanOf, type TextInputs } from './heads.ts'

/** The heads of RoBERTa with the names of transformers; the network itself is {@link BertModel}. */

const body = (config: Settings): BertModel => new BertModel(config, { family: 'roberta', pooler: false })

class LmHead extends Module {
  bias: Parameter
  dense: Linear
  layer_norm: LayerNorm
  decoder: Linear

  constructor(config: Settings, words: Parameter) {
    super()
    const [vocabulary, width] = words.shape as [number, number]
    this.bias = new Parameter(zeros([vocabulary]))
    this.dense = new Linear(width, width)
    this.layer_norm = new LayerNorm(width, { eps: config.number('layer_norm_eps', 1e-5) })
    this.decoder = new Linear(width, vocabulary)
    this.decoder.weight = words
    this.decoder.bias = this.bias
  }

  forward(x: Tensor): Tensor {
    return this.decoder.forward(this.layer_norm.forward(gelu(this.dense.forward(x))))
  }
}

/** Tokens [N, L] → logits of what stands at each place [N, L, vocab_size]. */
export class RobertaForMaskedLM extends Module {
  roberta: BertModel
  lm_head: LmHead

  constructor(config: Settings) {
    super()
    this.roberta = body(config)
    this.lm_head = new LmHead(config, this.roberta.embeddings.word_embeddings.weight)
  }

  forward(tokens: Tensor, inputs: TextInputs = {}): Tensor {
    return this.lm_head.forward(this.roberta.forward(tokens, inputs))
  }
}

class ClassificationHead extends Module {
  dense: Linear
  dropout: Dropout
  out_proj: Linear

  constructor(config: Settings) {
    super()
    const width = config.number('hidden_size')
    this.dense = new Linear(width, width)
    this.dropout = headDropout(config)
    this.out_proj = new Linear(width, config.number('num_labels', 2))
  }

  forward(rows: Tensor): Tensor {
    const first = this.dropout.forward(rows.select(1, 0))
    return this.out_proj.forward(this.dropout.forward(tanh(this.dense.forward(first))))
  }
}

/** Tokens [N, L] → logits [N, num_labels]. */
export class RobertaForSequenceClassification extends Module {
  roberta: BertModel
  classifier: ClassificationHead

  constructor(config: Settings) {
    super()
    this.roberta = body(config)
    this.classifier = new ClassificationHead(config)
  }

  forward(tokens: Tensor, inputs: TextInputs = {}): Tensor {
    return this.classifier.forward(this.roberta.forward(tokens, inputs))
  }
}

/** Tokens [N, L] → logits for each token [N, L, num_labels]. */
export class RobertaForTokenClassification extends Module {
  roberta: BertModel
  dropout: Dropout
  classifier: Linear

  constructor(config: Settings) {
    super()
    this.roberta = body(config)
    this.dropout = headDropout(config)
    this.classifier = new Linear(config.number('hidden_size'), config.number('num_labels', 2))
  }

  forward(tokens: Tensor, inputs: TextInputs = {}): Tensor {
    return this.classifier.forward(this.dropout.forward(this.roberta.forward(tokens, inputs)))
  }
}

/** Tokens [N, L] of question and text → where the answer begins and ends. */
export class RobertaForQuestionAnswering extends Module {
  roberta: BertModel
  qa_outputs: Linear

  constructor(config: Settings) {
    super()
    this.roberta = body(config)
    this.qa_outputs = new Linear(config.number('hidden_size'), 2)
  }

  forward(tokens: Tensor, inputs: TextInputs = {}): Span {
    return spanOf(this.qa_outputs.forward(this.roberta.forward(tokens, inputs)))
  }
}
