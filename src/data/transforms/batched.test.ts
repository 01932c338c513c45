/** Transforms of batches against those of single pictures, with the same draws. */
import { describe, expect, test } from 'vitest'
import { ShapeError, ValueError } from '../../core/errors.ts'
import { tensor } from '../../tensor/creation.ts'
import { stack } from '../../tensor/joining.ts'
import { manualSeed, rand } from '../../tensor/random.ts'
import type { Tensor } from '../../tensor/tensor.ts'
import { Random } from '../random.ts'
import * as t from './index.ts'

manualSeed(4)
const images = rand([12, 3, 9, 11])
await images.data()

const cases: Readonly<Record<string, [t.batched.BatchTransform, t.Transform]>> = {
  randomHorizontalFlip: [t.batched.randomHorizontalFlip(), t.randomHorizontalFlip()],
  randomVerticalFlip: [t.batched.randomVerticalFlip({ p: 0.3 }), t.randomVerticalFlip({ p: 0.3 })],
  'randomCrop with padding': [
    t.batched.randomCrop([9, 11], { padding: 2, fill: 0.5 }),
    t.randomCrop([9, 11], { padding: 2, fill: 0.5 }),
  ],
  'randomCrop, smaller, mirrored': [
    t.batched.randomCrop(7, { padding: [1, 3], mode: 'reflect' }),
    t.randomCrop(7, { padding: [1, 3], mode: 'reflect' }),
  ],
  randomRotation: [
    t.batched.randomRotation(40, { fill: [0.1, 0.2, 0.3] }),
    t.randomRotation(40, { fill: [0.1, 0.2, 0.3] }),
  ],
  randomAffine: [
    t.batched.randomAffine({ degrees: 20, translate: [0.2, 0.1], scale: [0.8, 1.3], shear: 10 }),
    t.randomAffine({ degrees: 20, translate: [0.2, 0.1], scale: [0.8, 1.3], shear: 10 }),
  ],
  normalize: [
    t.batched.normalize(t.imagenetMean, t.imagenetDeviation),
    t.normalize(t.imagenetMean, t.imagenetDeviation),
  ],
  randomErasing: [t.batched.randomErasing({ p: 0.7, value: 2 }), t.randomErasing({ p: 0.7, value: 2 })],
}

const singly = (batch: Tensor, transform: t.Transform, random: Random): Tensor =>
  stack(
    Array.from({ length: batch.shape[0]! }, (_, i) =>
      transform(tensor(batch.select(0, i).dataSync(), { shape: batch.shape.slice(1) }), random),
    ),
  )

describe('batches are changed as their pictures one by one', () => {
  test.each(Object.entries(cases))('%s', async (_, [batched, single]) => {
    const [given, expected] = [batched(images, new Random(9)), singly(images, single, new Random(9))]
    expect(given.shape).toEqual(expected.shape)
    expect(await given.sub(expected).abs().max().item()).toBeLessThan(1e-6)
    expect(await expected.sub(images.mean()).abs().max().item()).toBeGreaterThan(0.1)
    const other = batched(images, new Random(10))
    if (_ !== 'normalize') expect(await other.sub(expected).abs().max().item()).toBeGreaterThan(0.05)
  })

  test.each([
    ['mixUp', t.batched.mixUp({ classes: 4, alpha: 0.8 }), t.mixUp({ classes: 4, alpha: 0.8 })],
    ['cutMix', t.batched.cutMix({ classes: 4 }), t.cutMix({ classes: 4 })],
  ])('%s', async (_, batched, single) => {
    const labels = tensor(Int32Array.from({ length: 12 }, (__, i) => i % 4))
    const [x, y] = batched(images, labels, new Random(3))
    const [expected, shares] = single(images, labels, new Random(3))
    expect(await x.sub(expected).abs().max().item()).toBeLessThan(1e-6)
    expect(await y.toArray()).toEqual(await shares.toArray())
    expect(await x.sub(images).abs().max().item()).toBeGreaterThan(0.1)
  })

  test('bytes are scaled; several in one', async () => {
    const bytes = images.mul(255).round().to('uint8')
    const batched = t.batched.compose(
      t.batched.randomHorizontalFlip(),
      t.batched.normalize(t.imagenetMean, t.imagenetDeviation),
    )
    const single = t.compose(t.normalize(t.imagenetMean, t.imagenetDeviation), t.randomHorizontalFlip())
    const given = batched(bytes, new Random(1))
    expect(given.dtype).toBe('float32')
    expect(
      await given
        .sub(singly(bytes.to('float32').div(255), single, new Random(1)))
        .abs()
        .max()
        .item(),
    ).toBeLessThan(1e-5)
  })
})

test('refuses other shapes', () => {
  expect(() => t.batched.randomHorizontalFlip()(images.select(0, 0), new Random(0))).toThrow(ShapeError)
  expect(() => t.batched.normalize([0], [1])(images, new Random(0))).toThrow(ValueError)
  expect(() => t.batched.randomCrop(20)(images, new Random(0))).toThrow('cannot take 20 × 20 from 9 × 11 pixels')
})
