import type { Settings } from '../io/settings.ts'
import type { Architecture, PublishedName } from './architecture.ts'
import type { ClassifierOptions } from './options.ts'
import { resnet18, resnet34, resnet50, resnet101, resnet152 } from './resnet.ts'
import { VisionTransformer } from './vit.ts'

/** Networks for images by the names that timm gives them in `config.json`. */

const resnets: Readonly<Record<string, typeof resnet18>> = { resnet18, resnet34, resnet50, resnet101, resnet152 }

/** Widths, layers and heads of Vision Transformers. */
const transformers = {
  tiny: { embed_dim: 192, depth: 12, num_heads: 3 },
  small: { embed_dim: 384, depth: 12, num_heads: 6 },
  base: { embed_dim: 768, depth: 12, num_heads: 12 },
  large: { embed_dim: 1024, depth: 24, num_heads: 16 },
  huge: { embed_dim: 1280, depth: 32, num_heads: 16 },
} as const

const transformerForm = /^(?:vit|deit)_(tiny|small|base|large|huge)_patch(\d+)_(\d+)$/

/** Of the network that timm calls `name`, where its names are not the model's. */
export function timmNames(name: string): PublishedName | undefined {
  return transformerForm.test(name) ? transformerName : undefined
}

/** The network that timm calls `name`. Throws what `config` fails with when there is none. */
export function timmArchitecture(name: string, config: Settings): Architecture {
  const resnet = Object.hasOwn(resnets, name) ? resnets[name] : undefined
  if (resnet) return { make: (settings) => resnet(classesOf(settings)), head: 'fc' }
  const [, width, patch, image] = transformerForm.exec(name) ?? []
  if (width !== undefined) {
    const size = transformers[width as keyof typeof transformers]
    const sizes = { ...size, patch_size: Number(patch), img_size: Number(image), mlp_ratio: 4 }
    return { make: (settings) => transformer(settings, sizes), head: 'heads', publishedName: transformerName }
  }
  const known = [...Object.keys(resnets), 'vit_<size>_patch<n>_<n>', 'deit_<size>_patch<n>_<n>']
  throw config.fail(`architecture '${name}' is not known; known are ${known.join(', ')}`)
}

function classesOf(config: Settings): Required<ClassifierOptions> {
  return {
    numClasses: config.number('num_labels', config.number('num_classes', 1000)),
    inChannels: config.number('in_chans', 3),
  }
}

/** `sizes` are those of the name, which `model_args` may change. */
function transformer(config: Settings, sizes: Readonly<Record<string, number>>): VisionTransformer {
  const changed = config.record('model_args')
  const other = changed.names.find((name) => !Object.hasOwn(sizes, name))
  if (other !== undefined) throw changed.fail(`${other} is not supported; expected ${Object.keys(sizes).join(', ')}`)
  config.only('global_pool', 'token')
  const size = (key: string): number => changed.number(key, sizes[key])
  const hiddenDim = size('embed_dim')
  return new VisionTransformer({
    ...classesOf(config),
    ...{ imageSize: size('img_size'), patchSize: size('patch_size'), hiddenDim, mlpDim: hiddenDim * size('mlp_ratio') },
    ...{ numLayers: size('depth'), numHeads: size('num_heads') },
  })
}

/** timm's word for each part of a name that torchvision gives. */
const transformerParts: readonly (readonly [RegExp, string])[] = [
  [/^class_token$/, 'cls_token'],
  [/^conv_proj/, 'patch_embed.proj'],
  [/^encoder\.pos_embedding$/, 'pos_embed'],
  [/^encoder\.ln/, 'norm'],
  [/^encoder\.layers\.encoder_layer_/, 'blocks.'],
  [/^heads\.head/, 'head'],
  [/\.ln_(\d)\./, '.norm$1.'],
  [/\.self_attention\.in_proj_/, '.attn.qkv.'],
  [/\.self_attention\.out_proj/, '.attn.proj'],
  [/\.mlp\.0/, '.mlp.fc1'],
  [/\.mlp\.3/, '.mlp.fc2'],
]

const transformerName: PublishedName = (name) =>
  transformerParts.reduce((text, [part, word]) => text.replace(part, word), name)
