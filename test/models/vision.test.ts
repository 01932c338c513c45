/** Vision models against torchvision, timm and the repositories whose names they have; larger ones in vision.long.test.ts. */
import { describe, expect, test } from 'vitest'
import { CifarResNet, cifarResnet56, cifarResnet110 } from '../../src/models/cifar-resnet.ts'
import { AlexNet, Vgg } from '../../src/models/classic.ts'
import { ConvNeXt } from '../../src/models/convnext.ts'
import { EfficientNetB0 } from '../../src/models/efficientnet.ts'
import { MobileNetV2, MobileNetV3 } from '../../src/models/mobilenet.ts'
import { BasicBlock, ResNet, resnet18, resnet34, resnet50, resnet101, resnet152 } from '../../src/models/resnet.ts'
import { UNet } from '../../src/models/unet.ts'
import { VisionTransformer } from '../../src/models/vit.ts'
import type { Module } from '../../src/nn/module.ts'
import { withoutTrace } from '../../src/runtime/realize.ts'
import { tensor } from '../../src/tensor/creation.ts'
import { checkpointFor } from './filling.ts'
import { type Digest, digest, expectGolden, models, readGolden } from './vision-cases.ts'

const full: Readonly<Record<string, () => Module>> = {
  alexnet: () => new AlexNet(),
  vgg11: () => new Vgg(11),
  vgg13_bn: () => new Vgg(13, { batchNorm: true }),
  vgg16: () => new Vgg(16),
  vgg19_bn: () => new Vgg(19, { batchNorm: true }),
  resnet18,
  resnet34,
  resnet50,
  resnet101,
  resnet152,
  cifarResnet32: () => new CifarResNet(32),
  cifarResnet44: () => new CifarResNet(44),
  cifarResnet56,
  cifarResnet110,
  mobilenet_v2: () => new MobileNetV2(),
  mobilenet_v3_large: () => new MobileNetV3('large'),
  mobilenet_v3_small: () => new MobileNetV3('small'),
  efficientnet_b0: () => new EfficientNetB0(),
  convnext_tiny: () => new ConvNeXt(),
  vit_b_16: () => new VisionTransformer(),
  unet: () => new UNet(),
}

describe('names, shapes and their order are those of published weights', () => {
  const names = readGolden<Record<string, Digest>>('names')
  test.each(Object.keys(full))('%s', (name) => {
    // Their random weights are recorded, and never computed.
    expect(withoutTrace(() => digest(full[name]!()))).toEqual(names[name])
  })
  test('all of them', () => expect(Object.keys(names).sort()).toEqual(Object.keys(full).sort()))
})

test.each(['lenet', 'cifarResnet20', 'mobilenetV3Small', 'convnext', 'vit', 'unet', 'autoencoder', 'vae'] as const)(
  '%s: equal weights give equal outputs and gradients',
  (name) => expectGolden(name),
)

describe('refusals', () => {
  test('a depth that no CIFAR network has', () => {
    expect(() => new CifarResNet(21)).toThrow('CifarResNet: depth must be 6n + 2, received 21')
  })
  test('images of another size than the positions of a Vision Transformer', () => {
    expect(() => models.vit().forward(tensor(new Float32Array(3 * 8 * 8), { shape: [1, 3, 8, 8] }))).toThrow(
      'VisionTransformer: expects images [N, 3, 16, 16], received [1, 3, 8, 8]',
    )
  })
  test('weights of another network: every missing, unexpected and misshaped entry is named', () => {
    const model = new ResNet(BasicBlock, [1, 1, 1, 1], { width: 2, numClasses: 2 })
    const { 'fc.weight': weight, ...rest } = checkpointFor(model)
    expect(() => model.loadStateDict({ ...rest, 'fc.weights': weight!, 'fc.bias': tensor([1, 2, 3]) })).toThrow(
      "missing 'fc.weight' [2, 16]; unexpected 'fc.weights' (did you mean 'fc.weight'?); misshaped 'fc.bias' expects [2], received [3]",
    )
  })
})
