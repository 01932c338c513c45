/**
 * Symbols at random, then a question: which one was the first? On its way back to it the gradient shrinks with every step of a plain
 * network. Gates let it pass; attention looks straight at the first position, however far away it is.
 */
import { arange, concat, F, full, manualSeed, nn, noGrad, optim, randint, type Tensor, where } from 'gradus'
import { atLeast, atMost, type Bar, seeds, show } from './show.ts'

const [symbols, hidden, batch] = [8, 64, 64]
const question = symbols

/** Tokens [T, N]: a symbol, others as noise, the question; and its answer, the first symbol [N]. */
function sequences(length: number, count: number): { tokens: Tensor; first: Tensor } {
  const drawn = randint(0, symbols, [length - 1, count])
  return { tokens: concat([drawn, full([1, count], question, { dtype: 'int32' })]), first: drawn.select(0, 0) }
}

abstract class Recaller extends nn.Module {
  embedding = new nn.Embedding(symbols + 1, hidden)
  head = new nn.Linear(hidden, symbols)
  /** Inputs [T, N, hidden] → what is known at the question [N, hidden]. */
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

/** An LSTM whose forget gate is wide open at first: σ(2) = 0.88. */
function lstm(): nn.LSTM {
  const body = new nn.LSTM(hidden, hidden)
  const bias = body.getParameter('bias_ih_l0')
  const isForget = arange(4 * hidden)
    .div(hidden)
    .floor()
    .eq(1)
  bias.assign(where(isForget, 2, bias))
  return body
}

/** Norm of the gradient of the loss at the first of 25 inputs, before any training. */
async function gradientAtFirst(model: Recaller): Promise<number> {
  const { tokens, first } = sequences(25, batch)
  const x = noGrad(() => model.embedding.forward(tokens)).requireGrad()
  F.crossEntropy(model.head.forward(model.read(x)), first).backward()
  return x.grad ? x.grad.select(0, 0).norm().item() : Number.NaN
}

/** Percent of 512 new sequences whose first symbol is recalled. */
async function recall(model: Recaller, length: number): Promise<number> {
  const { tokens, first } = sequences(length, 512)
  return 100 * (await noGrad(() => model.forward(tokens).argMax(-1).eq(first).to('float32').mean()).item())
}

/** Trains for `steps` steps, or until one of 512 is wrong at most. */
async function train(model: Recaller, length: number, steps: number): Promise<void> {
  const optimizer = new optim.Adam(model.parameters(), { lr: 3e-3 })
  for (let step = 1; step <= steps; step++) {
    const { tokens, first } = sequences(length, batch)
    optimizer.zeroGrad()
    F.crossEntropy(model.forward(tokens), first).backward()
    nn.utils.clipGradNorm(model.parameters(), 1)
    optimizer.step()
    if (step % 100 === 0 && (await recall(model, length)) > 99.8) return
  }
}

interface Architecture {
  readonly names: readonly [english: string, chinese: string]
  readonly make: () => Recaller
  /** The gradient at the first input, before training. */
  readonly arrives: Bar
  /** What it is to learn, how soon, and how well. */
  readonly task: { readonly length: number; readonly steps: number; readonly recalls: Bar }
}
const within = { length: 25, steps: 2500 }
const architectures: Architecture[] = [
  {
    names: ['plain tanh RNN', '普通 tanh RNN'],
    make: () => new Recurrent(new nn.RNN(hidden, hidden)),
    arrives: atMost(1e-8),
    task: { ...within, recalls: atMost(40, ' %') },
  },
  {
    names: ['GRU', 'GRU'],
    make: () => new Recurrent(new nn.GRU(hidden, hidden)),
    arrives: atLeast(1e-7),
    task: { ...within, recalls: atLeast(99, ' %') },
  },
  {
    names: ['LSTM', 'LSTM'],
    make: () => new Recurrent(lstm()),
    arrives: atLeast(1e-4),
    task: { ...within, recalls: atLeast(99, ' %') },
  },
  {
    names: ['one Transformer layer', '单层 Transformer'],
    make: () => new Attentive(),
    arrives: atLeast(1e-4),
    task: { length: 100, steps: 1500, recalls: atLeast(97, ' %') },
  },
]

for (const { names, make, arrives, task } of architectures) {
  const recalled: number[] = []
  const norms: number[] = []
  for (const seed of seeds) {
    manualSeed(seed)
    const model = make()
    norms.push(await gradientAtFirst(model))
    await train(model, task.length, task.steps)
    recalled.push(await recall(model, task.length))
  }
  const [english, chinese] = names
  show(
    import.meta.url,
    [`gradient norm at the first of 25 inputs: ${english}`, `25 个输入中首个输入处的梯度范数：${chinese}`],
    norms,
    arrives,
  )
  const { length, steps, recalls } = task
  show(
    import.meta.url,
    [
      `recall of the first of ${length} inputs within ${steps} steps: ${english}`,
      `${steps} 步内学会回忆 ${length} 个输入中的第一个：${chinese}`,
    ],
    recalled,
    recalls,
  )
}
