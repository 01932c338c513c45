import { ShapeError } from '../core/errors.ts'
import { formatShape } from '../core/shape.ts'
import { type BatchValues, fromSums, type StreamingMetric } from './streaming-metric.ts'

/** Mean absolute error. */
export function mae(): StreamingMetric {
  return perElement(
    'mae',
    2,
    (sums, y, t) => {
      sums[0]! += Math.abs(y - t)
      sums[1]!++
    },
    ([sum, n]) => sum! / n!,
  )
}

/** Root of the mean squared error. */
export function rmse(): StreamingMetric {
  return perElement(
    'rmse',
    2,
    (sums, y, t) => {
      sums[0]! += (y - t) ** 2
      sums[1]!++
    },
    ([sum, n]) => Math.sqrt(sum! / n!),
  )
}

/** Coefficient of determination, R²: 1 is perfect, 0 no better than always foretelling the mean. */
export function r2(): StreamingMetric {
  // Mean and squared distances of the targets by Welford's method (1962), so that large means lose nothing.
  return perElement(
    'r2',
    4,
    (sums, y, t) => {
      const [, n, mean] = sums as [number, number, number, number]
      sums[0]! += (y - t) ** 2
      sums[1] = n + 1
      sums[2] = mean + (t - mean) / (n + 1)
      sums[3]! += (t - mean) * (t - sums[2]!)
    },
    ([errors, , , spread]) => 1 - errors! / spread!,
  )
}

/** e to the mean loss, for losses that are mean negative log-likelihoods: how many equally likely choices the model wavers between. */
export function perplexity(loss: number): number {
  return Math.exp(loss)
}

function perElement(
  op: string,
  size: number,
  add: (sums: number[], output: number, target: number) => void,
  result: (sums: readonly number[]) => number,
): StreamingMetric {
  return fromSums(
    size,
    (sums, { output, target, outputShape, targetShape }: BatchValues) => {
      if (output.length !== target.length) {
        throw new ShapeError(
          op,
          `expects outputs and targets of one size, received ${formatShape(outputShape)} and ${formatShape(targetShape)}`,
        )
      }
      for (let i = 0; i < output.length; i++) add(sums, output[i]!, target[i]!)
    },
    result,
  )
}
