/**
 * A neuron weighs its inputs, adds a bias and squashes the sum: z = wᵀx + b, a = σ(z). The chain rule gives its gradients:
 * ∂a/∂w = σ(z)·(1 − σ(z))·x and ∂a/∂b = σ(z)·(1 − σ(z)). Both are worked out by hand here and compared.
 */
import { manualSeed, randn } from 'gradus'
import { atMost, seeds, show } from './show.ts'

const errors: number[] = []
for (const seed of seeds) {
  manualSeed(seed)
  const x = randn([3])
  const w = randn([3], { requiresGrad: true })
  const b = randn([1], { requiresGrad: true })

  const z = w.mul(x).sum().add(b)
  const a = z.sigmoid()
  a.backward()

  const [xs, ws, bs] = [x, w, b].map((t) => [...t.dataSync()]) as [number[], number[], number[]]
  const zByHand = xs.reduce((sum, xi, i) => sum + xi * (ws[i] ?? 0), bs[0] ?? 0)
  const aByHand = 1 / (1 + Math.exp(-zByHand))
  const slope = aByHand * (1 - aByHand)
  const byHand = [zByHand, aByHand, ...xs.map((xi) => slope * xi), slope]

  const computed = [z, a, w.grad, b.grad].flatMap((t) => [...(t?.dataSync() ?? [])])
  errors.push(Math.max(...byHand.map((value, i) => Math.abs(value - (computed[i] ?? Number.NaN)))))
}

show(
  import.meta.url,
  [
    'neuron: value and gradients equal a hand calculation (largest difference)',
    '神经元：输出与梯度等于手算结果（最大误差）',
  ],
  errors,
  atMost(1e-6),
)
