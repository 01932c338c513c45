import { ValueError } from '../core/errors.ts'
import { permutation } from './permutation.ts'
import { Random } from './random.ts'

/** Chooses which samples an epoch visits, and in which order. */
export interface Sampler {
  /** Samples an epoch. */
  readonly length: number
  /** Indices for `epoch`; the same for the same seed and epoch. */
  indices(seed: number, epoch: number): ArrayLike<number>
}

/** Every sample once, in the dataset's own order. */
export function sequentialSampler(length: number): Sampler {
  return { length, indices: () => Int32Array.from({ length }, (_, i) => i) }
}

/** Every sample once, in a new random order each epoch. */
export function randomSampler(length: number): Sampler {
  return { length, indices: (seed, epoch) => permutation(length, seed, epoch) }
}

/**
 * Draws sample i with probability `weights[i]` / Σ weights, with replacement: as `torch.utils.data.WeightedRandomSampler`.
 *
 * @param count draws an epoch; default: one for each weight
 */
export function weightedSampler(weights: ArrayLike<number>, count: number = weights.length): Sampler {
  const sums = new Float64Array(weights.length)
  let total = 0
  for (let i = 0; i < weights.length; i++) {
    if (!(weights[i]! >= 0 && Number.isFinite(weights[i]))) {
      throw new ValueError('weightedSampler', `weights must be finite and ≥ 0, received ${weights[i]} at ${i}`)
    }
    sums[i] = total += weights[i]!
  }
  if (total === 0) throw new ValueError('weightedSampler', 'at least one weight must be above 0')
  return {
    length: count,
    indices(seed, epoch) {
      const random = new Random(seed, { epoch })
      return Int32Array.from({ length: count }, () => firstAbove(sums, random.next() * total))
    },
  }
}

/** Draws every class equally often, whatever the number of its samples; within a class all are equally likely. */
export function balancedSampler(labels: ArrayLike<number>, count: number = labels.length): Sampler {
  const sizes = new Map<number, number>()
  for (const label of Array.from(labels)) sizes.set(label, (sizes.get(label) ?? 0) + 1)
  return weightedSampler(
    Array.from(labels, (label) => 1 / sizes.get(label)!),
    count,
  )
}

/** The first place whose running sum is above `value`; a weight of 0 is never chosen. */
function firstAbove(sums: Float64Array, value: number): number {
  let [low, high] = [0, sums.length - 1]
  while (low < high) {
    const middle = (low + high) >> 1
    if (sums[middle]! > value) high = middle
    else low = middle + 1
  }
  return low
}
