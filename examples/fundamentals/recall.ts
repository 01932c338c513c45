/**
 * What was the first symbol, after many noisy ones? A plain network has forgotten: on the way back the gradient shrinks with every
 * step. Gates let it pass; attention looks straight at the first position, however far away it is.
 */
import { concat, F, manualSeed, nn, noGrad, optim, randint, type Tensor } from 'gradus'
import { atLeast, atMost, seeds, show } from './show.ts'

const [symbols, noises, hidden, batch] = [8, 8, 64, 64]

/** Tokens [T, batch]: a symbol, then noise. */
function sequences(length: number): { tokens: Tensor; first: Tensor } {
  const first = randint(0, symbols, [1, batch])
  return { tokens: concat([first, randint(symbols, symbols + noises, [length - 1, batch])]), first: first.squeeze(0) }
}

abstract class Recaller extends nn.Module {
  embedding = new nn.Embedding(symbols + noises, hidden)
  head = new nn.Linear(hidden, symbols)
  /** Inputs [T, N, hidden] → what is known at the end [N, hidden]. */
  abstract read(x: Tensor): Tensor
  override forward(tokens: Tensor): Tensor {
    return this.head.forward(this.read(this.embedding.forward(tokens)))
  }
}

class Recurrent extends Recaller {
  body: nn.RNN | nn.LSTM | nn.GRU
  constructor(body: nn.RNN | nn.LSTM | nn.GRU) {
    super()
    this.body = body
  }
  override read(x: Tensor): Tensor {
    return this.body.forward(x)[0].select(0, -1)
  }
}

class Attentive extends Recaller {
  positions = new nn.SinusoidalPositions(hidden, { maxLength: 100 })
  layer = new nn.TransformerEncoderLayer(hidden, 4, { dimFeedforward: 128, dropout: 0, batchFirst: true })
  override read(x: Tensor): Tensor {
    return this.layer.forward(this.positions.forward(x.transpose(0, 1))).select(1, -1)
  }
}

function lstm(): nn.LSTM {
  const body = new nn.LSTM(hidden, hidden)
  const bias = body.getParameter('bias_ih_l0')
  // The forget gate opens wide at first: σ(2) = 0.88.
  bias.assign(
    concat([
      bias.narrow(0, 0, hidden),
      bias.narrow(0, hidden, hidden).mul(0).add(2),
      bias.narrow(0, 2 * hidden, 2 * hidden),
    ]),
  )
  return body
}

/** Norm of the gradient at the first input over that at the last. */
async function shareThatArrives(model: Recaller, length: number): Promise<number> {
  const { tokens, first } = sequences(length)
  const x = model.embedding.forward(tokens).detach().requireGrad()
  F.crossEntropy(model.head.forward(model.read(x)), first).backward()
  return x.grad ? x.grad.select(0, 0).norm().div(x.grad.select(0, -1).norm()).item() : Number.NaN
}

/** Percent of first symbols that are recalled after training. */
async function recall(model: Recaller, length: number, steps: number): Promise<number> {
  const optimizer = new optim.Adam(model.parameters(), { lr: 3e-3 })
  for (let step = 0; step < steps; step++) {
    const { tokens, first } = sequences(length)
    optimizer.zeroGrad()
    F.crossEntropy(model.forward(tokens), first).backward()
    nn.utils.clipGradNorm(model.parameters(), 1)
    optimizer.step()
    if (step % 50 === 0) await model.head.weight.data()
  }
  let right = 0
  for (let round = 0; round < 8; round++) {
    const { tokens, first } = sequences(length)
    right += await noGrad(() => model.forward(tokens).argMax(-1).eq(first).sum()).item()
  }
  return (100 * right) / (8 * batch)
}

const models: [name: string, chinese: string, make: () => Recaller, length: number, steps: number][] = [
  ['LSTM', 'LSTM', () => new Recurrent(lstm()), 25, 2500],
  ['GRU', 'GRU', () => new Recurrent(new nn.GRU(hidden, hidden)), 25, 2500],
  ['plain tanh RNN', '普通 tanh RNN', () => new Recurrent(new nn.RNN(hidden, hidden)), 25, 2500],
  ['one Transformer layer', '单层 Transformer', () => new Attentive(), 100, 1500],
]

for (const [name, chinese, make, length, steps] of models) {
  const figures: number[] = []
  const shares: number[] = []
  for (const seed of seeds) {
    manualSeed(seed)
    const model = make()
    shares.push(await shareThatArrives(model, length))
    figures.push(await recall(model, length, steps))
  }
  const isPlain = name.startsWith('plain')
  const bar = isPlain ? atMost(40, ' %') : atLeast(length === 100 ? 97 : 99, ' %')
  show(
    import.meta.url,
    [`recall of the first of ${length} symbols: ${name}`, `回忆 ${length} 个符号中的第一个：${chinese}`],
    figures,
    bar,
  )
  show(
    import.meta.url,
    [
      `the same: gradient at the first over that at the last input, ${name}`,
      `同上：首个输入与末个输入的梯度之比，${chinese}`,
    ],
    shares,
    isPlain ? atMost(1e-4) : atLeast(1e-3),
  )
}
