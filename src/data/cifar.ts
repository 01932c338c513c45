import { FileError } from '../core/errors.ts'
import { reasonOf } from '../core/system-error.ts'
import { buffer } from '../graph/ops/leaves.ts'
import { Tensor } from '../tensor/tensor.ts'

const side = 32
const pixels = 3 * side * side

/** Images [N, 3, 32, 32] uint8 (red, green, blue) and labels [N] int32. */
export interface CifarImages {
  readonly images: Tensor
  readonly labels: Tensor
}

export interface CifarOptions {
  /** Label bytes before each image: 1 in CIFAR-10; 2 in CIFAR-100 (coarse, then fine, which is the one given out). Default 1. */
  readonly labelBytes?: 1 | 2
}

/**
 * Decodes the binary version of CIFAR (Krizhevsky 2009): for each image its label and 3072 bytes, the red ones first. Throws
 * a {@link FileError} naming `name` when the length is no multiple of that or a label is out of range.
 */
export function decodeCifar(bytes: Uint8Array, { labelBytes = 1 }: CifarOptions = {}, name = 'data'): CifarImages {
  const record = labelBytes + pixels
  const classes = labelBytes === 1 ? 10 : 100
  if (bytes.length === 0 || bytes.length % record !== 0) {
    throw new FileError('cifar', `${name}: expected a multiple of ${record} bytes, received ${bytes.length}`)
  }
  const count = bytes.length / record
  const images = new Uint8Array(count * pixels)
  const labels = new Int32Array(count)
  for (let i = 0; i < count; i++) {
    const label = bytes[i * record + labelBytes - 1]!
    if (label >= classes)
      throw new FileError('cifar', `${name}: image ${i} has label ${label}, expected 0 to ${classes - 1}`)
    labels[i] = label
    images.set(bytes.subarray(i * record + labelBytes, (i + 1) * record), i * pixels)
  }
  return {
    images: new Tensor(buffer(images, [count, 3, side, side], 'uint8')),
    labels: new Tensor(buffer(labels, [count], 'int32')),
  }
}

/** Reads one binary file such as `data_batch_1.bin`. Needs Node. Errors as {@link decodeCifar}. */
export async function loadCifar(path: string, options: CifarOptions = {}): Promise<CifarImages> {
  const { readFile } = await import('node:fs/promises')
  let bytes: Uint8Array
  try {
    bytes = await readFile(path)
  } catch (error) {
    throw new FileError('cifar', `${path}: ${reasonOf(error)}`, { cause: error })
  }
  return decodeCifar(bytes, options, path)
}
