import { afterEach, describe, expect, test } from 'vitest'
import { F, manualSeed, nn, optim, randn, type Tensor, tensor } from '../../src/index.ts'
import { registerTarget, setDevice } from '../../src/runtime/device.ts'
import { NativeTarget, nativeTarget } from '../../src/runtime/native/target.ts'

/* Training steps of models as people write them: nothing of them is left to the interpreter. */

const target = nativeTarget()

type Layer = nn.Module & { forward(x: Tensor): Tensor }

class Block extends nn.Module {
  body: nn.Sequential
  skip: nn.Sequential

  constructor(inputs: number, outputs: number, stride: number) {
    super()
    this.body = new nn.Sequential(
      new nn.Conv2d(inputs, outputs, 3, { stride, padding: 1, bias: false }),
      new nn.BatchNorm2d(outputs),
      new nn.ReLU(),
      new nn.Conv2d(outputs, outputs, 3, { padding: 1, bias: false }),
      new nn.BatchNorm2d(outputs),
    )
    this.skip = new nn.Sequential(
      new nn.Conv2d(inputs, outputs, 1, { stride, bias: false }),
      new nn.BatchNorm2d(outputs),
    )
  }

  forward(x: Tensor): Tensor {
    return F.relu(this.body.forward(x).add(this.skip.forward(x)))
  }
}

class Recurrent extends nn.Module {
  layer: nn.LSTM | nn.GRU
  head: nn.Linear = new nn.Linear(24, 10)

  constructor(layer: nn.LSTM | nn.GRU) {
    super()
    this.layer = layer
  }

  forward(x: Tensor): Tensor {
    const [out] = this.layer.forward(x)
    return this.head.forward(out.at(':', -1))
  }
}

class Language extends nn.Module {
  table: nn.Embedding = new nn.Embedding(50, 32)
  layer: nn.TransformerEncoderLayer = new nn.TransformerEncoderLayer(32, 4, { dimFeedforward: 64, batchFirst: true })
  head: nn.Linear = new nn.Linear(32, 50)

  forward(x: Tensor): Tensor {
    return this.head.forward(this.layer.forward(this.table.forward(x))).flatten(0, 1)
  }
}

const words = tensor(
  Array.from({ length: 96 }, (_, i) => (i * 7) % 50),
  { shape: [8, 12], dtype: 'int32' },
)
const labels = tensor([1, 2, 3, 4, 5, 6, 7, 0], { dtype: 'int32' })
const images = randn([8, 3, 32, 32])
const sequences = randn([8, 12, 16])

const classify = (y: Tensor): Tensor => F.crossEntropy(y, labels)
const rebuild = (y: Tensor): Tensor => F.mseLoss(y, images)

const models: readonly [string, () => Layer, Tensor, (y: Tensor) => Tensor][] = [
  [
    'a residual network',
    () =>
      new nn.Sequential(
        new nn.Conv2d(3, 8, 3, { padding: 1 }),
        new Block(8, 8, 1),
        new Block(8, 16, 2),
        new nn.AdaptiveAvgPool2d(1),
        new nn.Flatten(),
        new nn.Linear(16, 10),
      ),
    images,
    classify,
  ],
  [
    'depthwise convolutions and padded averages',
    () =>
      new nn.Sequential(
        new nn.Conv2d(3, 8, 3, { padding: 1, stride: 2 }),
        new nn.ReLU6(),
        new nn.Conv2d(8, 8, 3, { groups: 8, padding: 1 }),
        new nn.SiLU(),
        new nn.Conv2d(8, 16, 1),
        new nn.AvgPool2d(3, { padding: 1, stride: 2 }),
        new nn.Flatten(),
        new nn.Linear(1024, 10),
      ),
    images,
    classify,
  ],
  [
    'odd channels, overlapping pools, dropout',
    () =>
      new nn.Sequential(
        new nn.Conv2d(3, 7, 3, { padding: 1 }),
        new nn.GELU(),
        new nn.MaxPool2d(3, { stride: 2, padding: 1 }),
        new nn.Dropout2d(0.2),
        new nn.Conv2d(7, 9, 5, { stride: 2 }),
        new nn.GroupNorm(3, 9),
        new nn.Flatten(),
        new nn.Dropout(0.5),
        new nn.Linear(324, 10),
      ),
    images,
    classify,
  ],
  [
    'an autoencoder with transposed convolutions',
    () =>
      new nn.Sequential(
        new nn.Conv2d(3, 6, 3, { stride: 2, padding: 1 }),
        new nn.ReLU(),
        new nn.ConvTranspose2d(6, 3, 3, { stride: 2, padding: 1, outputPadding: 1 }),
        new nn.Sigmoid(),
      ),
    images,
    rebuild,
  ],
  [
    'averages and upsampling',
    () =>
      new nn.Sequential(
        new nn.Conv2d(3, 6, 3, { padding: 1 }),
        new nn.ReLU(),
        new nn.AvgPool2d(2),
        new nn.Upsample({ scaleFactor: 2 }),
        new nn.Conv2d(6, 3, 3, { padding: 1 }),
      ),
    images,
    rebuild,
  ],
  ['an LSTM', () => new Recurrent(new nn.LSTM(16, 24, { batchFirst: true })), sequences, classify],
  ['a GRU', () => new Recurrent(new nn.GRU(16, 24, { batchFirst: true })), sequences, classify],
  ['a Transformer', () => new Language(), words, (y) => F.crossEntropy(y, words.flatten())],
]

describe.skipIf(!(target instanceof NativeTarget))('training steps', () => {
  afterEach(() => manualSeed(0))

  test.each(models)('%s', async (_, make, x, loss) => {
    if (!(target instanceof NativeTarget)) return
    registerTarget(target)
    setDevice('native')
    const model = make()
    const optimizer = new optim.AdamW(model.parameters(), { lr: 1e-3 })
    await Promise.all([x.data(), ...model.parameters().map((p) => p.data())])
    target.routines.clear()
    const losses: number[] = []
    for (let step = 0; step < 3; step++) {
      optimizer.zeroGrad()
      const value = loss(model.forward(x))
      value.backward()
      nn.utils.clipGradNorm(model.parameters(), 1)
      optimizer.step()
      losses.push(await value.item())
    }
    expect([...target.routines]).toEqual([])
    expect(losses.every(Number.isFinite)).toBe(true)
  })
})
