import { FileError } from '../core/errors.ts'
import { sizeOf } from '../core/shape.ts'
import { buffer } from '../graph/ops/leaves.ts'
import { Tensor } from '../tensor/tensor.ts'
import { readBytes, withFile } from './byte-source.ts'
import { readElements } from './elements.ts'

/** A model in the format of https://github.com/karpathy/llama2.c (version 0): seven numbers, then float32 weights. */
export interface Llama2c {
  /** As `config.json` of transformers has it. */
  readonly config: Readonly<Record<string, string | number | boolean>>
  /** With the names and layouts of transformers. */
  readonly tensors: ReadonlyMap<string, Tensor>
}

const headerBytes = 28

/**
 * Reads a `.bin` file of llama2.c. The pairs that rotary positions turn are neighbours there and half a head apart in transformers, so
 * the rows of query and key weights are put into that order.
 *
 * Throws a `FileError` when the file is absent or its size is not what its header says.
 */
export async function loadLlama2c(path: string): Promise<Llama2c> {
  return withFile('llama2c', path, async (source) => {
    const fail = (problem: string): FileError => new FileError('llama2c', `${path}: ${problem}`)
    if (source.size < headerBytes) throw fail(`${source.size} bytes are too few`)
    const header = new DataView((await readBytes(source, 0, headerBytes)).buffer)
    const numbers = Array.from({ length: 7 }, (_, i) => header.getInt32(4 * i, true))
    const [dim, hidden, layers, heads, keyHeads, signedVocabulary, length] = numbers as [
      number,
      number,
      number,
      number,
      number,
      number,
      number,
    ]
    const vocabulary = Math.abs(signedVocabulary)
    const positive = [dim, hidden, layers, heads, keyHeads, vocabulary, length].every((n) => n > 0 && n < 2 ** 24)
    if (!positive || dim % heads !== 0 || heads % keyHeads !== 0 || (dim / heads) % 2 !== 0) {
      throw fail(`not a model of llama2.c: its header is ${numbers.join(', ')}`)
    }
    const head = dim / heads
    const rows = keyHeads * head
    const tied = signedVocabulary > 0
    const parts: readonly (readonly [name: string, ...shape: number[]])[] = [
      ['model.embed_tokens.weight', vocabulary, dim],
      ['input_layernorm.weight', layers, dim],
      ['self_attn.q_proj.weight', layers, dim, dim],
      ['self_attn.k_proj.weight', layers, rows, dim],
      ['self_attn.v_proj.weight', layers, rows, dim],
      ['self_attn.o_proj.weight', layers, dim, dim],
      ['post_attention_layernorm.weight', layers, dim],
      ['mlp.gate_proj.weight', layers, hidden, dim],
      ['mlp.down_proj.weight', layers, dim, hidden],
      ['mlp.up_proj.weight', layers, hidden, dim],
      ['model.norm.weight', dim],
      ['', length, head],
      ...(tied ? [] : ([['lm_head.weight', vocabulary, dim]] as const)),
    ]
    const needed = headerBytes + 4 * parts.reduce((sum, [, ...shape]) => sum + sizeOf(shape), 0)
    if (needed !== source.size) throw fail(`its weights need ${needed} bytes, ${source.size} are there`)
    const tensors = new Map<string, Tensor>()
    let at = headerBytes
    for (const [name, ...shape] of parts) {
      const size = sizeOf(shape)
      const from = at
      at += 4 * size
      // Sines and cosines of the positions, which nobody reads.
      if (name === '') continue
      if (name.startsWith('model.') || name.startsWith('lm_head.')) {
        tensors.set(name, new Tensor(buffer(await readElements(source, from, size, 'float32', fail), shape, 'float32')))
        continue
      }
      const each = shape.slice(1)
      const count = sizeOf(each)
      for (let layer = 0; layer < layers; layer++) {
        const elements = await readElements(source, from + 4 * layer * count, count, 'float32', fail)
        const x = new Tensor(buffer(elements, each, 'float32'))
        tensors.set(`model.layers.${layer}.${name}`, /[qk]_proj/.test(name) ? halvesApart(x, head) : x)
      }
    }
    const config = {
      model_type: 'llama',
      vocab_size: vocabulary,
      hidden_size: dim,
      intermediate_size: hidden,
      num_hidden_layers: layers,
      num_attention_heads: heads,
      num_key_value_heads: keyHeads,
      max_position_embeddings: length,
      rms_norm_eps: 1e-5,
      tie_word_embeddings: tied,
    }
    return { config, tensors }
  })
}

/** Rows 2i and 2i + 1 of each head as i and i + head / 2. */
function halvesApart(x: Tensor, head: number): Tensor {
  const [rows, columns] = x.shape as [number, number]
  return x
    .reshape(rows / head, head / 2, 2, columns)
    .permute(0, 2, 1, 3)
    .reshape(rows, columns)
}
