import { expect, test } from 'vitest'
import { imagenetDeviation, imagenetMean } from '../../data/transforms/colour.ts'
import { MobileNetV3 } from '../../models/mobilenet.ts'
import { withoutTrace } from '../../runtime/realize.ts'
import { UsageError } from '../failure.ts'
import { headOf } from './head.ts'
import { lookOf } from './look.ts'

test('pictures are scaled, cut and normalised as the configuration says', () => {
  const pretrained = { input_size: [3, 256, 256], crop_pct: 0.95, interpolation: 'bilinear', mean: [0.5, 0.4, 0.3] }
  expect(lookOf({ architecture: 'vgg11', pretrained_cfg: { ...pretrained, std: [0.1, 0.2, 0.3] } }, undefined)).toEqual(
    {
      ...{ size: 256, shorterSide: 269, interpolation: 'bilinear', mean: [0.5, 0.4, 0.3], deviation: [0.1, 0.2, 0.3] },
    },
  )
  expect(lookOf({ pretrained_cfg: pretrained }, 96).shorterSide).toBe(101)
})

test('what it does not say is as timm has it', () => {
  expect(lookOf({}, undefined)).toEqual({
    ...{ size: 224, shorterSide: 256, interpolation: 'bicubic', mean: imagenetMean, deviation: imagenetDeviation },
  })
})

test('a way of scaling that is not known is named', () => {
  const config = { pretrained_cfg: { interpolation: 'hamming' } }
  expect(() => lookOf(config, undefined)).toThrow(
    new UsageError(
      'config.json: interpolation "hamming" is not supported; expected nearest, bilinear, bicubic, lanczos',
    ),
  )
})

test('the head of a network for images is the last layer alone, and what starts anew', () => {
  const network = withoutTrace(() => new MobileNetV3('small', { numClasses: 2 }))
  const { last, has } = headOf(network, ['classifier.3.weight', 'features.0.1.bias'], 'image')
  expect(last).toBe(network.classifier.at(3))
  const names = network.namedParameters().map(([name]) => name)
  expect(names.filter(has)).toEqual(['features.0.1.bias', 'classifier.3.weight', 'classifier.3.bias'])
  expect(headOf(network, [], 'text').has('classifier.0.weight')).toBe(true)
})
