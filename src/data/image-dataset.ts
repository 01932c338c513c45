import { ShapeError } from '../core/errors.ts'
import { formatShape, type Shape, sizeOf } from '../core/shape.ts'
import { buffer } from '../graph/ops/leaves.ts'
import { Tensor } from '../tensor/tensor.ts'
import { checkIndex, type Dataset } from './dataset.ts'

/** Images [C, H, W] float32 from 0 to 1 and labels [] int32. */
export type LabelledImages = Dataset<readonly [image: Tensor, label: Tensor]>

/**
 * Images kept as bytes, a quarter of the memory, and given out as floats from 0 to 1.
 *
 * @param images [N, C, H, W] uint8
 * @param labels [N]
 */
export function imageDataset(images: Tensor, labels: Tensor): LabelledImages {
  const [count] = images.shape
  if (images.rank !== 4 || labels.rank !== 1 || labels.shape[0] !== count) {
    throw new ShapeError(
      'imageDataset',
      `expects images [N, C, H, W] and labels [N], received ${formatShape(images.shape)} and ${formatShape(labels.shape)}`,
    )
  }
  const shape = images.shape.slice(1)
  const size = sizeOf(shape)
  const bytes = images.dataSync()
  const classes = Int32Array.from(labels.dataSync())
  const pick = (indices: ArrayLike<number>, lead: Shape): readonly [Tensor, Tensor] => {
    const pixels = new Float32Array(indices.length * size)
    const chosen = new Int32Array(indices.length)
    for (let i = 0; i < indices.length; i++) {
      const from = checkIndex('imageDataset', indices[i]!, classes.length) * size
      for (let j = 0; j < size; j++) pixels[i * size + j] = bytes[from + j]! / 255
      chosen[i] = classes[indices[i]!]!
    }
    return [
      new Tensor(buffer(pixels, [...lead, ...shape], 'float32')),
      new Tensor(buffer(chosen, lead, 'int32')),
    ] as const
  }
  return {
    length: classes.length,
    get: (index) => pick([index], []),
    batch: (indices) => pick(indices, [indices.length]),
  }
}
