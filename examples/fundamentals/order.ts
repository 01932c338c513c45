/**
 * Attention alone knows no order: shuffle the inputs and the outputs are shuffled with them. Positions have to be told.
 */
import { manualSeed, nn, randn, randperm, type Tensor } from 'gradus'
import { atLeast, atMost, seeds, show } from './show.ts'

const without: number[] = []
const withPositions: number[] = []
for (const seed of seeds) {
  manualSeed(seed)
  const encoder = new nn.TransformerEncoder(() => new nn.TransformerEncoderLayer(32, 4, { batchFirst: true }), 2).eval()
  const positions = new nn.SinusoidalPositions(32)
  const x = randn([1, 20, 32])
  const order = randperm(20)
  const largest = (a: Tensor, b: Tensor): Promise<number> => a.sub(b).abs().max().item()
  const shuffled = x.indexSelect(1, order)
  without.push(await largest(encoder.forward(shuffled), encoder.forward(x).indexSelect(1, order)))
  const [moved, told] = [encoder.forward(positions.forward(shuffled)), encoder.forward(positions.forward(x))]
  withPositions.push(await largest(moved, told.indexSelect(1, order)))
}

show(
  import.meta.url,
  [
    'an encoder without positions: outputs permute with the inputs, up to',
    '无位置编码的编码器：输出随输入一同置换，最大偏差',
  ],
  without,
  atMost(1e-5),
)
show(
  import.meta.url,
  ['the same with sinusoidal positions: outputs differ by', '同上，加入正弦位置编码：输出之差'],
  withPositions,
  atLeast(0.1),
)
