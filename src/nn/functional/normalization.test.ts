import { describe, expect, test } from 'vitest'
import { ShapeError, ValueError } from '../../core/errors.ts'
import { full, ones, tensor, zeros } from '../../index.ts'
import * as F from './index.ts'

/** Numbers around `mean` with deviation 1, exact in float32. */
function around(mean: number, n: number): Float32Array {
  return Float32Array.from({ length: n }, (_, i) => mean + (i % 2 === 0 ? 1 : -1) * (1 + (i % 5) / 16))
}

function exactVariance(values: Float32Array): number {
  const mean = values.reduce((sum, v) => sum + v, 0) / values.length
  return values.reduce((sum, v) => sum + (v - mean) ** 2, 0) / values.length
}

describe('batchNorm in training', () => {
  test('keeps the digits of a variance far from zero', () => {
    const data = around(10_000, 640)
    const variance = ones([1])
    F.batchNorm(tensor(data, { shape: [640, 1] }), zeros([1]), variance, { training: true, momentum: 1 })
    expect(variance.itemSync()).toBeCloseTo((exactVariance(data) * 640) / 639, 4)
  })

  test('moves running statistics towards the mean and the unbiased variance', () => {
    const x = tensor([
      [1, 10],
      [3, 30],
    ])
    const [mean, variance] = [tensor([0, 1]), tensor([1, 2])]
    F.batchNorm(x, mean, variance, { training: true, momentum: 0.25 })
    expect([...mean.dataSync()]).toEqual([0.5, 5.75])
    expect([...variance.dataSync()]).toEqual([0.75 + 0.25 * 2, 1.5 + 0.25 * 200])
  })

  test('leaves running statistics alone in evaluation', () => {
    const [mean, variance] = [tensor([1]), tensor([4])]
    const y = F.batchNorm(tensor([[3], [5]]), mean, variance, { eps: 0 })
    expect([...y.dataSync()]).toEqual([1, 2])
    expect([mean.itemSync(), variance.itemSync()]).toEqual([1, 4])
  })

  test('computes half precision in float32', () => {
    const data = around(300, 2048)
    const y = F.batchNorm(tensor(data, { shape: [2048, 1], dtype: 'float16' }), null, null, { training: true })
    expect(y.dtype).toBe('float16')
    const sum = [...y.dataSync()].reduce((total, v) => total + v, 0)
    expect(Math.abs(sum)).toBeLessThan(1)
  })

  test.each([
    [[1, 3], 'batchNorm'],
    [[1, 3, 1, 1], 'batchNorm'],
  ])('refuses a single value a channel: %j', (shape, op) => {
    expect(() => F.batchNorm(ones(shape), null, null, { training: true })).toThrow(
      new ValueError(
        op,
        `training needs more than one value a channel, received [${shape.join(', ')}]; use a larger batch or eval()`,
      ),
    )
  })

  test('refuses statistics that do not fit, or come alone', () => {
    const x = ones([2, 3])
    expect(() => F.batchNorm(x, ones([2]), ones([2]))).toThrow(ShapeError)
    expect(() => F.batchNorm(x, ones([3]), null)).toThrow(ValueError)
    expect(() => F.batchNorm(x, null, null)).toThrow(ValueError)
    expect(() => F.batchNorm(ones([3]), ones([3]), ones([3]))).toThrow(ShapeError)
    expect(() => F.batchNorm(x, ones([3]), ones([3]), { weight: ones([4]) })).toThrow(
      new ShapeError('batchNorm', 'weight must be [3], one number a channel of the input [2, 3], received [4]'),
    )
  })
})

describe('other normalisations', () => {
  test('instanceNorm averages its running statistics over the batch', () => {
    const x = tensor([[[1, 3]], [[5, 11]]])
    const [mean, variance] = [zeros([1]), zeros([1])]
    F.instanceNorm(x, { runningMean: mean, runningVar: variance, momentum: 1 })
    expect(mean.itemSync()).toBe(5)
    expect(variance.itemSync()).toBe((2 + 18) / 2)
  })

  test('layerNorm of float16 does not overflow in its sums', () => {
    const x = full([4, 512], 3000, { dtype: 'float16' })
    expect(Math.max(...F.layerNorm(x, 512).dataSync())).toBe(0)
  })

  test('shapes are checked', () => {
    const x = ones([2, 4])
    expect(() => F.layerNorm(x, 3)).toThrow(new ShapeError('layerNorm', 'input [2, 4] must end in normalizedShape [3]'))
    expect(() => F.layerNorm(x, 4, { weight: ones([2]) })).toThrow(ShapeError)
    expect(() => F.rmsNorm(x, [1, 2, 4])).toThrow(ShapeError)
    expect(() => F.groupNorm(x, 3)).toThrow(
      new ValueError('groupNorm', 'numGroups must divide the 4 channels, received 3'),
    )
    expect(() => F.groupNorm(x, 4)).toThrow(ValueError)
    expect(() => F.instanceNorm(ones([2, 4, 1]))).toThrow(ValueError)
    expect(() => F.instanceNorm(x)).toThrow(ShapeError)
    expect(() => F.localResponseNorm(x, 2)).toThrow(ShapeError)
  })
})
