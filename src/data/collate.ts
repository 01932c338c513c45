import { allocateValues, type DType, toStorage, type Values } from '../core/dtype.ts'
import { ShapeError, ValueError } from '../core/errors.ts'
import { formatShape, sameShape, type Shape } from '../core/shape.ts'
import { buffer } from '../graph/ops/leaves.ts'
import { Tensor } from '../tensor/tensor.ts'
import type { Batch, Sample } from './dataset.ts'

/**
 * Joins samples part by part: tensors of equal shape and dtype are stacked, numbers become a tensor of shape [batch],
 * int32 when all are whole and float32 otherwise.
 */
export function collate<S extends Sample>(samples: readonly S[]): Batch<S> {
  const width = samples[0]?.length ?? 0
  if (width === 0 || samples.some(({ length }) => length !== width)) {
    throw new ValueError('collate', 'expects samples with the same number of parts, at least one')
  }
  const columns = Array.from({ length: width }, (_, part) => joinColumn(samples.map((sample) => sample[part]!)))
  return columns as Batch<S>
}

function joinColumn(column: readonly (Tensor | number)[]): Tensor {
  const first = column[0]!
  if (typeof first === 'number') return joinNumbers(column)
  const joined = allocateValues(first.dtype, first.size * column.length)
  for (const [i, item] of column.entries()) {
    if (typeof item === 'number') throw mixed()
    if (!sameShape(item.shape, first.shape) || item.dtype !== first.dtype) {
      throw new ShapeError(
        'collate',
        `samples of a batch must agree: ${first.dtype} ${formatShape(first.shape)} and ${item.dtype} ${formatShape(item.shape)}; resize or pad them, or pass a collate function`,
      )
    }
    joined.set(item.dataSync(), i * first.size)
  }
  return leaf(joined, [column.length, ...first.shape], first.dtype)
}

function joinNumbers(column: readonly (Tensor | number)[]): Tensor {
  const numbers = column.map((item) => {
    if (typeof item !== 'number') throw mixed()
    return item
  })
  const whole = numbers.every(Number.isInteger)
  const values = whole ? Int32Array.from(numbers) : Float32Array.from(numbers)
  return leaf(values, [values.length], whole ? 'int32' : 'float32')
}

function leaf(values: Values, shape: Shape, dtype: DType): Tensor {
  return new Tensor(buffer(toStorage(values, dtype), shape, dtype))
}

function mixed(): ValueError {
  return new ValueError('collate', 'a part is a number in one sample and a tensor in another')
}
