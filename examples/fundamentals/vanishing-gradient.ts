/**
 * Twenty layers deep. Each sigmoid multiplies the gradient by at most 1/4, so that almost nothing reaches the first layer. A
 * ReLU lets it pass, and Kaiming's initialisation keeps its size.
 */
import { F, manualSeed, nn, randn, type Tensor } from 'gradus'
import { atMost, between, seeds, show } from './show.ts'

const width = 64

/** Gradient norm of the first layer's weights over that of the last one's. */
async function shareThatArrives(
  seed: number,
  activation: (x: Tensor) => Tensor,
  initialize: (weight: Tensor) => Tensor,
): Promise<number> {
  manualSeed(seed)
  const layers = Array.from({ length: 20 }, () => new nn.Linear(width, width))
  for (const layer of layers) {
    initialize(layer.weight)
    if (layer.bias) nn.init.zeros(layer.bias)
  }
  const output = layers.reduce((x, layer) => activation(layer.forward(x)), randn([64, width]))
  output.mul(output).mean().backward()
  const [first, last] = [layers.at(0)?.weight.grad, layers.at(-1)?.weight.grad]
  return first && last ? first.norm().div(last.norm()).item() : Number.NaN
}

const sigmoid: number[] = []
const relu: number[] = []
for (const seed of seeds) {
  sigmoid.push(await shareThatArrives(seed, F.sigmoid, nn.init.xavierUniform))
  relu.push(await shareThatArrives(seed, F.relu, (w) => nn.init.kaimingNormal(w, { nonlinearity: 'relu' })))
}

show(
  import.meta.url,
  [
    'vanishing gradient: first / last gradient norm, 20 sigmoid layers',
    '梯度消失：20 层 sigmoid，首层与末层梯度范数之比',
  ],
  sigmoid,
  atMost(1e-9),
)
show(
  import.meta.url,
  ['the same with ReLU and Kaiming initialisation', '同上，改用 ReLU 与 Kaiming 初始化'],
  relu,
  between(0.1, 10),
)
