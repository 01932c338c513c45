import type { Tensor } from '../tensor/tensor.ts'

/** What one batch came to, as numbers. */
export interface BatchValues {
  /** Model's outputs, row-major. */
  readonly output: ArrayLike<number>
  readonly outputShape: readonly number[]
  readonly target: ArrayLike<number>
  readonly targetShape: readonly number[]
}

/**
 * A figure that is not the mean of figures of batches: it gathers what it needs batch by batch. Only plain numbers are
 * kept, so that a checkpoint can hold them.
 */
export interface StreamingMetric {
  update(batch: BatchValues): void
  /** The figure over everything since the beginning; NaN where it has no meaning. */
  compute(): number
  /** A metric of the same kind that has seen nothing. */
  fresh(): StreamingMetric
  /** What was gathered, as plain data. */
  state(): readonly number[]
  restore(state: readonly number[]): void
}

/** Reads a batch's numbers. */
export async function valuesOf(output: Tensor, target: Tensor): Promise<BatchValues> {
  return {
    output: await output.data(),
    outputShape: output.shape,
    target: await target.data(),
    targetShape: target.shape,
  }
}

/** A metric that gathers sums: `add` is called for each batch and changes `sums`. */
export function fromSums(
  size: number,
  add: (sums: number[], batch: BatchValues) => void,
  result: (sums: readonly number[]) => number,
): StreamingMetric {
  let sums = new Array<number>(size).fill(0)
  return {
    update: (batch) => add(sums, batch),
    compute: () => result(sums),
    fresh: () => fromSums(size, add, result),
    state: () => [...sums],
    restore: (state) => {
      sums = [...state]
    },
  }
}
