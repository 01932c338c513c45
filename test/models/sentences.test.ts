/** Sentence encoders as sentence-transformers publishes them, held to what it makes of the same weights (generate_sentences.py). */
import { readFileSync } from 'node:fs'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { saveSafetensors } from '../../src/io/safetensors.ts'
import { fromConfig, fromPretrained } from '../../src/models/pretrained.ts'
import { SentenceEncoder } from '../../src/models/text/sentence-encoder.ts'
import type { Module } from '../../src/nn/module.ts'
import { tensor } from '../../src/tensor/creation.ts'
import { checkpointFor } from './filling.ts'

interface Case {
  /** Of the pooling, as sentence-transformers 6 writes it. */
  readonly config: { readonly pooling_mode: string | readonly string[] }
  readonly normalized: boolean
  readonly vectors: readonly (readonly number[])[]
}

const read = (name: string): string => readFileSync(new URL(`data/${name}.json`, import.meta.url), 'utf8')
const cases = JSON.parse(read('sentences')) as readonly Case[]
const text = JSON.parse(read('text')) as {
  tokens: number[][]
  models: Record<string, { config: Record<string, unknown> }>
}
const { config } = text.models['BertModel']!
const tokens = tensor(text.tokens, { dtype: 'int32' })
const attentionMask = tokens.ne(1).to('int32')

let folder = ''
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'gradus-sentences-'))
})
afterEach(() => rm(folder, { recursive: true }))

/** A repository in the layout of all-MiniLM-L6-v2, its transformer at the top or in the folder `below`. */
async function publish(pooling: object, normalized: boolean, below = ''): Promise<string> {
  const put = async (name: string, content: unknown): Promise<void> => {
    await mkdir(dirname(join(folder, name)), { recursive: true })
    await writeFile(join(folder, name), JSON.stringify(content))
  }
  const kinds = ['Transformer', 'Pooling', ...(normalized ? ['Normalize'] : [])]
  const paths = [below, '1_Pooling', '2_Normalize']
  await put(
    'modules.json',
    kinds.map((kind, idx) => ({ idx, name: `${idx}`, path: paths[idx], type: `sentence_transformers.models.${kind}` })),
  )
  await put('1_Pooling/config.json', pooling)
  await put(join(below, 'sentence_bert_config.json'), { max_seq_length: 10, do_lower_case: false })
  await put(join(below, 'config.json'), config)
  await saveSafetensors(join(folder, below, 'model.safetensors'), checkpointFor(fromConfig<Module>(config)))
  return folder
}

/** As versions before 6 wrote it: a flag for each kind. */
const flags = ({ pooling_mode: modes }: Case['config']): object => {
  const names = {
    cls: 'cls_token',
    max: 'max_tokens',
    mean: 'mean_tokens',
    mean_sqrt_len_tokens: 'mean_sqrt_len_tokens',
    weightedmean: 'weightedmean_tokens',
    lasttoken: 'lasttoken',
  }
  const has = [modes].flat()
  return {
    word_embedding_dimension: 16,
    ...Object.fromEntries(Object.entries(names).map(([mode, flag]) => [`pooling_mode_${flag}`, has.includes(mode)])),
  }
}

test.each(cases.map((one) => [String(one.config.pooling_mode), one] as const))(
  'pooling %s',
  async (_, { config: pooling, normalized, vectors }) => {
    for (const [written, below] of [
      [pooling, ''],
      [flags(pooling), '0_Transformer'],
    ] as const) {
      const { model, missing, unexpected } = await fromPretrained<SentenceEncoder>(
        await publish(written, normalized, below),
      )
      expect([model.constructor, model.training, model.maxLength, missing, unexpected]).toEqual([
        SentenceEncoder,
        false,
        10,
        [],
        [],
      ])
      const y = (await model.forward(tokens, { attentionMask }).toArray()) as number[][]
      const difference = Math.max(...vectors.flatMap((row, i) => row.map((value, j) => Math.abs(value - y[i]![j]!))))
      expect(y.map((row) => row.length)).toEqual(vectors.map((row) => row.length))
      expect(difference).toBeLessThan(1e-5)
      await rm(join(folder, 'config.json'), { force: true })
    }
  },
)

test('whoever asks for a head gets that: rows of tokens, or classes', async () => {
  const source = await publish({ pooling_mode: 'mean' }, true)
  const rows = await fromPretrained(source, { head: 'none' })
  expect(rows.model.forward(tokens, { attentionMask }).shape).toEqual([2, 7, 16])
  const classes = await fromPretrained(source, { head: 'sequenceClassification', numLabels: 3 })
  expect([classes.model.forward(tokens, { attentionMask }).shape, classes.missing]).toEqual([
    [2, 3],
    ['classifier.weight', 'classifier.bias'],
  ])
})

test.each<[string, (path: string) => Promise<void>, string]>([
  [
    'a pooling',
    (path) => writeFile(join(path, '1_Pooling', 'config.json'), '{"pooling_mode": "median"}'),
    'pooling_mode "median" is not known; known are cls, max, mean',
  ],
  ['no pooling', (path) => rm(join(path, '1_Pooling', 'config.json')), 'has no 1_Pooling/config.json'],
  [
    'modules',
    (path) =>
      writeFile(join(path, 'modules.json'), '[{"path": "", "type": "a.Transformer"}, {"path": "1", "type": "a.CNN"}]'),
    'modules.json: Transformer, CNN is not known; expected Transformer, Pooling',
  ],
  [
    'entries',
    (path) => writeFile(join(path, 'modules.json'), '[3]'),
    'modules.json: a module is 3, expected a type and a path',
  ],
  ['a list', (path) => writeFile(join(path, 'modules.json'), '{}'), 'modules.json holds no list'],
])('refuses %s that it does not know', async (_, spoil, message) => {
  const source = await publish({ pooling_mode: 'mean' }, true)
  await spoil(source)
  await expect(fromPretrained(source)).rejects.toThrow(message)
})
