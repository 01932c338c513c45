/** A language model of the Llama layout with real weights: 260,032 parameters, trained on short stories (karpathy/llama2.c). */
import { expect, test } from 'vitest'
import { manualSeed, nn, noGrad, tensor } from '../../src/index.ts'
import { dataFile } from './data.ts'
import { decode, readLlama, readPieces } from './llama.ts'

const [weights, words] = [dataFile('stories260k/stories260K.bin'), dataFile('stories260k/tok512.bin')]
const begin = 1

/** What the model's own program writes at temperature 0 (llama2.c, doc/stories260K.md). */
const known =
  'Once upon a time, there was a little girl named Lily. She loved to play outside in the park. One day, she saw a big, red ball. ' +
  'She wanted to play with it, but it was too high.\n' +
  "Lily's mom said, \"Lily, let's go to the park.\" Lily was sad and didn't know what to do."

test.skipIf(!weights || !words)('stories260K writes the known text, with a cache and without', async () => {
  const model = readLlama(weights!).eval()
  const pieces = readPieces(words!)
  const tokens = await nn.generate(model, [begin], { maxNewTokens: 60 })
  const text = decode(pieces, tokens)
  expect(text.length).toBeGreaterThan(100)
  expect(text).toBe(known.slice(0, text.length))
  const logits = noGrad(() => model.forward(tensor([[begin, ...tokens.slice(0, -1)]], { dtype: 'int32' })))
  expect([...(await logits.argMax(-1).data())]).toEqual(tokens)
  manualSeed(1)
  const drawn = await nn.generate(model, [begin], { maxNewTokens: 30, doSample: true, topP: 0.9 })
  expect(decode(pieces, drawn)).toMatch(/^[\w\s.,!?'"-]+$/)
})
