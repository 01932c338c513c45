/** The pictures of recipe `image-classifier`: a module of its own, so that worker threads can load them. */
import type { Dataset } from '../../data/dataset.ts'
import type { Interpolation } from '../../data/image.ts'
import { type ImageFolder, imageFolder } from '../../data/image-folder.ts'
import { mapSamples } from '../../data/operators.ts'
import { stratifiedSplit } from '../../data/split.ts'
import { colorJitter, imagenetDeviation, imagenetMean, normalize } from '../../data/transforms/colour.ts'
import { centerCrop, randomHorizontalFlip, randomResizedCrop } from '../../data/transforms/crop.ts'
import { compose, type Transform } from '../../data/transforms/picture.ts'
import type { Tensor } from '../../tensor/tensor.ts'
import { count } from '../terminal/format.ts'

export interface ImageDataOptions {
  readonly folder: string
  /** Side of the pictures that the model sees, in pixels. */
  readonly size: number
  /** `all`: every picture of a folder with one folder a class. */
  readonly part: 'train' | 'validation' | 'test' | 'all'
  readonly seed: number
  /** To which pictures are scaled before the middle is cut out. Default 1.15 × size. */
  readonly shorterSide?: number
  /** Default `'lanczos'`. */
  readonly interpolation?: Interpolation
  /** Of the channels. Default: ImageNet's. */
  readonly mean?: readonly number[]
  readonly deviation?: readonly number[]
  /** Whether pictures of `train` are changed at random. Default true. */
  readonly augment?: boolean
  /** A label is a place in this list. Default: all folders, sorted. */
  readonly classes?: readonly string[]
}

type Labelled = Dataset<readonly [image: Tensor, label: number]>

export async function dataset(options: ImageDataOptions): Promise<Labelled> {
  const { size, part, augment = true, mean = imagenetMean, deviation = imagenetDeviation } = options
  const augmented = part === 'train' && augment
  const scale = normalize(mean, deviation)
  const change = compose(augmented ? augmentation(size) : centerCrop(size), scale)
  const { shorterSide = usualShorterSide(size), ...decoding } = options
  // Crops of what is augmented are scaled anyway, and want pixels.
  const { files, indices } = await pictures({
    ...decoding,
    shorterSide: augmented ? Math.max(shorterSide, usualShorterSide(size)) : shorterSide,
  })
  const places = files.classes.map((name, i) => options.classes?.indexOf(name) ?? i)
  const all = mapSamples(files, ([image, label], random) => [change(image, random), places[label]!] as const)
  return {
    length: indices.length,
    get: (index, visit) => all.get(indices[index]!, visit),
    nameOf: (index) => all.nameOf!(indices[index]!),
  }
}

/** Of pictures whose middle of `size` × `size` pixels is looked at. */
export const usualShorterSide = (size: number): number => Math.round(1.15 * size)

function augmentation(size: number): Transform {
  return compose(
    randomResizedCrop(size, { scale: [0.4, 1] }),
    randomHorizontalFlip(),
    colorJitter({ brightness: 0.3, contrast: 0.3, saturation: 0.3 }),
  )
}

/**
 * The files of a part. Folders `train`, `val` and `test` are taken as they are: without the second, 15 % of the first are watched; without the
 * third there is no test. A folder without them is cut into 70 %, 15 % and 15 %, every class alike.
 */
export async function pictures({
  folder,
  size,
  part,
  seed,
  shorterSide = usualShorterSide(size),
  interpolation = 'lanczos',
}: ImageDataOptions): Promise<{ files: ImageFolder; indices: Int32Array }> {
  const [{ existsSync }, { join }] = await Promise.all([import('node:fs'), import('node:path')])
  const at = (name: string): string | undefined => {
    const path = join(folder, name)
    return existsSync(path) ? path : undefined
  }
  const options = { shorterSide, interpolation }
  const everything = (files: ImageFolder): { files: ImageFolder; indices: Int32Array } => ({
    files,
    indices: Int32Array.from({ length: files.length }, (_, i) => i),
  })
  if (part === 'all') return everything(await imageFolder(folder, options))
  const own = { train: at('train'), validation: at('val') ?? at('validation'), test: at('test') }
  const given = own[part]
  if (part === 'test' && !given && own.train)
    return { files: await imageFolder(own.train, options), indices: new Int32Array() }
  if (given && (part !== 'train' || own.validation)) return everything(await imageFolder(given, options))
  const files = await imageFolder(own.train ?? folder, options)
  const shares = own.train ? [0.85, 0.15] : [0.7, 0.15, 0.15]
  const parts = stratifiedSplit(files, shares, { labels: files.labels, seed })
  const cut = { train: parts[0], validation: parts[1], test: parts[2] }[part]
  return { files, indices: cut!.indices }
}

/** `124 pictures to train, 70 to watch`, and how many to test where there are some. */
export function partsLine(train: number, validation: number, test: number): string {
  return `${count(train)} pictures to train, ${count(validation)} to watch${test > 0 ? `, ${count(test)} to test` : ''}`
}
