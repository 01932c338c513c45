import { describe, expect, test } from 'vitest'
import { IndexError, ShapeError, ValueError } from '../../core/errors.ts'
import { withGrad } from '../../graph/node.ts'
import { ones, tensor, zeros } from '../../tensor/creation.ts'
import { manualSeed, rand, randn } from '../../tensor/random.ts'
import type { Tensor } from '../../tensor/tensor.ts'
import * as F from '../functional/index.ts'
import * as nn from '../index.ts'

const spread = (x: Tensor): { min: number; max: number; std: number } => {
  const values = [...x.dataSync()]
  const mean = values.reduce((sum, v) => sum + v, 0) / values.length
  const variance = values.reduce((sum, v) => sum + (v - mean) ** 2, 0) / values.length
  return { min: Math.min(...values), max: Math.max(...values), std: Math.sqrt(variance) }
}

describe('how layers start', () => {
  test.each<[string, () => nn.Module & { weight: Tensor; bias: Tensor | undefined }, number]>([
    ['Linear', () => new nn.Linear(400, 25), 400],
    ['Bilinear', () => new nn.Bilinear(50, 10, 20), 50],
    ['Conv1d', () => new nn.Conv1d(40, 50, 5), 200],
    ['Conv2d', () => new nn.Conv2d(40, 60, 5, { groups: 2 }), 500],
    ['Conv3d', () => new nn.Conv3d(8, 50, 3), 216],
    ['ConvTranspose2d', () => new nn.ConvTranspose2d(60, 40, 5, { groups: 2 }), 500],
  ])('%s: weight and bias uniform on ±1 / √fanIn', (_name, make, fanIn) => {
    manualSeed(1)
    const layer = make()
    const bound = 1 / Math.sqrt(fanIn)
    const { min, max, std } = spread(layer.weight)
    expect([min >= -bound, max <= bound, min < -0.99 * bound, max > 0.99 * bound]).toEqual([true, true, true, true])
    expect(Math.abs(std / (bound / Math.sqrt(3)) - 1)).toBeLessThan(0.03)
    const bias = spread(layer.bias!)
    expect([bias.min >= -bound, bias.max <= bound, bias.std > 0.3 * bound]).toEqual([true, true, true])
  })

  test('Embedding: normal rows, zeros at paddingIdx', () => {
    manualSeed(2)
    const { std, max } = spread(new nn.Embedding(100, 100).weight)
    expect(Math.abs(std - 1)).toBeLessThan(0.03)
    expect(max).toBeGreaterThan(3)
    const padded = new nn.Embedding(3, 4, { paddingIdx: -1 })
    expect(padded.paddingIdx).toBe(2)
    const rows = padded.weight.toArraySync() as number[][]
    expect(rows[2]).toEqual([0, 0, 0, 0])
    expect(rows[0]!.every((v) => v !== 0)).toBe(true)
  })

  test('two layers differ, the same seed repeats them, nothing is computed before it is asked for', () => {
    manualSeed(3)
    const [a, b] = [new nn.Linear(3, 3), new nn.Linear(3, 3)]
    expect([a.weight.isRealized, a.bias!.isRealized]).toEqual([false, false])
    expect(a.weight.toArraySync()).not.toEqual(b.weight.toArraySync())
    manualSeed(3)
    expect(new nn.Linear(3, 3).weight.toArraySync()).toEqual(a.weight.toArraySync())
    const before = a.weight.toArraySync()
    a.resetParameters()
    expect(a.weight.toArraySync()).not.toEqual(before)
  })

  test('the dtype of parameters can be chosen', () => {
    const layers = [
      new nn.Linear(2, 3, { dtype: 'float64' }),
      new nn.Conv2d(1, 2, 3, { dtype: 'float64' }),
      new nn.BatchNorm2d(2, { dtype: 'float64' }),
      new nn.LayerNorm(2, { dtype: 'float64' }),
      new nn.Embedding(2, 2, { dtype: 'float64' }),
    ]
    const dtypes = layers.flatMap((layer) => Object.values(layer.stateDict()).map(({ dtype }) => dtype))
    expect(new Set(dtypes)).toEqual(new Set(['float64', 'int32']))
  })
})

describe('batch normalisation', () => {
  const batch = (): Tensor => tensor([[1], [2], [6]])

  test('keeps PyTorch’s names in its state', () => {
    const all = ['weight', 'bias', 'running_mean', 'running_var', 'num_batches_tracked']
    expect(Object.keys(new nn.BatchNorm2d(3).stateDict())).toEqual(all)
    expect(Object.keys(new nn.BatchNorm2d(3, { affine: false }).stateDict())).toEqual(all.slice(2))
    expect(Object.keys(new nn.InstanceNorm2d(3).stateDict())).toEqual([])
    const norm = new nn.BatchNorm1d(1)
    norm.loadStateDict({ ...norm.stateDict(), running_mean: tensor([7]) })
    expect(norm.runningMean!.itemSync()).toBe(7)
  })

  // Mean 3 and unbiased variance 7 of the batch, from mean 0 and variance 1.
  const moved = (calls: number): [number, number, number] => {
    const rest = 0.9 ** calls
    return [3 * (1 - rest), rest + 7 * (1 - rest), calls]
  }
  const statistics = ({ runningMean, runningVar, numBatchesTracked }: nn.BatchNorm1d): number[] =>
    [runningMean, runningVar, numBatchesTracked].map((x) => x!.itemSync())

  test('counts every call, within one step or without gradients, read or not', () => {
    const norm = new nn.BatchNorm1d(1)
    norm.forward(batch())
    norm.forward(batch())
    withGrad(false, () => norm.forward(batch()))
    const [mean, variance, count] = statistics(norm)
    expect(mean).toBeCloseTo(moved(3)[0], 6)
    expect(variance).toBeCloseTo(moved(3)[1], 5)
    expect(count).toBe(3)
  })

  test('a step of two calls: gradients through both, statistics after both', () => {
    const norm = new nn.BatchNorm1d(1)
    const total = norm.forward(batch()).add(norm.forward(batch().mul(2)))
    total
      .mul(tensor([[1], [0], [0]]))
      .sum()
      .backward()
    expect(norm.bias!.grad!.itemSync()).toBe(2)
    expect(norm.numBatchesTracked!.itemSync()).toBe(2)
    expect(norm.runningMean!.itemSync()).toBeCloseTo(0.9 * 0.3 + 0.1 * 6, 6)
    expect(norm.runningMean!.requiresGrad).toBe(false)
  })

  test('evaluation uses and keeps the running statistics', () => {
    const norm = new nn.BatchNorm1d(1)
    norm.forward(batch())
    norm.eval()
    const y = norm.forward(tensor([[1]]))
    expect(statistics(norm)[2]).toBe(1)
    expect(y.itemSync()).toBeCloseTo((1 - 0.3) / Math.sqrt(1.6 + 1e-5), 5)
  })

  test('an output recorded before the statistics move keeps its value', () => {
    const norm = new nn.BatchNorm1d(1).eval()
    const before = norm.forward(tensor([[1]]))
    norm.train().forward(batch())
    expect(norm.runningMean!.itemSync()).toBeCloseTo(0.3, 6)
    expect(before.itemSync()).toBeCloseTo(1, 4)
  })

  test('momentum null averages over all batches', () => {
    const norm = new nn.BatchNorm1d(1, { momentum: null })
    norm.forward(batch())
    norm.forward(batch().mul(3))
    norm.forward(batch().add(1))
    const [mean, variance] = statistics(norm)
    expect(mean).toBeCloseTo((3 + 9 + 4) / 3, 5)
    expect(variance).toBeCloseTo((7 + 63 + 7) / 3, 4)
  })

  test('starts anew', () => {
    const norm = new nn.BatchNorm1d(1)
    norm.forward(batch())
    norm.weight!.assign(tensor([5]))
    norm.resetParameters()
    expect([...statistics(norm), norm.weight!.itemSync()]).toEqual([0, 1, 0, 1])
  })

  test('refuses the wrong number of dimensions and single values', () => {
    expect(() => new nn.BatchNorm2d(3).forward(ones([2, 3]))).toThrow(
      'BatchNorm2d: expects an input [N, C, H, W], received [2, 3]',
    )
    expect(() => new nn.BatchNorm1d(3).forward(ones([1, 3]))).toThrow(ValueError)
    expect(() => new nn.InstanceNorm1d(3).forward(ones([2, 4, 5]))).toThrow(
      'InstanceNorm1d: expects 3 channels in [N, C, L] (or one without N), received [2, 4, 5]',
    )
  })
})

describe('dropout', () => {
  test('zeroes with probability p and scales the rest, anew at every call, in training only', () => {
    manualSeed(4)
    const drop = new nn.Dropout(0.3)
    const x = ones([10_000])
    const [a, b] = [drop.forward(x).dataSync(), drop.forward(x).dataSync()]
    const zeroed = a.filter((v) => v === 0).length
    expect(Math.abs(zeroed / 10_000 - 0.3)).toBeLessThan(0.025)
    expect([...new Set(a)].sort()).toEqual([0, Math.fround(1 / 0.7)])
    expect(a).not.toEqual(b)
    expect(drop.eval().forward(x)).toBe(x)
  })

  test.each([
    ['Dropout1d', new nn.Dropout1d(), [40, 5, 3]],
    ['Dropout2d', new nn.Dropout2d(), [40, 5, 3, 2]],
    ['Dropout3d', new nn.Dropout3d(), [40, 5, 3, 2, 2]],
    ['FeatureAlphaDropout', new nn.FeatureAlphaDropout(), [40, 5, 3, 2]],
  ])('%s treats whole channels alike', (_name, drop, shape) => {
    manualSeed(5)
    const channels = drop.forward(ones(shape)).reshape(200, -1).toArraySync() as number[][]
    expect(channels.every((values) => new Set(values).size === 1)).toBe(true)
    expect(new Set(channels.map(([first]) => first)).size).toBe(2)
  })

  test('AlphaDropout keeps mean and variance', () => {
    manualSeed(6)
    const y = [...new nn.AlphaDropout(0.2).forward(randn([40_000])).dataSync()]
    const mean = y.reduce((sum, v) => sum + v, 0) / y.length
    const variance = y.reduce((sum, v) => sum + (v - mean) ** 2, 0) / y.length
    expect(Math.abs(mean)).toBeLessThan(0.03)
    expect(Math.abs(variance - 1)).toBeLessThan(0.04)
  })

  test('p is a probability', () => {
    expect(() => new nn.Dropout(1.5)).toThrow('Dropout: p is a probability from 0 to 1, received 1.5')
  })
})

describe('embedding', () => {
  test('shortens rows that are looked up, for good', () => {
    const table = nn.Embedding.fromPretrained(
      tensor([
        [3, 4],
        [6, 8],
        [0.3, 0.4],
      ]),
      { maxNorm: 1, freeze: false },
    )
    const y = table.forward(tensor([0, 2], { dtype: 'int32' })).toArraySync() as number[][]
    expect(y[0]![0]).toBeCloseTo(0.6, 5)
    expect(y[1]![0]).toBeCloseTo(0.3, 6)
    const rows = table.weight.toArraySync() as number[][]
    expect(rows[0]![1]).toBeCloseTo(0.8, 5)
    expect(rows[1]).toEqual([6, 8])
    expect(table.weight.requiresGrad).toBe(true)
  })

  test('pretrained rows are frozen unless asked otherwise', () => {
    const table = nn.Embedding.fromPretrained(ones([2, 3]))
    expect(table.weight.requiresGrad).toBe(false)
    expect(table.forward(tensor([1], { dtype: 'int32' })).toArraySync()).toEqual([[1, 1, 1]])
    expect(() => nn.Embedding.fromPretrained(ones([3]))).toThrow(ShapeError)
  })

  test('refuses rows that do not exist', async () => {
    const table = new nn.Embedding(3, 2)
    await expect(table.forward(tensor([3], { dtype: 'int32' })).data()).rejects.toThrow(IndexError)
    expect(() => new nn.Embedding(3, 2, { paddingIdx: 3 })).toThrow('paddingIdx must be from -3 to 2, received 3')
  })
})

describe('shapes and types', () => {
  test('a transposed convolution gives the size asked for', () => {
    const up = new nn.ConvTranspose2d(1, 1, 3, { stride: 2, padding: 1 })
    const x = ones([1, 1, 4, 4])
    expect(up.forward(x).shape).toEqual([1, 1, 7, 7])
    expect(up.forward(x, [8, 7]).shape).toEqual([1, 1, 8, 7])
    expect(up.forward(x, [1, 1, 7, 8]).shape).toEqual([1, 1, 7, 8])
    expect(() => up.forward(x, [9, 7])).toThrow(
      'ConvTranspose2d: an input [1, 1, 4, 4] gives sizes from [7, 7] to [8, 8], asked for [9, 7]',
    )
  })

  test('maximum pooling with indices is typed as a pair', () => {
    const [values, indices]: [Tensor, Tensor] = new nn.MaxPool1d(2, { returnIndices: true }).forward(
      tensor([[1, 3, 2, 0]]),
    )
    expect(values.toArraySync()).toEqual([[3, 2]])
    expect(indices.toArraySync()).toEqual([[1, 2]])
    const alone: Tensor = new nn.MaxPool1d(2, { stride: 1 }).forward(tensor([[1, 3, 2, 0]]))
    expect(alone.toArraySync()).toEqual([[3, 3, 2]])
  })

  test('unpooling gives the size asked for', () => {
    const pool = new nn.MaxPool1d(2, { returnIndices: true })
    const unpool = new nn.MaxUnpool1d(2)
    const [values, indices] = pool.forward(tensor([[1, 3, 2, 0, 5]]))
    expect(unpool.forward(values, indices).toArraySync()).toEqual([[0, 3, 2, 0]])
    expect(unpool.forward(values, indices, [5]).toArraySync()).toEqual([[0, 3, 2, 0, 0]])
  })

  test('fractional pooling pools at the places it is given, else at random ones', () => {
    manualSeed(7)
    const x = randn([2, 3, 9, 9])
    const randomSamples = rand([2, 3, 2])
    const fixed = new nn.FractionalMaxPool2d(2, { outputRatio: 0.6, randomSamples, returnIndices: true })
    const [values, indices] = fixed.forward(x)
    expect(values.shape).toEqual([2, 3, 5, 5])
    expect(values.toArraySync()).toEqual(F.fractionalMaxPool2d(x, 2, { outputSize: 5, randomSamples }).toArraySync())
    expect(
      x
        .reshape(2, 3, 81)
        .gather(2, indices.reshape(2, 3, 25))
        .dataSync(),
    ).toEqual(values.dataSync())
    const random = new nn.FractionalMaxPool3d(2, { outputSize: [3, 4, 5] })
    const volume = randn([1, 2, 9, 9, 9])
    const [a, b] = [random.forward(volume), random.forward(volume)]
    expect(a.shape).toEqual([1, 2, 3, 4, 5])
    expect(a.toArraySync()).not.toEqual(b.toArraySync())
  })

  test('a chain of layers type-checks, sums up and prints', () => {
    const net = new nn.Sequential(
      new nn.Conv2d(1, 6, 5, { padding: 2 }),
      new nn.MaxPool2d(2),
      new nn.BatchNorm2d(6),
      new nn.Dropout2d(0.1),
      new nn.Flatten(),
      new nn.Linear(1176, 10),
    )
    const summary = net.summary([1, 1, 28, 28])
    expect(summary.rows.map(({ outputs }) => outputs[0])).toEqual([
      [1, 10],
      [1, 6, 28, 28],
      [1, 6, 14, 14],
      [1, 6, 14, 14],
      [1, 6, 14, 14],
      [1, 1176],
      [1, 10],
    ])
    expect(summary.parameters).toBe(156 + 12 + 11_770)
    expect(net.at(0)).toBeInstanceOf(nn.Conv2d)
    expect(Object.values(net.stateDict()).some(({ isRealized }) => isRealized)).toBe(false)
    expect(String(net)).toBe(
      [
        'Sequential(',
        '  (0): Conv2d(1, 6, kernelSize=[5, 5], stride=[1, 1], padding=[2, 2])',
        '  (1): MaxPool2d(kernelSize=[2, 2], stride=[2, 2], padding=[0, 0], dilation=[1, 1], ceilMode=false)',
        '  (2): BatchNorm2d(6, eps=0.00001, momentum=0.1, affine=true, trackRunningStats=true)',
        '  (3): Dropout2d(p=0.1)',
        '  (4): Flatten(startDim=1, endDim=-1)',
        '  (5): Linear(inFeatures=1176, outFeatures=10, bias=true)',
        ')',
      ].join('\n'),
    )
  })

  test('arguments are checked when a layer is made', () => {
    expect(() => new nn.Linear(2.5, 3)).toThrow('Linear: inFeatures must be a whole number ≥ 0, received 2.5')
    expect(() => new nn.Conv2d(3, 4, 3, { groups: 2 })).toThrow(
      'Conv2d: groups = 2 must divide inChannels = 3 and outChannels = 4',
    )
    expect(() => new nn.Conv2d(3, 4, [3, 3, 3])).toThrow('Conv2d: kernelSize takes one number or 2')
    expect(() => new nn.Conv2d(3, 4, 3, { padding: 'same', stride: 2 })).toThrow(
      "Conv2d: padding 'same' needs stride 1, received [2, 2]",
    )
    expect(() => new nn.Conv2d(1, 1, 1, { paddingMode: 'mirror' as 'reflect' })).toThrow(
      "Conv2d: paddingMode must be one of zeros, reflect, replicate, circular, received 'mirror'",
    )
    expect(() => new nn.GroupNorm(3, 4)).toThrow('GroupNorm: numGroups = 3 must divide numChannels = 4')
    expect(() => new nn.ZeroPad2d([1, 2, 3])).toThrow('ZeroPad2d: padding takes one whole number or 4')
    expect(() => new nn.ZeroPad2d(1).forward(ones([3]))).toThrow(
      'ZeroPad2d: expects an input [N, C, H, W] (or one without N), received [3]',
    )
  })

  test('tied weights are trained and counted once', () => {
    class Tied extends nn.Module {
      encode = new nn.Embedding(5, 3)
      decode = new nn.Linear(3, 5, { bias: false })
      constructor() {
        super()
        this.decode.weight = this.encode.weight
      }
      forward(index: Tensor): Tensor {
        return this.decode.forward(this.encode.forward(index))
      }
    }
    const model = new Tied()
    expect(model.parameters()).toEqual([model.encode.weight])
    model.encode.weight.assign(ones([5, 3]))
    model
      .forward(tensor([0], { dtype: 'int32' }))
      .sum()
      .backward()
    expect(model.decode.weight.grad!.toArraySync()).toEqual([[6, 6, 6], ...[1, 2, 3, 4].map(() => [1, 1, 1])])
    expect(model.summary(zeros([1], { dtype: 'int32' })).parameters).toBe(15)
  })
})
