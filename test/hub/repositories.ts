/** Repositories as the hub has them, with random weights: config, tokenizer, weights in shards. */
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { FileError } from '../../src/core/errors.ts'
import { Settings } from '../../src/io/settings.ts'
import { resnet18 } from '../../src/models/resnet.ts'
import { saveModel } from '../../src/models/saved.ts'
import { BertForMaskedLM } from '../../src/models/text/bert.ts'
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
  const model = new BertForMaskedLM(new Settings(config, (problem) => new FileError('test', problem)))
  await publish(server, repository, model, config, 'bert')
  const known = ['[PAD]', '[UNK]', '[CLS]', '[SEP]', '[MASK]', ...words]
  const size = Number(config.vocab_size)
  const rest = Array.from({ length: size - known.length }, (_, i) => `[unused${i}]`)
  const text = (file: string, content: string): void =>
    void server.files.set(`${repository}/${file}`, Buffer.from(content))
  text('vocab.txt', `${[...known, ...rest].join('\n')}\n`)
  text(
    'tokenizer_config.json',
    JSON.stringify({ do_lower_case: true, model_max_length: config.max_position_embeddings }),
  )
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
