import type { Settings } from '../../io/settings.ts'
import { asOwn } from '../published.ts'
import { EfficientNetB0 } from '../efficientnet.ts'
import { MobileNetV2, MobileNetV3 } from '../mobilenet.ts'
import type { ClassifierOptions } from '../options.ts'
import { changes, classesOf } from './arguments.ts'
import type { Family } from './family.ts'
import { efficientnetName, mobilenetV2Name, mobilenetV3Name } from './mobile-names.ts'

/** How networks that come from TensorFlow differ from those that timm trained. */
const tensorflow = { norm: { eps: 1e-3 }, tensorflowPadding: true }

const v2Form = /^mobilenetv2_(035|050|075|100|140)$/

export const mobilenetV2Family: Family = {
  names: ['mobilenetv2_<width>'],
  find(name) {
    const [, width] = v2Form.exec(name) ?? []
    if (width === undefined) return undefined
    return {
      make: (config) => new MobileNetV2({ ...averaging(config), widthMult: Number(width) / 100 }),
      head: 'classifier.1',
      published: { ...asOwn, name: mobilenetV2Name },
    }
  },
}

const v3Form = /^(tf_)?mobilenetv3_(large|small)_(minimal_)?(050|075|100)$/

/** Blocks of each stage. */
const v3Counts = { large: [1, 2, 3, 4, 2, 3], small: [1, 2, 3, 2, 3] } as const

export const mobilenetV3Family: Family = {
  names: ['[tf_]mobilenetv3_large_[minimal_]<width>', '[tf_]mobilenetv3_small_[minimal_]<width>'],
  find(name) {
    const [, fromTensorflow, sizeName, minimal, width] = v3Form.exec(name) ?? []
    if (width === undefined) return undefined
    const size = sizeName as keyof typeof v3Counts
    const options = {
      ...{ widthMult: Number(width) / 100, minimal: minimal !== undefined },
      ...(fromTensorflow ? tensorflow : { norm: { eps: 1e-5 } }),
    }
    return {
      make: (config) => new MobileNetV3(size, { ...averaging(config), ...options }),
      head: 'classifier.3',
      published: {
        name: (own) => mobilenetV3Name(own, v3Counts[size]),
        shape: (own, shape) => (own === 'classifier.0.weight' ? [...shape, 1, 1] : shape),
      },
    }
  },
}

export const efficientnetFamily: Family = {
  names: ['[tf_]efficientnet_b0'],
  find(name) {
    const [found, fromTensorflow] = /^(tf_)?efficientnet_b0$/.exec(name) ?? []
    if (found === undefined) return undefined
    return {
      make: (config) => new EfficientNetB0({ ...averaging(config), ...(fromTensorflow && tensorflow) }),
      head: 'classifier.1',
      published: { ...asOwn, name: efficientnetName },
    }
  },
}

function averaging(config: Settings): Required<ClassifierOptions> {
  config.only('global_pool', 'avg')
  changes(config)
  return classesOf(config)
}
