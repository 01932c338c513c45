/**
 * Ten weights follow targets that never stand still, 3·sin(k/200 + i), with curvatures from 0.01 to 10. One learning rate
 * cannot suit all of them (SGD), and one that only ever falls gets left behind (Adagrad); RMSprop forgets old gradients and
 * keeps up everywhere.
 */
import { arange, logspace, manualSeed, optim, randn, type Tensor } from 'gradus'
import { atMost, seeds, show } from './show.ts'

const weights = 10
const curvature = logspace(-2, 1, weights)
const phase = arange(weights).to('float32')

/** Mean squared distance from the targets in 500 steps, after as many to catch up with them. */
async function follow(seed: number, make: (params: Tensor[]) => optim.Optimizer): Promise<number> {
  manualSeed(seed)
  const w = randn([weights], { requiresGrad: true })
  const optimizer = make([w])
  let total = 0
  for (let k = 0; k < 1000; k++) {
    const target = phase
      .add(k / 200)
      .sin()
      .mul(3)
    const distance = w.sub(target)
    const loss = distance.mul(distance).mul(curvature).sum().mul(0.5)
    optimizer.zeroGrad()
    loss.backward()
    optimizer.step()
    if (k >= 500) total += await distance.mul(distance).mean().item()
  }
  return total / 500
}

const overAdagrad: number[] = []
const overSGD: number[] = []
for (const seed of seeds) {
  const rmsprop = await follow(seed, (params) => new optim.RMSprop(params, { lr: 0.05 }))
  overAdagrad.push(rmsprop / (await follow(seed, (params) => new optim.Adagrad(params, { lr: 0.5 }))))
  overSGD.push(rmsprop / (await follow(seed, (params) => new optim.SGD(params, { lr: 0.1 }))))
}

show(
  import.meta.url,
  ["moving target: RMSprop's squared error over Adagrad's", '移动目标：RMSprop 与 Adagrad 均方误差之比'],
  overAdagrad,
  atMost(0.2),
)
show(
  import.meta.url,
  ["moving target: RMSprop's squared error over SGD's", '移动目标：RMSprop 与 SGD 均方误差之比'],
  overSGD,
  atMost(0.2),
)
