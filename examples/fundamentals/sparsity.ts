/**
 * A hundred weights, of which ten matter. The L1 penalty 0.05·Σ|w| pulls with constant force and sets the others to zero; the
 * L2 penalty 0.05·Σw² pulls less the smaller a weight is: it shrinks all of them and zeroes hardly any.
 */
import { F, manualSeed, optim, randn, realize, type Tensor, zeros } from 'gradus'
import { atLeast, atMost, seeds, show } from './show.ts'

const relevant = 10
const steps = 1000

const l1Zeros: number[] = []
const l2Zeros: number[] = []
const norms: number[] = []
for (const seed of seeds) {
  manualSeed(seed)
  const x = randn([200, 100])
  const truth = randn([relevant])
    .mul(2)
    .pad([0, 100 - relevant])
  const y = x.matmul(truth).add(randn([200]).mul(0.1))
  await realize(x, y)

  const fit = (l1: number, l2: number): Tensor => {
    const w = zeros([100], { requiresGrad: true })
    const optimizer = new optim.Adam([w], { lr: 0.05 })
    const schedule = new optim.CosineAnnealingLR(optimizer, steps)
    for (let step = 0; step < steps; step++) {
      const loss = F.mseLoss(x.matmul(w), y).add(optim.elasticNet([w], { l1, l2 }))
      optimizer.zeroGrad()
      loss.backward()
      optimizer.step()
      schedule.step()
    }
    return w
  }
  const zerosIn = (w: Tensor): Promise<number> => w.at(`${relevant}:`).abs().lt(1e-3).sum().item()

  const [plain, lasso, ridge] = [fit(0, 0), fit(0.05, 0), fit(0, 0.05)]
  l1Zeros.push(await zerosIn(lasso))
  l2Zeros.push(await zerosIn(ridge))
  norms.push(await ridge.norm().div(plain.norm()).item())
}

show(
  import.meta.url,
  ['90 weights do not matter: below 1e-3 with 0.05·Σ|w|', '90 个无关权重：0.05·Σ|w| 下小于 1e-3 的个数'],
  l1Zeros,
  atLeast(80),
)
show(
  import.meta.url,
  ['90 weights do not matter: below 1e-3 with 0.05·Σw²', '90 个无关权重：0.05·Σw² 下小于 1e-3 的个数'],
  l2Zeros,
  atMost(15),
)
show(
  import.meta.url,
  ['norm of all weights with 0.05·Σw², over that without a penalty', '0.05·Σw² 下的权重范数与无惩罚时之比'],
  norms,
  { text: '< 1', clears: (x) => x < 1 },
)
