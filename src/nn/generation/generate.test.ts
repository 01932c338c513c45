import { describe, expect, test } from 'vitest'
import { Generator, manualSeed, nn, type Tensor, tensor, ValueError } from '../../index.ts'
import { candidates, penalized } from './choose.ts'

/** A model of pairs: log-probabilities of the next token depend on the last token alone. */
function pairs(table: readonly (readonly number[])[]): nn.LanguageModel & { readonly calls: number[][] } {
  const calls: number[][] = []
  const logits = tensor(table.map((row) => row.map(Math.log)) as number[][])
  return {
    calls,
    forward(tokens: Tensor): Tensor {
      calls.push([...tokens.shape])
      return logits.at(tokens.flatten()).reshape(...tokens.shape, table.length)
    },
  }
}

// The likeliest first step (0 → 1) leads where everything is unlikely; 3 ends.
const trap = [
  [0.02, 0.5, 0.46, 0.02],
  [0.25, 0.25, 0.24, 0.26],
  [0.01, 0.01, 0.08, 0.9],
  [0.25, 0.25, 0.25, 0.25],
]

/** The best of all texts of up to `length` tokens that end with 3 or have that length. */
function exhaustive(length: number): number[] {
  let winner = { tokens: [] as number[], worth: Number.NEGATIVE_INFINITY }
  const visit = (tokens: number[], score: number, last: number): void => {
    if (tokens.length === length || last === 3) {
      const worth = score / tokens.length
      if (worth > winner.worth) winner = { tokens, worth }
      return
    }
    for (let next = 0; next < 4; next++) visit([...tokens, next], score + Math.log(trap[last]![next]!), next)
  }
  visit([], 0, 0)
  return winner.tokens
}

/** A small causal model that reads positions and takes a cache. */
class Tiny extends nn.Module {
  embedding = new nn.Embedding(11, 8)
  positions = new nn.LearnedPositions(64, 8)
  body = new nn.TransformerEncoder(
    () => new nn.TransformerEncoderLayer(8, 2, { dimFeedforward: 16, dropout: 0, batchFirst: true, normFirst: true }),
    2,
  )
  head = new nn.Linear(8, 11)
  forward(tokens: Tensor, { cache }: { cache?: nn.KeyValueCache | undefined } = {}): Tensor {
    const positions = cache?.positions(tokens.shape[1]!)
    const x = this.positions.forward(this.embedding.forward(tokens), { positions })
    return this.head.forward(this.body.forward(x, { isCausal: true, cache }))
  }
}

describe('generate', () => {
  test('takes the likeliest token, passes it on at once, and stops after the end', async () => {
    const seen: number[] = []
    const model = pairs(trap)
    const options = { eosToken: 3, cache: false, onToken: (token: number) => void seen.push(token) }
    expect(await nn.generate(model, [0, 2], options)).toEqual([3])
    expect(await nn.generate(model, [0], options)).toEqual([1, 3])
    expect(seen).toEqual([3, 1, 3])
    expect(model.calls).toEqual([
      [1, 2],
      [1, 1],
      [1, 2],
    ])
  })

  test('stops where the caller says so', async () => {
    const loop = pairs([
      [0.1, 0.9],
      [0.9, 0.1],
    ])
    expect(await nn.generate(loop, [0], { maxNewTokens: 5 })).toEqual([1, 0, 1, 0, 1])
    expect(await nn.generate(loop, [0], { onToken: (token) => token !== 0 })).toEqual([1, 0])
    expect(await nn.generate(loop, [0], { signal: AbortSignal.abort() })).toEqual([])
    const row = [0.5, 0.3, 0.2]
    const constant = pairs([row, row, row])
    expect(await nn.generate(constant, [0], { maxNewTokens: 3 })).toEqual([0, 0, 0])
    expect(await nn.generate(constant, [0], { maxNewTokens: 3, repetitionPenalty: 100 })).toEqual([1, 2, 0])
  })

  test('beams find what the likeliest first step misses: the best of all texts', async () => {
    for (const length of [2, 3, 4]) {
      const found = await nn.generate(pairs(trap), [0], { numBeams: 16, maxNewTokens: length, eosToken: 3 })
      expect(found).toEqual(exhaustive(length))
    }
    expect(await nn.generate(pairs(trap), [0], { numBeams: 2, maxNewTokens: 4, eosToken: 3 })).toEqual([2, 3])
  })

  test('is the same with a cache and without: greedy, drawn, and with beams', { timeout: 60_000 }, async () => {
    manualSeed(4)
    const model = new Tiny().eval()
    for (const options of [
      { maxNewTokens: 16 },
      { maxNewTokens: 16, doSample: true, topK: 5, temperature: 1.5 },
      // With beams the cache begins small, and grows on the way.
      { maxNewTokens: 34, numBeams: 3, eosToken: 2 },
    ]) {
      const run = (cache: boolean): Promise<number[]> =>
        nn.generate(model, [1, 7, 3], { ...options, cache, generator: new Generator(5) })
      expect(await run(true)).toEqual(await run(false))
    }
  })

  test('goes through the model once for many tokens, or for each where it asks for the length', async () => {
    manualSeed(4)
    const model = new Tiny().eval()
    const expected = await nn.generate(model, [1], { maxNewTokens: 60, cache: false })
    for (const asks of [false, true]) {
      const lengths: (number | undefined)[] = []
      const watched: nn.LanguageModel = {
        forward(tokens, options = {}) {
          lengths.push(asks ? options.cache?.length : 0)
          return model.forward(tokens, options)
        },
      }
      expect(await nn.generate(watched, [1], { maxNewTokens: 60 })).toEqual(expected)
      if (asks) expect(lengths).toEqual(Array.from({ length: 60 }, (_, i) => i))
      else expect(lengths.length).toBeLessThan(20)
    }
  })

  test('draws with the probabilities of the model', async () => {
    const options = { maxNewTokens: 2000, doSample: true, generator: new Generator(1), cache: false }
    const model: nn.LanguageModel = {
      forward: ({ shape }) =>
        tensor([0.1, 0.6, 0.3].map(Math.log))
          .broadcastTo([1, 1, 3])
          .add(0 * shape.length),
    }
    const tokens = await nn.generate(model, [0], options)
    const share = (token: number): number => tokens.filter((t) => t === token).length / tokens.length
    for (const [token, p] of [0.1, 0.6, 0.3].entries()) expect(Math.abs(share(token) - p)).toBeLessThan(0.04)
    const few = await nn.generate(model, [0], { ...options, maxNewTokens: 200, topP: 0.7 })
    expect(new Set(few)).toEqual(new Set([1, 2]))
  })

  test('refuses settings that make no sense', async () => {
    const model = pairs(trap)
    for (const options of [{ temperature: 0 }, { topK: 0 }, { topP: 0 }, { repetitionPenalty: 0 }, { numBeams: 0 }]) {
      await expect(nn.generate(model, [0], options)).rejects.toThrow(ValueError)
    }
    await expect(nn.generate(model, [])).rejects.toThrow('expects a prompt of at least one token')
    await expect(nn.generate(model, [0], { numBeams: 2, doSample: true })).rejects.toThrow(ValueError)
  })
})

describe('candidates', () => {
  const logits = Float64Array.of(0, Math.log(2), Math.log(5), Math.log(2))

  test('are all tokens, sharpened by the temperature', () => {
    const { tokens, probabilities } = candidates(logits, { temperature: 0.5 })
    expect(tokens).toEqual([2, 1, 3, 0])
    for (const [i, p] of [25, 4, 4, 1].entries()) expect(probabilities[i]).toBeCloseTo(p / 34)
  })

  test('are cut to the k likeliest, and to those that reach p', () => {
    expect(candidates(logits, { topK: 2 }).tokens).toEqual([2, 1])
    expect(candidates(logits, { topP: 0.49 }).tokens).toEqual([2])
    expect(candidates(logits, { topP: 0.51 }).tokens).toEqual([2, 1])
    expect(candidates(logits, { topP: 0.51 }).probabilities[0]).toBeCloseTo(5 / 7)
  })

  test('are less likely when they occurred', () => {
    expect([...penalized(Float64Array.of(2, -2, 2), [[0], [1, 1]], 2)]).toEqual([1, -4, 2])
  })
})
