/** A line through noisy points: gradient descent beside the closed form (`npm run ts examples/linear-regression.ts`). */
import { manualSeed, rand, randn, zeros } from 'gradus'

manualSeed(0)
const x = rand([200]).mul(10)
const y = x
  .mul(2)
  .add(1)
  .add(randn([200]))

// Written out by hand: two numbers that collect gradients, and an update that assigns them.
const slope = zeros([]).requireGrad()
const intercept = zeros([]).requireGrad()
for (let step = 0; step < 2000; step++) {
  const error = x.mul(slope).add(intercept).sub(y)
  error.square().mean().backward()
  for (const parameter of [slope, intercept]) {
    parameter.assign(parameter.sub(parameter.grad!.mul(0.02)))
    parameter.grad = undefined
  }
}
console.log(`gradient descent: y = ${(await slope.item()).toFixed(4)} x + ${(await intercept.item()).toFixed(4)}`)

// slope = cov(x, y) / var(x), and the line passes through the means.
const centred = x.sub(x.mean())
const best = centred.mul(y).sum().div(centred.square().sum())
const offset = y.mean().sub(best.mul(x.mean()))
console.log(`closed form:      y = ${(await best.item()).toFixed(4)} x + ${(await offset.item()).toFixed(4)}`)
