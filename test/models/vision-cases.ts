/** Vision models against what torchvision, timm and the repositories whose names they have compute (generate.py). */
import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { expect } from 'vitest'
import { Autoencoder, type AutoencoderOptions, VariationalAutoencoder } from '../../src/models/autoencoder.ts'
import { cifarResnet20 } from '../../src/models/cifar-resnet.ts'
import { AlexNet, LeNet } from '../../src/models/classic.ts'
import { ConvNeXt } from '../../src/models/convnext.ts'
import { EfficientNetB0 } from '../../src/models/efficientnet.ts'
import { MobileNetV2, MobileNetV3 } from '../../src/models/mobilenet.ts'
import { BasicBlock, Bottleneck, ResNet } from '../../src/models/resnet.ts'
import { UNet } from '../../src/models/unet.ts'
import { VisionTransformer } from '../../src/models/vit.ts'
import { type Layer, Module } from '../../src/nn/module.ts'
import { tensor } from '../../src/tensor/creation.ts'
import { concat } from '../../src/tensor/joining.ts'
import type { Tensor } from '../../src/tensor/tensor.ts'
import { checkpointFor, seedOf, uniform } from './filling.ts'

/** What PyTorch says of a model. */
export interface Golden {
  readonly input: readonly number[]
  readonly names: Digest
  readonly output: { readonly shape: readonly number[]; readonly values: readonly number[] }
  /** Of each parameter's gradient, its product with known numbers and its norm. */
  readonly gradients: Readonly<Record<string, readonly [number, number]>>
}

export interface Digest {
  readonly entries: number
  readonly sha256: string
}

export function readGolden<T = Golden>(name: string): T {
  return JSON.parse(readFileSync(new URL(`data/${name}.json`, import.meta.url), 'utf8'))
}

/** Number of entries and a hash of all names and shapes, in order. */
export function digest(model: Module): Digest {
  const entries = Object.entries(model.stateDict())
  const text = entries.map(([name, { shape }]) => `${name} [${shape.join(',')}]\n`).join('')
  return { entries: entries.length, sha256: createHash('sha256').update(text).digest('hex') }
}

/** All that a variational autoencoder says in one tensor. */
class SideBySide extends Module {
  model: VariationalAutoencoder

  constructor(options: AutoencoderOptions) {
    super()
    this.model = new VariationalAutoencoder(options)
  }

  forward(x: Tensor): Tensor {
    const { reconstruction, mean, logVariance } = this.model.forward(x)
    return concat([reconstruction, mean, logVariance], 1)
  }
}

type Small = 'lenet' | 'cifarResnet20' | 'mobilenetV3Small' | 'convnext' | 'vit' | 'unet' | 'autoencoder' | 'vae'
type Large = 'alexnet' | 'resnetBasic' | 'resnetBottleneck' | 'mobilenetV2' | 'mobilenetV3Large' | 'efficientnetB0'
export type ModelName = Small | Large

export const models: Readonly<Record<ModelName, () => Layer>> = {
  lenet: () => new LeNet(),
  resnetBasic: () => new ResNet(BasicBlock, [1, 1, 1, 1], { numClasses: 10 }),
  resnetBottleneck: () => new ResNet(Bottleneck, [1, 1, 1, 1], { numClasses: 7 }),
  cifarResnet20: () => cifarResnet20(),
  mobilenetV2: () => new MobileNetV2({ numClasses: 5 }),
  alexnet: () => new AlexNet({ numClasses: 5 }),
  mobilenetV3Large: () => new MobileNetV3('large', { numClasses: 5 }),
  mobilenetV3Small: () => new MobileNetV3('small', { numClasses: 5 }),
  efficientnetB0: () => new EfficientNetB0({ numClasses: 5 }),
  convnext: () => new ConvNeXt({ numClasses: 5, depths: [1, 1, 2, 1], width: 8 }),
  vit: () =>
    new VisionTransformer({
      ...{ imageSize: 16, patchSize: 4, numLayers: 2, numHeads: 2, hiddenDim: 16, mlpDim: 32, numClasses: 5 },
    }),
  unet: () => new UNet({ width: 4, numClasses: 3 }),
  autoencoder: () => new Autoencoder({ inputs: 12, hidden: [9, 7], latent: 3 }),
  vae: () => new SideBySide({ inputs: 12, hidden: [9, 7], latent: 3 }),
}

/** Names, outputs in evaluation and gradients of the model are those of the golden. */
export async function expectGolden(name: ModelName): Promise<void> {
  const golden = readGolden(name)
  const model: Layer = models[name]()
  expect(digest(model)).toEqual(golden.names)
  model.loadStateDict(checkpointFor(model))
  model.eval()
  const size = golden.input.reduce((n, extent) => n * extent, 1)
  const y = model.forward(tensor(Float32Array.from(uniform(seedOf('input'), size)), { shape: golden.input }))
  const weights = tensor(Float32Array.from(uniform(seedOf('loss'), y.size)), { shape: y.shape })
  y.mul(weights).sum().backward()

  expect(y.shape).toEqual(golden.output.shape)
  const values = await y.data()
  const scale = Math.max(1, ...golden.output.values.map(Math.abs))
  for (const [i, expected] of golden.output.values.entries()) {
    expect(Math.abs(values[i]! - expected)).toBeLessThan(1e-4 * scale)
  }
  expect(model.namedParameters().map(([path]) => path)).toEqual(Object.keys(golden.gradients))
  for (const [path, parameter] of model.namedParameters()) {
    const known = uniform(seedOf(`${path} gradient`), parameter.size)
    const gradient = (await parameter.grad?.data()) ?? new Float32Array(parameter.size)
    let product = 0
    for (let i = 0; i < known.length; i++) product += known[i]! * gradient[i]!
    const [expected, norm] = golden.gradients[path]!
    expect([path, Math.abs(product - expected) <= 1e-3 * norm + 1e-6]).toEqual([path, true])
  }
}
