/**
 * A function whose derivative is not what calculus says: rounding, with the gradient passed straight through (Bengio,
 * Léonard & Courville 2013), used to learn weights of −1 and 1 (`npm run ts examples/custom-gradient.ts`).
 */
import { customGrad, F, manualSeed, ones, randn, where } from 'gradus'

manualSeed(0)
const signs = customGrad(
  (w) => where(w.ge(0), ones(w.shape), ones(w.shape).neg()),
  (dy, [w]) => where(w!.abs().le(1), dy, dy.mul(0)), // as if the function had been a straight line from −1 to 1
)

const x = randn([256, 16])
const hidden = where(randn([1, 16]).ge(0), ones([1, 16]), ones([1, 16]).neg())
const y = F.linear(x, hidden)

const weight = randn([1, 16]).mul(0.1).requireGrad()
for (let step = 0; step <= 100; step++) {
  const loss = F.mseLoss(F.linear(x, signs(weight)), y)
  loss.backward()
  weight.assign(weight.sub(weight.grad!.mul(0.001)))
  weight.grad = undefined
  if (step % 25 === 0) console.log(`step ${step}: loss ${(await loss.item()).toFixed(3)}`)
}
const right = await signs(weight).eq(hidden).sum().item()
console.log(`${right} of 16 hidden signs found`)
