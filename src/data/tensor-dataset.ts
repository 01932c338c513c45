import { allocate, type DType, type TypedArray, toStorage } from '../core/dtype.ts'
import { ShapeError } from '../core/errors.ts'
import { formatShape, type Shape, sizeOf } from '../core/shape.ts'
import { buffer } from '../graph/ops/leaves.ts'
import { tensor, type TensorData } from '../tensor/creation.ts'
import { Tensor } from '../tensor/tensor.ts'
import { checkIndex, type Dataset } from './dataset.ts'

/** One tensor of the dataset, cut into rows along its first dimension. */
interface Part {
  readonly rows: TypedArray
  readonly rowShape: Shape
  readonly rowSize: number
  readonly dtype: DType
}

type Tensors<P extends readonly unknown[]> = { [I in keyof P]: Tensor }

/**
 * Samples held in memory: row i of every part belongs to sample i, as `torch.utils.data.TensorDataset`.
 * Parts are tensors, or what `tensor()` takes; class labels are best given as an Int32Array. The data is copied.
 *
 *     new TensorDataset(images, labels)   // [N, 1, 28, 28] and [N]: samples are [[1, 28, 28], []]
 */
export class TensorDataset<const P extends readonly (Tensor | TensorData)[]> implements Dataset<Tensors<P>> {
  readonly length: number
  private readonly parts: readonly Part[]

  /** Throws a {@link ShapeError} unless all parts have the same first size. */
  constructor(...parts: P) {
    const tensors = parts.map((part) => (part instanceof Tensor ? part : tensor(part)))
    const lengths = tensors.map(({ shape }) => shape[0])
    this.length = lengths[0] ?? 0
    if (lengths.length === 0 || lengths.some((length) => length !== this.length || length === undefined)) {
      const shapes = tensors.map(({ shape }) => formatShape(shape)).join(', ')
      throw new ShapeError('TensorDataset', `expects tensors of equal first size, received ${shapes || 'none'}`)
    }
    this.parts = tensors.map((part) => {
      const rowShape = part.shape.slice(1)
      const rows = toStorage(part.dataSync(), part.dtype)
      return { rows, rowShape, rowSize: sizeOf(rowShape), dtype: part.dtype }
    })
  }

  get(index: number): Tensors<P> {
    checkIndex('TensorDataset.get', index, this.length)
    return this.parts.map((part) => leaf(part, part.rowShape, [index])) as Tensors<P>
  }

  batch(indices: ArrayLike<number>): Tensors<P> {
    for (let i = 0; i < indices.length; i++) checkIndex('TensorDataset.batch', indices[i]!, this.length)
    return this.parts.map((part) => leaf(part, [indices.length, ...part.rowShape], indices)) as Tensors<P>
  }
}

/** A new tensor of `shape` with the chosen rows. */
function leaf({ rows, rowSize, dtype }: Part, shape: Shape, indices: ArrayLike<number>): Tensor {
  const chosen = allocate(dtype, indices.length * rowSize)
  for (let i = 0; i < indices.length; i++) {
    const from = indices[i]! * rowSize
    chosen.set(rows.subarray(from, from + rowSize), i * rowSize)
  }
  return new Tensor(buffer(chosen, shape, dtype))
}
