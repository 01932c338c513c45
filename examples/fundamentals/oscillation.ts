/**
 * A long valley, ½·(x² + 100·y²), from (10, 1). The steepest direction is across: gradient descent jumps from one slope to the
 * other with every step and hardly moves along. Momentum averages the jumps away, Adam scales each direction by itself.
 * Nothing here is random: there is one figure, not one a seed.
 */
import { optim, type Tensor, tensor } from 'gradus'
import { atLeast, atMost, show } from './show.ts'

const curvature = tensor([1, 100])

async function descend(make: (params: Tensor[]) => optim.Optimizer): Promise<{ turns: number; loss: number }> {
  const position = tensor([10, 1], { requiresGrad: true })
  const optimizer = make([position])
  const height = (): Tensor => position.mul(position).mul(curvature).sum().mul(0.5)
  let turns = 0
  let [, before = 0] = await position.data()
  for (let step = 0; step < 100; step++) {
    optimizer.zeroGrad()
    height().backward()
    optimizer.step()
    const [, y = 0] = await position.data()
    if (Math.sign(y) !== Math.sign(before)) turns++
    before = y
  }
  return { turns, loss: await height().item() }
}

const lr = 0.0195
const plain = await descend((params) => new optim.SGD(params, { lr }))
const momentum = await descend((params) => new optim.SGD(params, { lr, momentum: 0.9 }))
const adam = await descend((params) => new optim.Adam(params, { lr: 0.1 }))

show(
  import.meta.url,
  ['oscillation in a valley, 100 steps: sign changes of y, SGD', '狭谷中的振荡，100 步：SGD 中 y 变号次数'],
  [plain.turns],
  atLeast(95),
)
show(
  import.meta.url,
  ['oscillation: sign changes with momentum 0.9', '振荡：动量 0.9 时 y 变号次数'],
  [momentum.turns],
  atMost(60),
)
show(
  import.meta.url,
  ['oscillation: how many times lower the loss is with momentum', '振荡：有动量时损失降低的倍数'],
  [plain.loss / momentum.loss],
  atLeast(100),
)
show(import.meta.url, ['oscillation: sign changes with Adam', '振荡：Adam 中 y 变号次数'], [adam.turns], atMost(10))
