import { allocateValues, toStorage } from '../core/dtype.ts'
import { ShapeError } from '../core/errors.ts'
import { formatShape, sizeOf } from '../core/shape.ts'
import { buffer } from '../graph/ops/leaves.ts'
import { Tensor } from '../tensor/tensor.ts'
import { collate } from './collate.ts'
import type { Batch, Sample } from './dataset.ts'

export interface PaddingOptions {
  /** What fills up. Default 0. */
  readonly value?: number
  /** Where it goes. Default 'end'. */
  readonly side?: 'start' | 'end'
  /** Pads to at least this length, or cuts to it: batches of one shape are compiled once. Default: the longest of the batch. */
  readonly length?: number
}

/**
 * Joins samples whose tensors differ in their first dimension (texts, series): shorter ones are filled up. For `collate` of a
 * loader or a stream.
 *
 *     new DataLoader(texts, { batchSize: 32, collate: padded({ value: padIndex }) })
 */
export function padded<S extends Sample>(options: PaddingOptions = {}): (samples: readonly S[]) => Batch<S> {
  return (samples) => {
    const width = samples[0]?.length ?? 0
    const columns = Array.from({ length: width }, (_, part) => samples.map((sample) => sample[part]!))
    const even = columns.map((column) =>
      column.every((item) => item instanceof Tensor && item.rank > 0) ? padAll(column as Tensor[], options) : column,
    )
    return collate(samples.map((_, i) => even.map((column) => column[i]!))) as unknown as Batch<S>
  }
}

function padAll(tensors: readonly Tensor[], { value = 0, side = 'end', length: wanted }: PaddingOptions): Tensor[] {
  const length = wanted ?? Math.max(...tensors.map(({ shape }) => shape[0]!))
  const rest = tensors[0]!.shape.slice(1)
  const row = sizeOf(rest)
  return tensors.map((x) => {
    if (formatShape(x.shape.slice(1)) !== formatShape(rest)) {
      throw new ShapeError(
        'padded',
        `only first dimensions may differ: ${formatShape(tensors[0]!.shape)} and ${formatShape(x.shape)}`,
      )
    }
    if (x.shape[0] === length) return x
    const values = allocateValues(x.dtype, length * row).fill(value)
    const kept = Math.min(length, x.shape[0]!)
    const source = x.dataSync()
    if (side === 'end') values.set(source.subarray(0, kept * row))
    else values.set(source.subarray(source.length - kept * row), (length - kept) * row)
    return new Tensor(buffer(toStorage(values, x.dtype), [length, ...rest], x.dtype))
  })
}
