import { isRecord } from '../../core/record.ts'
import { type Interpolation, interpolations } from '../../data/image.ts'
import { imagenetDeviation, imagenetMean } from '../../data/transforms/colour.ts'
import { UsageError } from '../failure.ts'
import type { PictureOptions } from '../recipes/image-classifier.ts'

/** How pictures come to a network: all of {@link PictureOptions} but the classes. */
export type Look = Required<Omit<PictureOptions, 'classes'>>

/**
 * What `pretrained_cfg` of timm's `config.json` says of the pictures that a network wants, timm's defaults where it says nothing. `size`
 * takes the place of its size. Throws a `UsageError` for a way of scaling that is not known.
 */
export function lookOf(config: Readonly<Record<string, unknown>>, size: number | undefined): Look {
  const wanted = isRecord(config['pretrained_cfg']) ? config['pretrained_cfg'] : config
  const { input_size: input, mean, std, crop_pct: share, interpolation = 'bicubic' } = wanted
  const numbers = (list: unknown, count: number): number[] | undefined =>
    Array.isArray(list) && list.length === count && list.every((x) => typeof x === 'number') ? list : undefined
  const side = size ?? numbers(input, 3)?.[2] ?? 224
  return {
    size: side,
    shorterSide: Math.floor(side / (typeof share === 'number' && share > 0 ? share : 0.875)),
    interpolation: known(interpolation),
    mean: numbers(mean, 3) ?? imagenetMean,
    deviation: numbers(std, 3) ?? imagenetDeviation,
  }
}

function known(name: unknown): Interpolation {
  const found = interpolations.find((one) => one === name)
  if (found) return found
  throw new UsageError(
    `config.json: interpolation ${JSON.stringify(name)} is not supported; expected ${interpolations.join(', ')}`,
  )
}
