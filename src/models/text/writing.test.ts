import { describe, expect, test } from 'vitest'
import { FileError, ValueError } from '../../core/errors.ts'
import { Settings } from '../../io/settings.ts'
import { generate } from '../../nn/generation/generate.ts'
import { KeyValueCache } from '../../nn/key-value-cache.ts'
import { tensor } from '../../tensor/creation.ts'
import { Generator, manualSeed } from '../../tensor/random.ts'
import { Gpt2ForCausalLM } from './gpt2.ts'
import { LlamaForCausalLM } from './llama.ts'

const settings = (config: Record<string, unknown>): Settings =>
  new Settings(config, (problem) => new FileError('test', problem))

const models = {
  GPT2LMHeadModel: () =>
    new Gpt2ForCausalLM(settings({ vocab_size: 13, n_embd: 16, n_layer: 2, n_head: 2, n_positions: 64 })),
  LlamaForCausalLM: () =>
    new LlamaForCausalLM(
      settings({
        ...{ vocab_size: 13, hidden_size: 16, num_hidden_layers: 2, intermediate_size: 24 },
        ...{ num_attention_heads: 4, num_key_value_heads: 2 },
      }),
    ),
}

describe.each(Object.entries(models))('%s', (_, make) => {
  test('writes with a cache what it writes without, drawn and with beams', { timeout: 60_000 }, async () => {
    manualSeed(3)
    const model = make().eval()
    for (const options of [
      { maxNewTokens: 40, doSample: true },
      { maxNewTokens: 8, numBeams: 3 },
    ]) {
      const written = (cache: boolean): Promise<number[]> =>
        generate(model, [1, 5, 2], { ...options, cache, generator: new Generator(5) })
      expect(await written(true)).toEqual(await written(false))
    }
  })

  test('gives the logits of several texts piece by piece', async () => {
    manualSeed(4)
    const model = make().eval()
    const texts = [
      [1, 2, 3, 4, 5],
      [6, 7, 8, 9, 0],
    ]
    const whole = await model.forward(tensor(texts, { dtype: 'int32' })).data()
    const cache = new KeyValueCache({ capacity: 3 })
    for (const [from, to] of [
      [0, 2],
      [2, 3],
      [3, 5],
    ] as const) {
      const piece = tensor(
        texts.map((text) => text.slice(from, to)),
        { dtype: 'int32' },
      )
      const logits = await model.forward(piece, { cache }).data()
      cache.advance(to - from)
      logits.forEach((logit, i) => {
        const [n, rest] = [Math.floor(i / (13 * (to - from))), i % (13 * (to - from))]
        expect(logit).toBeCloseTo(whole[n * 5 * 13 + from * 13 + rest]!, 5)
      })
    }
  })

  test('refuses padding beside a cache', () => {
    const tokens = tensor([[1, 2]], { dtype: 'int32' })
    const inputs = { cache: new KeyValueCache(), attentionMask: tensor([[1, 0]]) }
    expect(() => make().forward(tokens, inputs)).toThrow(ValueError)
  })
})
