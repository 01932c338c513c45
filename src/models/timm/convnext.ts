import type { Settings } from '../../io/settings.ts'
import type { Layer } from '../../nn/module.ts'
import type { Tensor } from '../../tensor/tensor.ts'
import { ConvNeXt, type ConvNeXtOptions } from '../convnext.ts'
import { changes, classesOf } from './arguments.ts'
import { type Family, reword, type Words } from './family.ts'

interface Form extends Required<Pick<ConvNeXtOptions, 'depths' | 'width'>> {
  /** Whether the linear layers of blocks are stored as 1×1 convolutions. */
  readonly convMlp?: boolean
  /** Whether each pixel is normalised, not the mean over all. */
  readonly normFirst?: boolean
}

const forms: Readonly<Record<string, Form>> = {
  convnext_atto: { depths: [2, 2, 6, 2], width: 40, convMlp: true },
  convnext_femto: { depths: [2, 2, 6, 2], width: 48, convMlp: true },
  convnext_pico: { depths: [2, 2, 6, 2], width: 64, convMlp: true },
  convnext_nano: { depths: [2, 2, 8, 2], width: 80, convMlp: true },
  convnext_tiny: { depths: [3, 3, 9, 3], width: 96 },
  convnext_tiny_hnf: { depths: [3, 3, 9, 3], width: 96, convMlp: true, normFirst: true },
  convnext_small: { depths: [3, 3, 27, 3], width: 96 },
  convnext_base: { depths: [3, 3, 27, 3], width: 128 },
  convnext_large: { depths: [3, 3, 27, 3], width: 192 },
  convnext_xlarge: { depths: [3, 3, 27, 3], width: 256 },
}

/** Stages are counted from 0, the stem and what shrinks the picture between them apart. */
const words: Words = [
  [/^features\.0\./, 'stem.'],
  [/^features\.2\./, 'stages.1.downsample.'],
  [/^features\.4\./, 'stages.2.downsample.'],
  [/^features\.6\./, 'stages.3.downsample.'],
  [/^features\.1\./, 'stages.0.blocks.'],
  [/^features\.3\./, 'stages.1.blocks.'],
  [/^features\.5\./, 'stages.2.blocks.'],
  [/^features\.7\./, 'stages.3.blocks.'],
  [/\.block\.0\./, '.conv_dw.'],
  [/\.block\.2\./, '.norm.'],
  [/\.block\.3\./, '.mlp.fc1.'],
  [/\.block\.5\./, '.mlp.fc2.'],
  [/\.layer_scale$/, '.gamma'],
  [/^classifier\.0\./, 'head.norm.'],
  [/^classifier\.2\./, 'head.fc.'],
]

export const convnextFamily: Family = {
  names: Object.keys(forms),
  find(name) {
    const form = Object.hasOwn(forms, name) ? forms[name]! : undefined
    return (
      form && {
        make: (config) => network(config, form),
        head: 'classifier.2',
        published: {
          name: (own) => reword(own, form.normFirst ? [[/^classifier\.0\./, 'norm_pre.'], ...words] : words),
          shape(own, shape) {
            if (own.endsWith('.layer_scale')) return shape.slice(0, 1)
            return form.convMlp && /\.block\.[35]\.weight$/.test(own) ? [...shape, 1, 1] : shape
          },
        },
      }
    )
  },
}

function network(config: Settings, { depths, width, normFirst = false }: Form): ConvNeXt {
  config.only('global_pool', 'avg')
  const changed = changes(config, ['depths', 'dims'])
  const [first = width, ...others] = changed.names.includes('dims') ? changed.sizes('dims', 4) : []
  if (others.some((channels, i) => channels !== first * 2 ** (i + 1)))
    throw changed.fail(
      `dims ${JSON.stringify([first, ...others])} are not supported; expected each twice the one before`,
    )
  const options = {
    ...classesOf(config),
    ...{ width: first, depths: changed.names.includes('depths') ? four(changed.sizes('depths', 4)) : depths },
  }
  return normFirst ? new ConvNeXtNormFirst(options) : new ConvNeXt(options)
}

const four = (list: readonly number[]): [number, number, number, number] => list as [number, number, number, number]

/** Normalises the channels of every pixel before it takes their means. */
class ConvNeXtNormFirst extends ConvNeXt {
  override forward(x: Tensor): Tensor {
    const [norm, flatten, last] = [...this.classifier] as [Layer, Layer, Layer]
    const y = norm.forward(this.features.forward(x))
    return last.forward(flatten.forward(y.mean([2, 3], { keepdim: true })))
  }
}
