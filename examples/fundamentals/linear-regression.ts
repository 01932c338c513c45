/**
 * Gradient descent on the mean squared error finds the line that the closed form gives: slope = cov(x, y) / var(x) and
 * intercept = ȳ − slope · x̄.
 */
import { F, manualSeed, nn, optim, randn, realize } from 'gradus'
import { atMost, seeds, show } from './show.ts'

const errors: number[] = []
for (const seed of seeds) {
  manualSeed(seed)
  const x = randn([50, 1])
  const y = x
    .mul(2)
    .add(1)
    .add(randn([50, 1]).mul(0.3))
  await realize(x, y)

  const model = new nn.Linear(1, 1)
  const optimizer = new optim.SGD(model.parameters(), { lr: 0.1 })
  for (let step = 0; step < 200; step++) {
    const loss = F.mseLoss(model.forward(x), y)
    optimizer.zeroGrad()
    loss.backward()
    optimizer.step()
  }

  const dx = x.sub(x.mean())
  const slope = dx.mul(y).sum().div(dx.mul(dx).sum())
  const intercept = y.mean().sub(slope.mul(x.mean()))
  const [learnedSlope, learnedIntercept] = model.parameters()
  const wrong = [learnedSlope?.sub(slope), learnedIntercept?.sub(intercept)]
  errors.push(Math.max(...wrong.map((difference) => Math.abs(difference?.itemSync() ?? Number.NaN))))
}

show(
  import.meta.url,
  ['linear regression by MSE: distance from the closed form', '均方误差线性回归：与解析解的距离'],
  errors,
  atMost(1e-4),
)
