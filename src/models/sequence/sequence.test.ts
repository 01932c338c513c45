import { expect, test } from 'vitest'
import { crossEntropy } from '../../nn/functional/losses/classification.ts'
import { AdamW } from '../../optim/adam.ts'
import { tensor } from '../../tensor/creation.ts'
import { concat } from '../../tensor/joining.ts'
import { manualSeed, randint } from '../../tensor/random.ts'
import { Forecaster, naiveErrors } from './forecaster.ts'
import { Gpt } from './gpt.ts'
import { LstmWriter } from './lstm-writer.ts'
import { Seq2Seq, specialTokens } from './seq2seq.ts'
import { TextClassifier } from './text-classifier.ts'

test.each(['lstm', 'transformer'] as const)(
  'what a %s makes of a text hardly depends on its padding',
  async (reader) => {
    manualSeed(0)
    const model = new TextClassifier({ vocabulary: 9, classes: 3, reader, size: 8, maxLength: 6 }).eval()
    const logits = async (...tokens: number[]): Promise<number[]> =>
      Array.from(await model.forward(tensor([tokens], { dtype: 'int32' })).data())
    const [short, long] = [await logits(3, 5, 0), await logits(3, 5, 0, 0, 0)]
    expect(short).toHaveLength(3)
    // The LSTM that reads backwards passes the padding first.
    for (const [i, value] of short.entries()) expect(value).toBeCloseTo(long[i]!, reader === 'lstm' ? 1 : 5)
    expect((await logits(0, 0)).every(Number.isFinite)).toBe(true)
  },
)

test('a text is known by mean and maximum of what was read of its words', async () => {
  manualSeed(0)
  const model = new TextClassifier({ vocabulary: 500, classes: 2, size: 8 }).eval()
  const rows = model.embedding.weight
  expect(rows.std().itemSync()).toBeCloseTo(0.1, 2)
  expect(rows.at(0).abs().amax().itemSync()).toBe(0)
  const tokens = tensor([[7, 3, 9, 0]], { dtype: 'int32' })
  const read = model.reader.forward(model.embedding.forward(tokens), tokens.eq(0)).narrow(1, 0, 3)
  const expected = model.head.forward(concat([read.mean(1), read.amax(1)], 1))
  for (const [i, logit] of (await model.forward(tokens).data()).entries())
    expect(logit).toBeCloseTo(expected.at(0, i).itemSync(), 5)
})

test('a GPT sees no later token, and writes on beyond its context', async () => {
  manualSeed(1)
  const model = new Gpt({ vocabulary: 7, context: 8, layers: 1, heads: 2, size: 8 }).eval()
  const [a, b] = [tensor([[1, 2, 3]], { dtype: 'int32' }), tensor([[1, 2, 6]], { dtype: 'int32' })]
  const rows = async (x: typeof a): Promise<number[]> => Array.from(await model.forward(x).narrow(1, 0, 2).data())
  expect(await rows(a)).toEqual(await rows(b))
  const text = await model.write([1, 2], { maxNewTokens: 13 })
  expect(text).toHaveLength(13)
  // Six fill the context; the next ones follow from its last half.
  const half = [1, 2, ...text.slice(0, 6)].slice(-4)
  expect(await model.write(half, { maxNewTokens: 4 })).toEqual(text.slice(6, 10))
})

test('an LSTM reads on from what it remembers, and writes what it has learned', async () => {
  manualSeed(2)
  const model = new LstmWriter({ vocabulary: 3, embedded: 4, hidden: 12 })
  const text = tensor([[0, 1, 2, 0, 1, 2, 0]], { dtype: 'int32' })
  const [first, state] = model.read(text.narrow(1, 0, 3))
  const [second] = model.read(text.narrow(1, 3, 4), state)
  const [whole] = model.read(text)
  const parts = [...(await first.data()), ...(await second.data())]
  for (const [i, value] of (await whole.data()).entries()) expect(parts[i]).toBeCloseTo(value, 5)
  const optimizer = new AdamW(model.parameters(), { lr: 0.05 })
  for (let step = 0; step < 30; step++) {
    optimizer.zeroGrad()
    crossEntropy(model.forward(text.narrow(1, 0, 6)).flatten(0, 1), text.narrow(1, 1, 6).flatten()).backward()
    optimizer.step()
  }
  expect(await model.write([0, 1], { maxNewTokens: 5, temperature: 0.1 })).toEqual([2, 0, 1, 2, 0])
})

test('a translation is the likeliest next token, again and again; one beam finds the same', async () => {
  manualSeed(3)
  const model = new Seq2Seq({
    ...{ sourceVocabulary: 9, targetVocabulary: 8, maxLength: 5, layers: 1, heads: 2, size: 8 },
  }).eval()
  const sources = randint(4, 9, [2, 5])
  const translated = await model.translate(sources)
  for (let i = 0; i < 2; i++) {
    const source = sources.narrow(0, i, 1)
    let target = [1]
    while (target.length <= 5) {
      const logits = model.forward(source, tensor([target], { dtype: 'int32' }))
      const next = await logits.at(0, -1).argMax(0).item()
      if (next === 2) break
      target = [...target, next]
    }
    expect(translated[i]).toEqual(target.slice(1))
    expect(await model.search(source, 1)).toEqual(translated[i])
  }
  expect(specialTokens).toHaveLength(4)
})

test('a forecast moves with the series and its units', async () => {
  manualSeed(4)
  const plain = new Forecaster({ horizon: 2, hidden: 4 })
  const scaled = new Forecaster({ horizon: 2, hidden: 4, mean: 50, deviation: 10 })
  scaled.lstm.loadStateDict(plain.lstm.stateDict())
  scaled.head.loadStateDict(plain.head.stateDict())
  const x = tensor([[[0.5], [-1], [2]]])
  const y = Array.from(await plain.forward(x).data())
  const z = await scaled.forward(x.mul(10).add(50)).data()
  expect(y).toHaveLength(2)
  for (const [i, value] of z.entries()) expect(value).toBeCloseTo(10 * y[i]! + 50, 4)
})

test('forecasts that need no learning, by hand', () => {
  const series = [1, 2, 3, 5, 4, 6]
  // At 3: nothing changes says 3, 3 of 5, 4; as two steps before says 2, 3.
  expect(naiveErrors(series, [3], { horizon: 2, season: 2 })).toEqual({ naive: (4 + 1) / 2, seasonal: (9 + 1) / 2 })
  // A season of one: what is known at the beginning, for all steps.
  const { naive, seasonal } = naiveErrors(series, [3, 4], { horizon: 2, season: 1 })
  expect(seasonal).toBe(naive)
})
