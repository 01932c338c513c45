/** Text models against transformers (generate_text.py), loaded as it stores them. */
import { readFileSync } from 'node:fs'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { FileError, StateDictError } from '../../src/core/errors.ts'
import { saveSafetensors } from '../../src/io/safetensors.ts'
import { Settings } from '../../src/io/settings.ts'
import { architectureOf } from '../../src/models/architectures.ts'
import { fromConfig, fromPretrained } from '../../src/models/pretrained.ts'
import type { Span, TextInputs } from '../../src/models/text/heads.ts'
import { meanPooling } from '../../src/models/text/pooling.ts'
import { normalize } from '../../src/nn/functional/normalization.ts'
import type { Module } from '../../src/nn/module.ts'
import { tensor } from '../../src/tensor/creation.ts'
import { concat } from '../../src/tensor/joining.ts'
import type { Tensor } from '../../src/tensor/tensor.ts'
import { checkpointFor, seedOf, uniform } from './filling.ts'

interface Golden {
  readonly config: Record<string, unknown>
  readonly names: readonly string[]
  readonly values: readonly number[]
  readonly gradients: Readonly<Record<string, readonly [number, number]>>
}

const golden = JSON.parse(readFileSync(new URL('data/text.json', import.meta.url), 'utf8')) as {
  tokens: number[][]
  types: number[][]
  /** What a sentence encoder makes of the tokens. */
  sentences: number[][]
  models: Record<string, Golden>
}
const tokens = tensor(golden.tokens, { dtype: 'int32' })
const attentionMask = tokens.ne(1).to('int32')
const tokenTypeIds = tensor(golden.types, { dtype: 'int32' })

type TextModel = Module & { forward(x: Tensor, inputs?: TextInputs): Tensor | Span }

let folder = ''
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'gradus-text-'))
})
afterEach(() => rm(folder, { recursive: true }))

/** A model with the configuration, and a checkpoint for it. */
function made({ config }: Golden): { model: Module; checkpoint: Record<string, Tensor> } {
  const labels = Object.keys((config['id2label'] as object | undefined) ?? { no: 0, yes: 1 }).length
  const settings = new Settings({ ...config, num_labels: labels }, (problem) => new FileError('test', problem))
  const model = architectureOf(settings, config['architectures'] as string[], undefined).make(settings)
  return { model, checkpoint: checkpointFor(model) }
}

/** Writes a folder as the hub has it. */
async function publish(config: object, tensors: Record<string, Tensor>): Promise<string> {
  await writeFile(join(folder, 'config.json'), JSON.stringify(config))
  await saveSafetensors(join(folder, 'model.safetensors'), tensors)
  return folder
}

/** Rows of real tokens alone: what padding says has no meaning. */
function real(y: Tensor): Tensor {
  const rows = golden.tokens.flatMap((row, i) => row.map((token, j) => [token, i * row.length + j] as const))
  const kept = rows.filter(([token]) => token !== 1).map(([, at]) => at)
  return y.flatten(0, 1).indexSelect(0, tensor(kept, { dtype: 'int32' }))
}

/** Of each text the logits of beginnings at its real tokens, then those of ends. */
function realSpan({ startLogits, endLogits }: Span): Tensor {
  const lengths = golden.tokens.map((row) => row.filter((token) => token !== 1).length)
  return concat(
    lengths.flatMap((length, i) => [startLogits, endLogits].map((x) => x.select(0, i).narrow(0, 0, length))),
  )
}

describe('names, outputs and gradients', () => {
  test.each(Object.keys(golden.models))('%s', async (name) => {
    const expected = golden.models[name]!
    const { model: fresh, checkpoint } = made(expected)
    expect(Object.keys(fresh.stateDict()).sort()).toEqual(expected.names.toSorted())

    const source = await publish(expected.config, checkpoint)
    const { model, missing, unexpected } = await fromPretrained<TextModel>(source)
    expect([missing, unexpected]).toEqual([[], []])
    const kinds = name.startsWith('Bert') ? { tokenTypeIds } : {}
    const given = model.forward(tokens, { attentionMask, ...kinds })
    const y = 'startLogits' in given ? realSpan(given) : given.rank === 3 ? real(given) : given
    const values = await y.data()
    for (const [i, value] of expected.values.entries()) expect(Math.abs(values[i]! - value)).toBeLessThan(1e-4)
    const weights = tensor(Float32Array.from(uniform(seedOf('loss'), y.size)), { shape: y.shape })
    y.mul(weights).sum().backward()
    await expectGradients(model, expected)
  })

  async function expectGradients(model: Module, expected: Golden): Promise<void> {
    const paths = model.namedParameters().map(([path]) => path)
    expect(paths.sort()).toEqual(Object.keys(expected.gradients).sort())
    for (const [path, parameter] of model.namedParameters()) {
      const known = uniform(seedOf(`${path} gradient`), parameter.size)
      const gradient = (await parameter.grad?.data()) ?? new Float32Array(parameter.size)
      let product = 0
      for (let i = 0; i < known.length; i++) product += known[i]! * gradient[i]!
      const [sum, norm] = expected.gradients[path]!
      expect([path, Math.abs(product - sum) <= 1e-3 * norm + 1e-5]).toEqual([path, true])
    }
  }
})

describe('weights of another form', () => {
  const masked = golden.models['BertForMaskedLM']!

  test('a classifier starts from a language model: the head is missing, the old one unexpected', async () => {
    const source = await publish(masked.config, made(masked).checkpoint)
    const { model, missing, unexpected } = await fromPretrained(source, {
      head: 'sequenceClassification',
      numLabels: 4,
    })
    expect(missing).toEqual([
      'bert.pooler.dense.weight',
      'bert.pooler.dense.bias',
      'classifier.weight',
      'classifier.bias',
    ])
    expect(unexpected.every((name) => name.startsWith('cls.'))).toBe(true)
    expect(model.forward(tokens, { attentionMask }).shape).toEqual([2, 4])
  })

  test('a network is made of a configuration alone, with new weights', async () => {
    const model = fromConfig(masked.config, { head: 'sequenceClassification', numLabels: 4 })
    expect([model.constructor.name, model.training]).toEqual(['BertForSequenceClassification', true])
    expect(model.forward(tokens, { attentionMask }).shape).toEqual([2, 4])
    expect(() => fromConfig({ model_type: 'mamba' })).toThrow(
      /^fromConfig: model_type 'mamba' is not known; known are bert/,
    )
  })

  test('the names of old files, the network alone, and tied weights that are stored once', async () => {
    const { checkpoint } = made(masked)
    const { 'cls.predictions.decoder.weight': _, 'cls.predictions.decoder.bias': __, ...rest } = checkpoint
    const old = Object.fromEntries(
      Object.entries(rest).map(([name, x]) => [
        name.replace('LayerNorm.weight', 'LayerNorm.gamma').replace('LayerNorm.bias', 'LayerNorm.beta'),
        x,
      ]),
    )
    const source = await publish(masked.config, old)
    const { missing, unexpected } = await fromPretrained(source)
    expect([missing, unexpected]).toEqual([[], []])
    const base = await fromPretrained(source, { head: 'none' })
    expect(base.missing).toEqual(['pooler.dense.weight', 'pooler.dense.bias'])
    expect(base.model.forward(tokens).shape).toEqual([2, 7, 16])
  })

  test('a decoder that asks for the class of a text begins with one that writes, under another name of the network, too', async () => {
    const writer = golden.models['LlamaForCausalLM']!
    const source = await publish(writer.config, made(writer).checkpoint)
    const classes = await fromPretrained(source, { head: 'sequenceClassification', numLabels: 3 })
    expect([classes.missing, classes.unexpected]).toEqual([['score.weight'], ['lm_head.weight']])
    expect(classes.model.forward(tokens, { attentionMask }).shape).toEqual([2, 3])
    const answers = await fromPretrained(source, { head: 'questionAnswering' })
    expect([answers.missing, answers.unexpected]).toEqual([
      ['qa_outputs.weight', 'qa_outputs.bias'],
      ['lm_head.weight'],
    ])
    const path = 'layers.1.mlp.up_proj.weight'
    const [x, y] = [answers.model.getParameter(`transformer.${path}`), classes.model.getParameter(`model.${path}`)]
    expect(await x.toArray()).toEqual(await y.toArray())
  })

  test('padding that the mask alone names does not change its class', async () => {
    const { config } = golden.models['GPT2ForSequenceClassification']!
    const settings = new Settings({ ...config, pad_token_id: null }, (problem) => new FileError('test', problem))
    const { make } = architectureOf(settings, config['architectures'] as string[], undefined)
    const model = make(settings).eval() as TextModel
    const logits = async (rows: number[][], mask: number[][]): Promise<number[]> => {
      const given = { attentionMask: tensor(mask, { dtype: 'int32' }) }
      return Array.from(await (model.forward(tensor(rows, { dtype: 'int32' }), given) as Tensor).data())
    }
    const plain = await logits([[5, 6, 7]], [[1, 1, 1]])
    const padded = await logits([[5, 6, 7, 0, 0]], [[1, 1, 1, 0, 0]])
    for (const [i, x] of plain.entries()) expect(padded[i]).toBeCloseTo(x, 5)
  })

  test('a head of another size starts anew', async () => {
    const classifier = golden.models['BertForSequenceClassification']!
    const source = await publish(classifier.config, made(classifier).checkpoint)
    const { missing, model } = await fromPretrained(source, { numLabels: 9 })
    expect(missing).toEqual(['classifier.weight', 'classifier.bias'])
    expect(model.forward(tokens).shape).toEqual([2, 9])
  })

  test('weights that lack a part of the network are refused', async () => {
    const { checkpoint } = made(masked)
    const { 'bert.encoder.layer.1.output.dense.bias': _, ...rest } = checkpoint
    const source = await publish(masked.config, rest)
    await expect(fromPretrained(source)).rejects.toThrow(StateDictError)
    await expect(fromPretrained(source)).rejects.toThrow(
      "the weights lack 'bert.encoder.layer.1.output.dense.bias' [16]",
    )
  })

  test.each<[string, object]>([
    ["model_type 'mamba' is not known; known are bert, roberta", { model_type: 'mamba' }],
    ["architecture 'nfnet' is not known", { architecture: 'nfnet' }],
    ['hidden_size is undefined, expected a number', { model_type: 'bert', vocab_size: 3 }],
    ["hidden_act 'snake' is not supported", { ...masked.config, hidden_act: 'snake' }],
    ["gpt2 has no head 'maskedLM'", { ...masked.config, model_type: 'gpt2' }],
  ])('refuses a configuration: %s', async (problem, config) => {
    await expect(fromPretrained(await publish(config, {}))).rejects.toThrow(FileError)
    await expect(fromPretrained(await publish(config, {}))).rejects.toThrow(problem)
  })

  test('a folder without config.json or weights, and a name that is nothing', async () => {
    await expect(fromPretrained(folder)).rejects.toThrow('has no config.json')
    await writeFile(join(folder, 'config.json'), JSON.stringify(masked.config))
    await expect(fromPretrained(folder)).rejects.toThrow('has no weights; looked for model.safetensors')
    await expect(fromPretrained('./no/such/folder')).rejects.toThrow('no such file or folder')
  })
})

test('a sentence encoder gives the vectors that it gives in Python', async () => {
  const { config } = golden.models['BertModel']!
  // The encoders are stored as they are, without a prefix, and with the numbers of places that older versions wrote down.
  const places = tensor([Array.from({ length: 12 }, (_, i) => i)], { dtype: 'int32' })
  const { checkpoint } = made(golden.models['BertModel']!)
  const source = await publish(config, { ...checkpoint, 'embeddings.position_ids': places })
  const { model, missing, unexpected } = await fromPretrained<TextModel>(source)
  expect([missing, unexpected]).toEqual([[], ['embeddings.position_ids']])
  const rows = model.forward(tokens, { attentionMask }) as Tensor
  const vectors = await normalize(meanPooling(rows, attentionMask)).data()
  for (const [i, value] of golden.sentences.flat().entries()) expect(Math.abs(vectors[i]! - value)).toBeLessThan(1e-5)
  expect(vectors.length).toBe(32)
})

test('the mean of rows leaves padding out', async () => {
  const rows = tensor([
    [
      [1, 2],
      [3, 4],
      [50, 60],
    ],
  ])
  expect(await meanPooling(rows, tensor([[1, 1, 0]])).toArray()).toEqual([[2, 3]])
})
