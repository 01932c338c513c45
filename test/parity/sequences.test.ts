/** Sequence models: from the same weights, on the same tokens, the losses of 50 steps are PyTorch's (sequences.py). */
import { readFileSync } from 'node:fs'
import { expect, test, vi } from 'vitest'
import { F, nn, optim, type Tensor, tensor, zeros } from '../../src/index.ts'
import { start, uniform } from './start.ts'

vi.setConfig({ testTimeout: 60_000 })

const expected = JSON.parse(readFileSync(new URL('sequences.json', import.meta.url), 'utf8')) as Record<
  string,
  number[]
>
const [steps, batch, time, words, size] = [50, 8, 12, 13, 16]

/** Tokens [batch, time + 1]: the next is twice the last plus something drawn from 0, 1, 2, modulo `words`. */
function* batches(): Iterable<Tensor> {
  for (let step = 0; step < steps; step++) {
    const noise = uniform(batch * (time + 1), 1000 + step)
    const tokens = new Int32Array(noise.length)
    for (const [i, u] of noise.entries()) {
      const first = i % (time + 1) === 0
      tokens[i] = first ? Math.floor(((u + 1) * words) / 2) : (2 * tokens[i - 1]! + Math.floor((u + 1) * 1.5)) % words
    }
    yield tensor(tokens, { shape: [batch, time + 1] })
  }
}

const inputs = (tokens: Tensor): Tensor => tokens.narrow(1, 0, time)
const nextTokens = (logits: Tensor, tokens: Tensor): Tensor =>
  F.crossEntropy(logits.reshape(-1, words), tokens.narrow(1, 1, time).flatten())

abstract class Model extends nn.Module {
  embedding: nn.Embedding = new nn.Embedding(words, size)
  abstract override forward(tokens: Tensor): Tensor
}

class Recurrent extends Model {
  body: nn.LSTM | nn.GRU | nn.RNN
  head: nn.Linear = new nn.Linear(size, words)
  constructor(body: nn.LSTM | nn.GRU | nn.RNN) {
    super()
    this.body = body
  }
  forward(tokens: Tensor): Tensor {
    const [y] = this.body.forward(this.embedding.forward(inputs(tokens).t()))
    return F.crossEntropy(this.head.forward(y).reshape(-1, words), tokens.narrow(1, 1, time).t().flatten())
  }
}

class Classifier extends Model {
  body: nn.LSTM | nn.TransformerEncoder
  head: nn.Linear = new nn.Linear(size, words)
  constructor(body: nn.LSTM | nn.TransformerEncoder) {
    super()
    this.body = body
  }
  forward(tokens: Tensor): Tensor {
    const x = this.embedding.forward(inputs(tokens).t())
    const y = this.body instanceof nn.LSTM ? this.body.forward(x)[0] : this.body.forward(x)
    return F.crossEntropy(this.head.forward(y.mean(0)), tokens.select(1, time))
  }
}

class Translator extends Model {
  body: nn.Transformer = new nn.Transformer({
    ...{ dModel: size, nhead: 2, numEncoderLayers: 1, numDecoderLayers: 1 },
    ...{ dimFeedforward: 32, dropout: 0, batchFirst: true },
  })
  head: nn.Linear = new nn.Linear(size, words)
  forward(tokens: Tensor): Tensor {
    const target = tokens.flip(1)
    const [source, shifted] = [this.embedding.forward(inputs(tokens)), this.embedding.forward(inputs(target))]
    const y = this.body.forward(source, shifted, { tgtIsCausal: true })
    return nextTokens(this.head.forward(y), target)
  }
}

class GPT extends Model {
  positions: nn.Parameter = new nn.Parameter(zeros([time, size]))
  body: nn.TransformerEncoder = new nn.TransformerEncoder(
    () => {
      const options = { dimFeedforward: 32, dropout: 0, batchFirst: true, normFirst: true }
      return new nn.TransformerEncoderLayer(size, 4, { ...options, activation: 'gelu' })
    },
    2,
    { norm: new nn.LayerNorm(size) },
  )
  forward(tokens: Tensor): Tensor {
    const x = this.embedding.forward(inputs(tokens)).add(this.positions)
    const y = this.body.forward(x, { isCausal: true })
    return nextTokens(F.linear(y, this.embedding.weight), tokens)
  }
}

const encoder = (): nn.TransformerEncoder =>
  new nn.TransformerEncoder(() => new nn.TransformerEncoderLayer(size, 2, { dimFeedforward: 32, dropout: 0 }), 2)

const models: Readonly<Record<string, () => Model>> = {
  lstm: () => new Recurrent(new nn.LSTM(size, size, { numLayers: 2 })),
  gru: () => new Recurrent(new nn.GRU(size, size, { numLayers: 2 })),
  rnn: () => new Recurrent(new nn.RNN(size, size, { numLayers: 2 })),
  bidirectional: () => new Classifier(new nn.LSTM(size, size / 2, { bidirectional: true })),
  encoder: () => new Classifier(encoder()),
  decoder: () => new Translator(),
  gpt: () => new GPT(),
}

test.each(Object.keys(models))('%s with Adam', async (name) => {
  const model = start(models[name]!())
  const optimizer = new optim.Adam(model.parameters(), { lr: 1e-3 })
  const losses: number[] = []
  for (const tokens of batches()) {
    const loss = model.forward(tokens)
    optimizer.zeroGrad()
    loss.backward()
    optimizer.step()
    losses.push(await loss.item())
  }
  expect(losses).toHaveLength(steps)
  for (const [step, loss] of losses.entries()) {
    const difference = Math.abs(loss - expected[name]![step]!)
    expect(difference, `loss ${loss} of step ${step}, PyTorch's ${expected[name]![step]}`).toBeLessThan(1e-4)
  }
})
