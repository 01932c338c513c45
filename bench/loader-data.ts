/** The pictures of `loader.ts`: a module of its own, so that worker threads can load them. */
import type { Dataset } from '../src/data/dataset.ts'
import { imageFolder } from '../src/data/image-folder.ts'
import { mapSamples } from '../src/data/operators.ts'
import { colorJitter, imagenetDeviation, imagenetMean, normalize } from '../src/data/transforms/colour.ts'
import { randomHorizontalFlip, randomResizedCrop } from '../src/data/transforms/crop.ts'
import { compose } from '../src/data/transforms/picture.ts'
import type { Tensor } from '../src/tensor/tensor.ts'

export interface Options {
  readonly folder: string
  readonly augmented: boolean
}

export async function dataset({ folder, augmented }: Options): Promise<Dataset<readonly [Tensor, number]>> {
  const scaled = normalize(imagenetMean, imagenetDeviation)
  const change = augmented
    ? compose(
        randomResizedCrop(224, { scale: [0.4, 1] }),
        randomHorizontalFlip(),
        colorJitter({ brightness: 0.3, contrast: 0.3, saturation: 0.3 }),
        scaled,
      )
    : scaled
  return mapSamples(await imageFolder(folder), ([image, label], random) => [change(image, random), label] as const)
}
