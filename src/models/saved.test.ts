import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { FileError, StateDictError } from '../core/errors.ts'
import { loadLlama2c } from '../io/llama2c.ts'
import { Settings } from '../io/settings.ts'
import { writeFileAtomic } from '../io/atomic-file.ts'
import { Linear } from '../nn/layers/linear.ts'
import { tensor } from '../tensor/creation.ts'
import { manualSeed, randn } from '../tensor/random.ts'
import type { Tensor } from '../tensor/tensor.ts'
import { loadModel, saveModel } from './saved.ts'
import { LlamaForCausalLM } from './text/llama.ts'

let folder = ''
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'gradus-saved-'))
})
afterEach(() => rm(folder, { recursive: true }))

test('a model of your own comes back with its settings', async () => {
  const make = ({ inputs }: Readonly<Record<string, unknown>>): Linear => new Linear(Number(inputs), 2)
  const model = make({ inputs: 3 })
  await saveModel(join(folder, 'a'), model, { config: { inputs: 3 }, maxShardBytes: 10 })
  expect(await readdir(join(folder, 'a'))).toContain('model.safetensors.index.json')
  const x = randn([4, 3])
  const copy = await loadModel(join(folder, 'a'), make)
  expect(await copy.forward(x).data()).toEqual(await model.forward(x).data())
  await expect(loadModel(join(folder, 'a'), () => new Linear(4, 2))).rejects.toThrow(StateDictError)
  await expect(loadModel(folder, make)).rejects.toThrow(FileError)
})

/** The file that llama2.c would have of these weights. */
async function llama2cFile(
  tensors: Readonly<Record<string, Tensor>>,
  header: number[],
  tied: boolean,
): Promise<Uint8Array> {
  const [dim, , layers, heads, , , length] = header as [number, number, number, number, number, number, number]
  const head = dim / heads
  const paired = (x: Tensor): Tensor => {
    const [rows, columns] = x.shape as [number, number]
    return x
      .reshape(rows / head, 2, head / 2, columns)
      .permute(0, 2, 1, 3)
      .reshape(rows, columns)
  }
  const each = (name: string): Tensor[] =>
    Array.from({ length: layers }, (_, i) => tensors[`model.layers.${i}.${name}.weight`]!)
  const parts = [
    ...[tensors['model.embed_tokens.weight']!, ...each('input_layernorm'), ...each('self_attn.q_proj').map(paired)],
    ...[...each('self_attn.k_proj').map(paired), ...each('self_attn.v_proj'), ...each('self_attn.o_proj')],
    ...[
      ...each('post_attention_layernorm'),
      ...each('mlp.gate_proj'),
      ...each('mlp.down_proj'),
      ...each('mlp.up_proj'),
    ],
    ...[tensors['model.norm.weight']!, tensor(new Float32Array(length * head))],
    ...(tied ? [] : [tensors['lm_head.weight']!]),
  ]
  const floats = await Promise.all(parts.map((x) => x.data()))
  const chunks = [Int32Array.from(header), ...floats].map((x) => Buffer.from(x.buffer, x.byteOffset, x.byteLength))
  return new Uint8Array(Buffer.concat(chunks))
}

test.each([true, false])('a file of llama2.c, tied output: %s', async (tied) => {
  manualSeed(5)
  const header = [16, 20, 2, 4, 2, tied ? 11 : -11, 6]
  const config = {
    ...{ model_type: 'llama', vocab_size: 11, hidden_size: 16, intermediate_size: 20, num_hidden_layers: 2 },
    ...{ num_attention_heads: 4, num_key_value_heads: 2, max_position_embeddings: 6, rms_norm_eps: 1e-5 },
    tie_word_embeddings: tied,
  }
  const make = (): LlamaForCausalLM =>
    new LlamaForCausalLM(new Settings(config, (problem) => new FileError('test', problem)))
  const model = make()
  const path = join(folder, 'model.bin')
  const bytes = await llama2cFile(model.stateDict(), header, tied)
  await writeFileAtomic(path, [bytes])
  const read = await loadLlama2c(path)
  expect(read.config).toEqual(config)
  const copy = make()
  copy.loadStateDict(
    tied
      ? new Map([...read.tensors, ['lm_head.weight', read.tensors.get('model.embed_tokens.weight')!]])
      : read.tensors,
  )
  const tokens = tensor([[1, 5, 9]], { dtype: 'int32' })
  expect(await copy.forward(tokens).data()).toEqual(await model.forward(tokens).data())

  await writeFileAtomic(path, [bytes.subarray(0, -4)])
  await expect(loadLlama2c(path)).rejects.toThrow('bytes, ')
  await writeFileAtomic(path, [new Uint8Array(28)])
  await expect(loadLlama2c(path)).rejects.toThrow('not a model of llama2.c: its header is 0, 0')
})
