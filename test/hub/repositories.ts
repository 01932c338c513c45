/** Repositories as the hub has them, with random weights: config, tokenizer, weights in shards. */
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fromConfig } from '../../src/models/pretrained.ts'
import { resnet18 } from '../../src/models/resnet.ts'
import { saveModel } from '../../src/models/saved.ts'
import type { Module } from '../../src/nn/module.ts'
import type { HubServer } from './server.ts'

/** The configuration of google-bert/bert-base-uncased. */
export const bertBase = {
  architectures: ['BertForMaskedLM'],
  model_type: 'bert',
  vocab_size: 30522,
  hidden_size: 768,
  num_hidden_layers: 12,
  num_attention_heads: 12,
  intermediate_size: 3072,
  max_position_embeddings: 512,
  type_vocab_size: 2,
  hidden_act: 'gelu',
  hidden_dropout_prob: 0.1,
  attention_probs_dropout_prob: 0.1,
  layer_norm_eps: 1e-12,
  initializer_range: 0.02,
  pad_token_id: 0,
} as const

/** A repository like google-bert/bert-base-uncased, with a vocabulary of `words` and of names for the rest. */
export async function publishBert(
  server: HubServer,
  repository: string,
  words: readonly string[],
  sizes: Partial<Record<keyof typeof bertBase, unknown>> = {},
): Promise<void> {
  const config = { ...bertBase, ...sizes }
  await publish(server, repository, fromConfig<Module>(config), config, 'bert')
  const known = ['[PAD]', '[UNK]', '[CLS]', '[SEP]', '[MASK]', ...words]
  const size = Number(config.vocab_size)
  const rest = Array.from({ length: size - known.length }, (_, i) => `[unused${i}]`)
  publishText(server, repository, {
    'vocab.txt': `${[...known, ...rest].join('\n')}\n`,
    'tokenizer_config.json': JSON.stringify({ do_lower_case: true, model_max_length: config.max_position_embeddings }),
  })
}

/** A repository like openai-community/gpt2 of another size, whose tokens are bytes: no token is made for filling up. */
export async function publishGpt2(
  server: HubServer,
  repository: string,
  sizes: Readonly<Record<string, number>>,
): Promise<void> {
  const end = byteTokens.length
  const config = {
    ...{ architectures: ['GPT2LMHeadModel'], model_type: 'gpt2', vocab_size: end + 1, n_positions: 1024 },
    ...{ activation_function: 'gelu_new', layer_norm_epsilon: 1e-5, bos_token_id: end, eos_token_id: end },
    ...{ embd_pdrop: 0.1, attn_pdrop: 0.1, resid_pdrop: 0.1, initializer_range: 0.02 },
    ...sizes,
  }
  await publish(server, repository, fromConfig<Module>(config), config, 'gpt2')
  const vocabulary = Object.fromEntries([...byteTokens, '<|endoftext|>'].map((token, i) => [token, i]))
  publishText(server, repository, {
    'vocab.json': JSON.stringify(vocabulary),
    'merges.txt': '#version: 0.2\n',
    'tokenizer_config.json': JSON.stringify({ model_max_length: config.n_positions }),
  })
}

/** A repository like meta-llama/Llama-3.2-1B of another size, whose tokens are bytes: every text has a beginning, and none is filled up. */
export async function publishLlama(
  server: HubServer,
  repository: string,
  sizes: Readonly<Record<string, number>>,
): Promise<void> {
  const [begin, end] = [byteTokens.length, byteTokens.length + 1]
  const config = {
    ...{ architectures: ['LlamaForCausalLM'], model_type: 'llama', vocab_size: end + 1, hidden_act: 'silu' },
    ...{ max_position_embeddings: 2048, rms_norm_eps: 1e-5, rope_theta: 500_000, rope_scaling: null },
    ...{ tie_word_embeddings: true, attention_bias: false, bos_token_id: begin, eos_token_id: end },
    ...sizes,
  }
  await publish(server, repository, fromConfig<Module>(config), config, 'llama')
  const special = { '<|begin_of_text|>': begin, '<|end_of_text|>': end }
  const added = Object.entries(special).map(([content, id]) => ({
    ...{ id, content, special: true },
    ...{ single_word: false, lstrip: false, rstrip: false, normalized: false },
  }))
  const byteLevel = { type: 'ByteLevel', add_prefix_space: false, trim_offsets: true, use_regex: true }
  const token = (id: string): object => ({ SpecialToken: { id, type_id: 0 } })
  const text = (id: string, kind: number): object => ({ Sequence: { id, type_id: kind } })
  publishText(server, repository, {
    'tokenizer.json': JSON.stringify({
      ...{ version: '1.0', truncation: null, padding: null, added_tokens: added, normalizer: null },
      ...{ pre_tokenizer: byteLevel, decoder: byteLevel },
      post_processor: {
        type: 'TemplateProcessing',
        single: [token('<|begin_of_text|>'), text('A', 0)],
        pair: [token('<|begin_of_text|>'), text('A', 0), token('<|begin_of_text|>'), text('B', 1)],
        special_tokens: {
          '<|begin_of_text|>': { id: '<|begin_of_text|>', ids: [begin], tokens: ['<|begin_of_text|>'] },
        },
      },
      model: {
        ...{ type: 'BPE', dropout: null, unk_token: null, fuse_unk: false, byte_fallback: false, merges: [] },
        vocab: Object.fromEntries(byteTokens.map((token, i) => [token, i])),
      },
    }),
    'tokenizer_config.json': JSON.stringify({
      ...{ bos_token: '<|begin_of_text|>', eos_token: '<|end_of_text|>', tokenizer_class: 'PreTrainedTokenizerFast' },
      ...{ clean_up_tokenization_spaces: true, model_max_length: 131072 },
    }),
  })
}

/** GPT-2's names of the 256 bytes: what can be seen is its own, the others are letters from 256 on. */
const byteTokens: readonly string[] = (() => {
  const seen = (byte: number): boolean => (byte >= 33 && byte <= 126) || (byte >= 161 && byte !== 173)
  let next = 256
  return Array.from({ length: 256 }, (_, byte) => String.fromCodePoint(seen(byte) ? byte : next++))
})()

function publishText(server: HubServer, repository: string, files: Readonly<Record<string, string>>): void {
  for (const [file, content] of Object.entries(files)) server.files.set(`${repository}/${file}`, Buffer.from(content))
}

/** A repository like timm/resnet18.a1_in1k. */
export async function publishResnet18(server: HubServer, repository: string, size: number): Promise<void> {
  const config = {
    architecture: 'resnet18',
    num_classes: 1000,
    num_features: 512,
    pretrained_cfg: {
      tag: 'a1_in1k',
      input_size: [3, size, size],
      mean: [0.485, 0.456, 0.406],
      std: [0.229, 0.224, 0.225],
      crop_pct: 0.95,
      classifier: 'fc',
    },
  }
  await publish(server, repository, resnet18(), config, 'timm')
}

async function publish(
  server: HubServer,
  repository: string,
  model: Module,
  config: Readonly<Record<string, unknown>>,
  name: string,
): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), `gradus-${name}-`))
  const bytes = model.parameters().reduce((sum, { size }) => sum + 4 * size, 0)
  await saveModel(folder, model, { config, maxShardBytes: Math.ceil(bytes / 3) })
  for (const file of await readdir(folder))
    server.files.set(`${repository}/${file}`, await readFile(join(folder, file)))
  await rm(folder, { recursive: true })
}
