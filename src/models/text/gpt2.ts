import { ModuleList } from '../../nn/containers.ts'
import { Dropout } from '../../nn/layers/dropout.ts'
import { Embedding } from '../../nn/layers/embedding.ts'
import { LayerNorm } from '../../nn/layers/layer-norm.ts'
import { Linear } from '../../nn/layers/linear.ts'
import { normal } from '../../nn/init.ts'
import { Module } from '../../nn/module.ts'
import type { LayerCache } from '../../nn/transformer/layer.ts'
import { arange } from '../../tensor/creation.ts'
import type { Tensor } from '../../tensor/tensor.ts'
import type { Settings } from '../../io/settings.ts'
import { type Activation, activationOf } from './activation.ts'
import { headDropout } from './bert.ts'
import { Conv1D } from './conv1d.ts'
import { attend, type DecoderInputs, decoderMask, lastRows, type Span, spanOf, type TextInputs } from './heads.ts'

/** GPT-2 (Radford et al. 2019) with the names of transformers. */

class Attention extends Module {
  c_attn: Conv1D
  c_proj: Conv1D
  resid_dropout: Dropout
  readonly heads: number
  readonly dropout: number

  constructor(config: Settings) {
    super()
    const width = config.number('n_embd')
    this.c_attn = new Conv1D(3 * width, width)
    this.c_proj = new Conv1D(width, width)
    this.resid_dropout = new Dropout(config.number('resid_pdrop', 0.1))
    this.heads = config.number('n_head')
    this.dropout = config.number('attn_pdrop', 0.1)
  }

  forward(x: Tensor, mask: Tensor | undefined, memory: LayerCache | undefined): Tensor {
    const { heads, training } = this
    const [q, k, v] = this.c_attn.forward(x).chunk(3, 2) as [Tensor, Tensor, Tensor]
    const y = attend([q, k, v], { heads, mask, causal: true, dropout: training ? this.dropout : 0, memory })
    return this.resid_dropout.forward(this.c_proj.forward(y))
  }
}

class Perceptron extends Module {
  c_fc: Conv1D
  c_proj: Conv1D
  dropout: Dropout
  readonly activation: Activation

  constructor(config: Settings) {
    super()
    const width = config.number('n_embd')
    const inner = config.number('n_inner', 4 * width)
    this.c_fc = new Conv1D(inner, width)
    this.c_proj = new Conv1D(width, inner)
    this.dropout = new Dropout(config.number('resid_pdrop', 0.1))
    this.activation = activationOf(config, 'activation_function', 'gelu_new')
  }

  forward(x: Tensor): Tensor {
    return this.dropout.forward(this.c_proj.forward(this.activation(this.c_fc.forward(x))))
  }
}

class Block extends Module {
  ln_1: LayerNorm
  attn: Attention
  ln_2: LayerNorm
  mlp: Perceptron

  constructor(config: Settings) {
    super()
    const width = config.number('n_embd')
    const eps = config.number('layer_norm_epsilon', 1e-5)
    this.ln_1 = new LayerNorm(width, { eps })
    this.attn = new Attention(config)
    this.ln_2 = new LayerNorm(width, { eps })
    this.mlp = new Perceptron(config)
  }

  forward(x: Tensor, mask: Tensor | undefined, memory: LayerCache | undefined): Tensor {
    const y = x.add(this.attn.forward(this.ln_1.forward(x), mask, memory))
    return y.add(this.mlp.forward(this.ln_2.forward(y)))
  }
}

/** Tokens [N, L] → one row for each token [N, L, n_embd], which has seen those before it. */
export class Gpt2Model extends Module {
  wte: Embedding
  wpe: Embedding
  drop: Dropout
  h: ModuleList<Block>
  ln_f: LayerNorm

  constructor(config: Settings) {
    super()
    const width = config.number('n_embd')
    this.wte = new Embedding(config.number('vocab_size'), width)
    this.wpe = new Embedding(config.number('n_positions', 1024), width)
    this.drop = new Dropout(config.number('embd_pdrop', 0.1))
    this.h = new ModuleList(Array.from({ length: config.number('n_layer') }, () => new Block(config)))
    this.ln_f = new LayerNorm(width, { eps: config.number('layer_norm_epsilon', 1e-5) })
    for (const table of [this.wte, this.wpe]) normal(table.weight, { std: 0.02 })
  }

  forward(tokens: Tensor, inputs: DecoderInputs = {}): Tensor {
    const mask = decoderMask('Gpt2Model', inputs)
    const { cache: store } = inputs
    const length = tokens.shape[1]!
    const places = this.wpe.forward(store?.positions(length) ?? arange(length, { dtype: 'int32' }))
    let y = this.drop.forward(this.wte.forward(tokens).add(places))
    for (const [layer, block] of [...this.h].entries()) y = block.forward(y, mask, store && { store, layer })
    return this.ln_f.forward(y)
  }
}

/** Tokens [N, L] → logits of the token that follows each [N, L, vocab_size]. */
export class Gpt2ForCausalLM extends Module {
  transformer: Gpt2Model
  lm_head: Linear

  constructor(config: Settings) {
    super()
    this.transformer = new Gpt2Model(config)
    this.lm_head = new Linear(config.number('n_embd'), config.number('vocab_size'), { bias: false })
    if (config.flag('tie_word_embeddings', true)) this.lm_head.weight = this.transformer.wte.weight
  }

  forward(tokens: Tensor, inputs: DecoderInputs = {}): Tensor {
    return this.lm_head.forward(this.transformer.forward(tokens, inputs))
  }
}

/** Tokens [N, L] → logits [N, num_labels] from the last token that is no padding. */
export class Gpt2ForSequenceClassification extends Module {
  transformer: Gpt2Model
  score: Linear
  readonly paddingToken: number

  constructor(config: Settings) {
    super()
    this.transformer = new Gpt2Model(config)
    this.score = new Linear(config.number('n_embd'), config.number('num_labels', 2), { bias: false })
    this.paddingToken = config.number('pad_token_id', -1)
  }

  forward(tokens: Tensor, inputs: TextInputs = {}): Tensor {
    const rows = this.transformer.forward(tokens, inputs)
    return this.score.forward(lastRows(rows, tokens, inputs.attentionMask, this.paddingToken))
  }
}

/** Tokens [N, L] → logits for each token [N, L, num_labels]. */
export class Gpt2ForTokenClassification extends Module {
  transformer: Gpt2Model
  dropout: Dropout
  classifier: Linear

  constructor(config: Settings) {
    super()
    this.transformer = new Gpt2Model(config)
    this.dropout = headDropout(config, 'hidden_dropout')
    this.classifier = new Linear(config.number('n_embd'), config.number('num_labels', 2))
  }

  forward(tokens: Tensor, inputs: TextInputs = {}): Tensor {
    return this.classifier.forward(this.dropout.forward(this.transformer.forward(tokens, inputs)))
  }
}

/** Tokens [N, L] of question and text → where the answer begins and ends. */
export class Gpt2ForQuestionAnswering extends Module {
  transformer: Gpt2Model
  qa_outputs: Linear

  constructor(config: Settings) {
    super()
    this.transformer = new Gpt2Model(config)
    this.qa_outputs = new Linear(config.number('n_embd'), 2)
  }

  forward(tokens: Tensor, inputs: TextInputs = {}): Span {
    return spanOf(this.qa_outputs.forward(this.transformer.forward(tokens, inputs)))
  }
}
