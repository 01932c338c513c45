import { tensor } from '../../tensor/creation.ts'
import type { Tensor } from '../../tensor/tensor.ts'
import { integers } from './known.ts'

/** What one output element reads: a position and its weight. */
export type Tap = readonly [position: number, weight: number]

/** Weighted sums along `dim`: element i of the result reads `taps[i]`, all of which have as many entries. */
export function resampled(x: Tensor, dim: number, taps: readonly (readonly Tap[])[]): Tensor {
  const shape = x.shape.map((_, d) => (d === dim ? taps.length : 1))
  const parts = Array.from({ length: taps[0]?.length ?? 0 }, (_, k) => {
    const part = x.indexSelect(dim, integers(taps.map((own) => own[k]![0])))
    const weights = taps.map((own) => own[k]![1])
    if (weights.every((weight) => weight === 1)) return part
    return part.mul(tensor(weights, { dtype: x.dtype }).reshape(shape))
  })
  return parts.reduce((sum, part) => sum.add(part))
}
