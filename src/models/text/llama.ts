import { ModuleList } from '../../nn/containers.ts'
import { rotaryEmbedding, rotaryFrequencies } from '../../nn/functional/positions.ts'
import type { Dropout } from '../../nn/layers/dropout.ts'
import { Embedding } from '../../nn/layers/embedding.ts'
import { RMSNorm } from '../../nn/layers/layer-norm.ts'
import { Linear } from '../../nn/layers/linear.ts'
import { Module } from '../../nn/module.ts'
import { Buffer } from '../../nn/parameter.ts'
import type { LayerCache } from '../../nn/transformer/layer.ts'
import type { Tensor } from '../../tensor/tensor.ts'
import type { Settings } from '../../io/settings.ts'
import { type Activation, activationOf } from './activation.ts'
import { headDropout, start } from './bert.ts'
import {
  attendHeads,
  type DecoderInputs,
  decoderMask,
  joinHeads,
  lastRows,
  type Span,
  spanOf,
  splitHeads,
  type TextInputs,
} from './heads.ts'

/**
 * Decoders in the manner of Llama (Touvron et al. 2023) with the names of transformers: rotary positions, grouped queries, gated
 * perceptrons, root-mean-square normalisation.
 */

class Attention extends Module {
  q_proj: Linear
  k_proj: Linear
  v_proj: Linear
  o_proj: Linear
  readonly heads: number
  readonly keyHeads: number
  readonly dropout: number

  constructor(config: Settings) {
    super()
    const width = config.number('hidden_size')
    this.heads = config.number('num_attention_heads')
    this.keyHeads = config.number('num_key_value_heads', this.heads)
    this.dropout = config.number('attention_dropout', 0)
    const head = config.number('head_dim', width / this.heads)
    const bias = config.flag('attention_bias', false)
    this.q_proj = new Linear(width, this.heads * head, { bias })
    this.k_proj = new Linear(width, this.keyHeads * head, { bias })
    this.v_proj = new Linear(width, this.keyHeads * head, { bias })
    this.o_proj = new Linear(this.heads * head, width, { bias })
  }

  forward(x: Tensor, frequencies: Tensor, mask: Tensor | undefined, memory: LayerCache | undefined): Tensor {
    const { heads, keyHeads, training } = this
    const positions = memory?.store.positions(x.shape[1]!)
    const q = rotaryEmbedding(splitHeads(this.q_proj.forward(x), heads), frequencies, { positions })
    const k = rotaryEmbedding(splitHeads(this.k_proj.forward(x), keyHeads), frequencies, { positions })
    const v = splitHeads(this.v_proj.forward(x), keyHeads)
    const options = { heads, keyHeads, mask, causal: true, dropout: training ? this.dropout : 0, memory }
    return this.o_proj.forward(joinHeads(attendHeads([q, k, v], options)))
  }
}

class Perceptron extends Module {
  gate_proj: Linear
  up_proj: Linear
  down_proj: Linear
  readonly activation: Activation

  constructor(config: Settings) {
    super()
    const [width, inner] = [config.number('hidden_size'), config.number('intermediate_size')]
    const bias = config.flag('mlp_bias', false)
    this.gate_proj = new Linear(width, inner, { bias })
    this.up_proj = new Linear(width, inner, { bias })
    this.down_proj = new Linear(inner, width, { bias })
    this.activation = activationOf(config, 'hidden_act', 'silu')
  }

  forward(x: Tensor): Tensor {
    return this.down_proj.forward(this.activation(this.gate_proj.forward(x)).mul(this.up_proj.forward(x)))
  }
}

class Block extends Module {
  self_attn: Attention
  mlp: Perceptron
  input_layernorm: RMSNorm
  post_attention_layernorm: RMSNorm

  constructor(config: Settings) {
    super()
    const width = config.number('hidden_size')
    const eps = config.number('rms_norm_eps', 1e-6)
    this.self_attn = new Attention(config)
    this.mlp = new Perceptron(config)
    this.input_layernorm = new RMSNorm(width, { eps })
    this.post_attention_layernorm = new RMSNorm(width, { eps })
  }

  forward(x: Tensor, frequencies: Tensor, mask: Tensor | undefined, memory: LayerCache | undefined): Tensor {
    const y = x.add(this.self_attn.forward(this.input_layernorm.forward(x), frequencies, mask, memory))
    return y.add(this.mlp.forward(this.post_attention_layernorm.forward(y)))
  }
}

/** Tokens [N, L] → one row for each token [N, L, hidden_size], which has seen those before it. */
export class LlamaModel extends Module {
  embed_tokens: Embedding
  layers: ModuleList<Block>
  norm: RMSNorm
  frequencies: Buffer

  constructor(config: Settings) {
    super()
    const width = config.number('hidden_size')
    const head = config.number('head_dim', width / config.number('num_attention_heads'))
    config.only('rope_scaling')
    this.embed_tokens = new Embedding(config.number('vocab_size'), width)
    this.layers = new ModuleList(Array.from({ length: config.number('num_hidden_layers') }, () => new Block(config)))
    this.norm = new RMSNorm(width, { eps: config.number('rms_norm_eps', 1e-6) })
    const base = config.number('rope_theta', 10_000)
    this.frequencies = new Buffer(rotaryFrequencies(head, { base }), { persistent: false })
    start(this, config)
  }

  forward(tokens: Tensor, inputs: DecoderInputs = {}): Tensor {
    const mask = decoderMask('LlamaModel', inputs)
    const { cache: store } = inputs
    let y = this.embed_tokens.forward(tokens)
    for (const [layer, block] of [...this.layers].entries()) {
      y = block.forward(y, this.frequencies, mask, store && { store, layer })
    }
    return this.norm.forward(y)
  }
}

/** Tokens [N, L] → logits of the token that follows each [N, L, vocab_size]. */
export class LlamaForCausalLM extends Module {
  model: LlamaModel
  lm_head: Linear

  constructor(config: Settings) {
    super()
    this.model = new LlamaModel(config)
    this.lm_head = new Linear(config.number('hidden_size'), config.number('vocab_size'), { bias: false })
    if (config.flag('tie_word_embeddings', false)) this.lm_head.weight = this.model.embed_tokens.weight
  }

  forward(tokens: Tensor, inputs: DecoderInputs = {}): Tensor {
    return this.lm_head.forward(this.model.forward(tokens, inputs))
  }
}

/** Tokens [N, L] → logits [N, num_labels] from the last token that is no padding. */
export class LlamaForSequenceClassification extends Module {
  model: LlamaModel
  score: Linear
  readonly paddingToken: number

  constructor(config: Settings) {
    super()
    this.model = new LlamaModel(config)
    this.score = new Linear(config.number('hidden_size'), config.number('num_labels', 2), { bias: false })
    this.paddingToken = config.number('pad_token_id', -1)
  }

  forward(tokens: Tensor, inputs: TextInputs = {}): Tensor {
    const rows = this.model.forward(tokens, inputs)
    return this.score.forward(lastRows(rows, tokens, inputs.attentionMask, this.paddingToken))
  }
}

/** Tokens [N, L] → logits for each token [N, L, num_labels]. */
export class LlamaForTokenClassification extends Module {
  model: LlamaModel
  dropout: Dropout
  score: Linear

  constructor(config: Settings) {
    super()
    this.model = new LlamaModel(config)
    this.dropout = headDropout(config, 'hidden_dropout')
    this.score = new Linear(config.number('hidden_size'), config.number('num_labels', 2))
  }

  forward(tokens: Tensor, inputs: TextInputs = {}): Tensor {
    return this.score.forward(this.dropout.forward(this.model.forward(tokens, inputs)))
  }
}

/** Tokens [N, L] of question and text → where the answer begins and ends; the network has another name in this one. */
export class LlamaForQuestionAnswering extends Module {
  transformer: LlamaModel
  qa_outputs: Linear

  constructor(config: Settings) {
    super()
    this.transformer = new LlamaModel(config)
    this.qa_outputs = new Linear(config.number('hidden_size'), 2)
  }

  forward(tokens: Tensor, inputs: TextInputs = {}): Span {
    return spanOf(this.qa_outputs.forward(this.transformer.forward(tokens, inputs)))
  }
}
