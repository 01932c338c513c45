import type { Settings } from '../../io/settings.ts'
import { asOwn } from '../published.ts'
import { VisionTransformer } from '../vit.ts'
import { changes, classesOf } from './arguments.ts'
import { type Family, reword, type Words } from './family.ts'

/** Widths, layers and heads. */
const widths = {
  tiny: { embed_dim: 192, depth: 12, num_heads: 3 },
  small: { embed_dim: 384, depth: 12, num_heads: 6 },
  base: { embed_dim: 768, depth: 12, num_heads: 12 },
  large: { embed_dim: 1024, depth: 24, num_heads: 16 },
  huge: { embed_dim: 1280, depth: 32, num_heads: 16 },
} as const

const form = /^(?:vit|deit)_(tiny|small|base|large|huge)_patch(\d+)_(\d+)$/

const words: Words = [
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

/** Vision Transformers with a class token. */
export const vitFamily: Family = {
  names: ['vit_<size>_patch<n>_<n>', 'deit_<size>_patch<n>_<n>'],
  find(name) {
    const [, width, patch, image] = form.exec(name) ?? []
    if (width === undefined) return undefined
    const size = widths[width as keyof typeof widths]
    const sizes = { ...size, patch_size: Number(patch), img_size: Number(image), mlp_ratio: 4 }
    return {
      make: (config) => transformer(config, sizes),
      head: 'heads.head',
      published: { ...asOwn, name: (own) => reword(own, words) },
    }
  },
}

/** `sizes` are those of the name, which `model_args` may change. */
function transformer(config: Settings, sizes: Readonly<Record<string, number>>): VisionTransformer {
  const changed = changes(config, Object.keys(sizes))
  config.only('global_pool', 'token')
  const size = (key: string): number => changed.number(key, sizes[key])
  const hiddenDim = size('embed_dim')
  return new VisionTransformer({
    ...classesOf(config),
    ...{ imageSize: size('img_size'), patchSize: size('patch_size'), hiddenDim, mlpDim: hiddenDim * size('mlp_ratio') },
    ...{ numLayers: size('depth'), numHeads: size('num_heads') },
  })
}
