/**
 * Softmax turns logits into probabilities, at any size: the largest logit is subtracted first, so that exp never overflows.
 * Behind cross-entropy its derivative is as simple as can be: softmax minus the one-hot label.
 */
import { concat, F, manualSeed, randint, randn, tensor } from 'gradus'
import { atMost, seeds, show } from './show.ts'

const sums: number[] = []
const gradients: number[] = []
for (const seed of seeds) {
  manualSeed(seed)
  const extreme = tensor([[1e4, -1e4, 0]]).add(randn([8, 3]).mul(100))
  const probabilities = F.softmax(concat([extreme, randn([8, 3])]), 1)
  const finite = await probabilities.isFinite().all().item()
  const off = await probabilities.sum(1).sub(1).abs().max().item()
  sums.push(finite ? off : Number.POSITIVE_INFINITY)

  const logits = randn([8, 5], { requiresGrad: true })
  const labels = randint(0, 5, [8])
  F.crossEntropy(logits, labels, { reduction: 'sum' }).backward()
  const [values, right] = [await logits.toArray(), await labels.toArray()] as [number[][], number[]]
  const byHand = values.map((row, n) => {
    const total = row.reduce((sum, logit) => sum + Math.exp(logit), 0)
    return row.map((logit, i) => Math.exp(logit) / total - (i === right[n] ? 1 : 0))
  })
  gradients.push((await logits.grad?.sub(tensor(byHand)).abs().max().item()) ?? Number.NaN)
}

show(
  import.meta.url,
  ['softmax at ±10,000: finite, sums differ from 1 by', 'softmax 在 ±10000 处：有限，各行之和与 1 之差'],
  sums,
  atMost(1e-6),
)
show(
  import.meta.url,
  ['∂CE/∂logits = softmax − one-hot: largest difference', '∂CE/∂logits = softmax − one-hot：最大误差'],
  gradients,
  atMost(1e-6),
)
