import { FileError } from '../core/errors.ts'
import type { Tensor } from '../tensor/tensor.ts'
import { checkIndex, type Dataset } from './dataset.ts'
import { decodeImage, type DecodeOptions } from './image.ts'

/** Pictures [C, H, W] uint8 with the number of their class. */
export interface ImageFolder extends Dataset<readonly [image: Tensor, label: number]> {
  /** Names of the folders, sorted; a label is a place in this list. */
  readonly classes: readonly string[]
  /** The class of every picture, known without decoding it. */
  readonly labels: Int32Array
  /** Path of every picture. */
  readonly paths: readonly string[]
}

const pictures = /\.(jpe?g|png|webp|avif|gif|tiff?|svg|bmp)$/i

/**
 * Pictures in folders, one folder a class, as `torchvision.datasets.ImageFolder`: `root/cat/1.jpg`, `root/dog/deep/2.png`.
 * They are decoded when they are asked for, by the npm package `sharp`.
 *
 * Throws a {@link FileError} when there are no folders or one of them has no picture.
 */
export async function imageFolder(root: string, options: DecodeOptions = {}): Promise<ImageFolder> {
  const [{ readdir }, { join }] = await Promise.all([import('node:fs/promises'), import('node:path')])
  const folders = await readdir(root, { withFileTypes: true }).catch((error: unknown) => {
    throw new FileError('imageFolder', `${root}: no such folder, or not readable`, { cause: error })
  })
  const classes = folders
    .filter((entry) => entry.isDirectory())
    .map(({ name }) => name)
    .sort()
  if (classes.length === 0) throw new FileError('imageFolder', `${root}: expected one folder a class, found none`)
  const paths: string[] = []
  const labels: number[] = []
  for (const [label, name] of classes.entries()) {
    const entries = await readdir(join(root, name), { recursive: true, withFileTypes: true })
    const files = entries.filter((entry) => entry.isFile() || entry.isSymbolicLink())
    const found = files
      .filter((file) => pictures.test(file.name))
      .map((file) => join(file.parentPath, file.name))
      .sort()
    if (found.length === 0) throw new FileError('imageFolder', `${join(root, name)}: no pictures in this class`)
    for (const file of found) {
      paths.push(file)
      labels.push(label)
    }
  }
  return {
    length: paths.length,
    classes,
    labels: Int32Array.from(labels),
    paths,
    async get(index) {
      const path = paths[checkIndex('imageFolder', index, paths.length)]!
      return [await decodeImage(path, options), labels[index]!] as const
    },
    nameOf: (index) => paths[index] ?? `${index}`,
  }
}
