/**
 * A support vector machine: the hinge loss asks every point to stand at least 1 away from the line, a small penalty on w makes
 * that 1 as wide as it can be. On separable points the result is the line of largest margin, here compared with the exact one
 * (maximum-margin.py).
 */
import { readFileSync } from 'node:fs'
import { F, nn, optim, tensor } from 'gradus'
import { between, show } from './show.ts'

interface Separable {
  readonly points: number[][]
  readonly labels: number[]
  /** Half the distance between both classes: no line has more. */
  readonly margin: number
}
const cases: Separable[] = JSON.parse(readFileSync(new URL('./maximum-margin.json', import.meta.url), 'utf8'))

const steps = 3000
const shares: number[] = []
for (const { points, labels, margin: largest } of cases) {
  const x = tensor(points)
  const y = tensor(labels)
  const model = new nn.Linear(2, 1)
  const optimizer = new optim.SGD(model.parameters(), { lr: 0.5 })
  const schedule = new optim.CosineAnnealingLR(optimizer, steps)
  for (let step = 0; step < steps; step++) {
    const hinge = F.hingeLoss(model.forward(x).squeeze(1), y)
    const loss = hinge.add(optim.elasticNet([model.weight], { l1: 0, l2: 0.005 }))
    optimizer.zeroGrad()
    loss.backward()
    optimizer.step()
    schedule.step()
  }
  const distances = model.forward(x).squeeze(1).mul(y).div(model.weight.norm())
  const margin = distances.min()
  shares.push((await margin.item()) / largest)
}

show(
  import.meta.url,
  [
    'hinge loss on separable points: margin, as a share of the largest possible',
    '线性可分数据上的合页损失：间隔与最大间隔之比',
  ],
  shares,
  between(0.99, 1.0001),
)
