import { ShapeError, ValueError } from '../core/errors.ts'
import { formatShape } from '../core/shape.ts'
import { buffer } from '../graph/ops/leaves.ts'
import { tensor, type TensorData } from '../tensor/creation.ts'
import { Tensor } from '../tensor/tensor.ts'
import { checkIndex, type Dataset } from './dataset.ts'

export interface WindowOptions {
  /** Time steps that the model sees. */
  readonly length: number
  /** Time steps after them that it is to foretell. Default 1. */
  readonly horizon?: number
  /** Time steps from one window to the next. Default 1. */
  readonly stride?: number
  /** Columns to foretell, by number. Default: all. */
  readonly targets?: readonly number[]
}

/**
 * Windows of a time series, each with what came after it.
 *
 * @param series [T] or [T, C]; float32
 * @returns samples `[past, future]` of shapes [length, C] and [horizon, targets]
 */
export function seriesWindows(
  series: Tensor | TensorData,
  { length, horizon = 1, stride = 1, targets }: WindowOptions,
): Dataset<readonly [past: Tensor, future: Tensor]> {
  const x = series instanceof Tensor ? series : tensor(series)
  if (x.rank !== 1 && x.rank !== 2) {
    throw new ShapeError('seriesWindows', `expects a series [T] or [T, C], received ${formatShape(x.shape)}`)
  }
  for (const [name, value] of Object.entries({ length, horizon, stride })) {
    if (!Number.isInteger(value) || value < 1) {
      throw new ValueError('seriesWindows', `${name} must be a whole number ≥ 1, received ${value}`)
    }
  }
  const [steps, channels] = [x.shape[0]!, x.shape[1] ?? 1]
  const columns = targets ?? Array.from({ length: channels }, (_, c) => c)
  for (const column of columns) checkIndex('seriesWindows', column, channels)
  const values = Float32Array.from(x.dataSync())
  const count = Math.max(0, Math.floor((steps - length - horizon) / stride) + 1)
  if (count === 0) {
    throw new ValueError(
      'seriesWindows',
      `a series of ${steps} steps has no window of ${length} + ${horizon}: shorten them`,
    )
  }
  return {
    length: count,
    get(index) {
      const from = checkIndex('seriesWindows', index, count) * stride
      const past = values.slice(from * channels, (from + length) * channels)
      const future = new Float32Array(horizon * columns.length)
      for (let t = 0; t < horizon; t++) {
        for (const [i, column] of columns.entries()) {
          future[t * columns.length + i] = values[(from + length + t) * channels + column]!
        }
      }
      const leaf = (data: Float32Array, shape: number[]): Tensor => new Tensor(buffer(data, shape, 'float32'))
      return [leaf(past, [length, channels]), leaf(future, [horizon, columns.length])] as const
    },
    nameOf: (index) => `steps ${index * stride} to ${index * stride + length + horizon - 1}`,
  }
}
