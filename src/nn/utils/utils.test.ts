import { describe, expect, test } from 'vitest'
import { ShapeError, ValueError } from '../../core/errors.ts'
import { ones, tensor } from '../../tensor/creation.ts'
import { manualSeed, randn } from '../../tensor/random.ts'
import type { Tensor } from '../../tensor/tensor.ts'
import * as nn from '../index.ts'

function withGradients(...grads: number[][]): nn.Parameter[] {
  return grads.map((values) => {
    const parameter = new nn.Parameter(ones([values.length]))
    parameter.grad = tensor(values)
    return parameter
  })
}

const gradients = (parameters: readonly Tensor[]): unknown => parameters.map(({ grad }) => grad?.toArraySync())

function expectClose(actual: Tensor, expected: Tensor): void {
  expect(actual.shape).toEqual(expected.shape)
  const [a, b] = [actual.dataSync(), expected.dataSync()]
  a.forEach((v, i) => {
    expect(Math.abs(v - b[i]!)).toBeLessThan(1e-5 + 1e-5 * Math.abs(b[i]!))
  })
}

describe('clipping', () => {
  test('by norm scales all gradients by one factor, and only when they are longer', () => {
    const parameters = withGradients([3, 0], [4])
    const total = nn.utils.clipGradNorm(parameters, 1)
    expect(total.itemSync()).toBe(5)
    const [a, b] = gradients(parameters) as number[][]
    expect(a![0]).toBeCloseTo(0.6, 5)
    expect(b![0]).toBeCloseTo(0.8, 5)
    const short = withGradients([0.3], [0.4])
    expect(nn.utils.clipGradNorm(short, 1).itemSync()).toBeCloseTo(0.5, 6)
    expect(gradients(short)).toEqual([[Math.fround(0.3)], [Math.fround(0.4)]])
  })

  test('by other norms, of one tensor, of those without a gradient, of tied ones', () => {
    expect(nn.utils.clipGradNorm(withGradients([3, -4]), 10, { normType: 1 }).itemSync()).toBe(7)
    const most = withGradients([3, -4], [2])
    expect(nn.utils.clipGradNorm(most, 1, { normType: Number.POSITIVE_INFINITY }).itemSync()).toBe(4)
    expect((gradients(most) as number[][])[0]![1]).toBeCloseTo(-1, 5)
    expect(nn.utils.clipGradNorm(new nn.Parameter(ones([2])), 1).itemSync()).toBe(0)
    const [tied] = withGradients([2])
    expect(nn.utils.clipGradNorm([tied!, tied!], 1).itemSync()).toBe(2)
    expect(() => nn.utils.clipGradNorm([], -1)).toThrow(ValueError)
  })

  test('by value limits each element', () => {
    const parameters = withGradients([3, -4, 0.5])
    nn.utils.clipGradValue(parameters, 1)
    expect(gradients(parameters)).toEqual([[1, -1, 0.5]])
    expect(() => nn.utils.clipGradValue(parameters, Number.NaN)).toThrow('clipValue must be ≥ 0, received NaN')
  })
})

describe('parameters as a vector', () => {
  test('there and back', () => {
    const layer = new nn.Linear(2, 2)
    layer.weight.assign(
      tensor([
        [1, 2],
        [3, 4],
      ]),
    )
    layer.bias!.assign(tensor([5, 6]))
    const vector = nn.utils.parametersToVector(layer.parameters())
    expect(vector.toArraySync()).toEqual([1, 2, 3, 4, 5, 6])
    nn.utils.vectorToParameters(vector.mul(2), layer.parameters())
    expect(layer.weight.toArraySync()).toEqual([
      [2, 4],
      [6, 8],
    ])
    expect(layer.bias!.toArraySync()).toEqual([10, 12])
    vector.sum().backward()
    expect(layer.weight.grad!.toArraySync()).toEqual([
      [1, 1],
      [1, 1],
    ])
  })

  test('refuses vectors of another size', () => {
    const parameters = new nn.Linear(2, 2).parameters()
    expect(() => nn.utils.vectorToParameters(ones([7]), parameters)).toThrow('expected [6], received [7]')
    expect(() => nn.utils.parametersToVector([])).toThrow(ShapeError)
  })
})

describe('fuseConvBnEval', () => {
  const disturbed = <N extends nn.BatchNorm1d | nn.BatchNorm2d | nn.BatchNorm3d>(norm: N): N => {
    norm.runningMean!.assign(randn([4]))
    norm.runningVar!.assign(randn([4]).square().add(0.5))
    norm.weight?.assign(randn([4]))
    norm.bias?.assign(randn([4]))
    norm.eval()
    return norm
  }

  test.each<
    [string, () => [nn.Conv1d | nn.Conv2d | nn.Conv3d, nn.BatchNorm1d | nn.BatchNorm2d | nn.BatchNorm3d], number[]]
  >([
    ['1d', () => [new nn.Conv1d(2, 4, 3), disturbed(new nn.BatchNorm1d(4))], [2, 2, 7]],
    [
      '2d',
      () => [
        new nn.Conv2d(2, 4, 3, { stride: 2, padding: 1, groups: 2, bias: false, paddingMode: 'circular' }),
        disturbed(new nn.BatchNorm2d(4, { affine: false })),
      ],
      [2, 2, 6, 5],
    ],
    ['3d', () => [new nn.Conv3d(2, 4, 2, { padding: 'same' }), disturbed(new nn.BatchNorm3d(4))], [1, 2, 3, 3, 3]],
  ])('%s computes what both did', (_name, make, shape) => {
    manualSeed(1)
    const [conv, norm] = make()
    conv.eval()
    const fused = nn.utils.fuseConvBnEval(conv, norm)
    const x = randn(shape)
    expectClose(fused.forward(x), (norm as nn.Layer).forward(conv.forward(x)))
    expect(fused.constructor).toBe(conv.constructor)
    expect(fused.training).toBe(false)
  })

  test('refuses modules in training and channels that differ', () => {
    const [conv, norm] = [new nn.Conv2d(1, 4, 3).eval(), new nn.BatchNorm2d(4).eval()]
    expect(() => nn.utils.fuseConvBnEval(conv, norm.train())).toThrow('call eval() on both modules first')
    expect(() => nn.utils.fuseConvBnEval(conv, new nn.BatchNorm2d(3).eval())).toThrow(
      'the convolution gives 4 channels, the normalisation takes 3',
    )
    expect(() => nn.utils.fuseConvBnEval(conv, new nn.BatchNorm2d(4, { trackRunningStats: false }).eval())).toThrow(
      'running statistics',
    )
  })
})
