import { ValueError } from '../core/errors.ts'
import type { Dataset } from './dataset.ts'
import { checkSeed, permutation } from './permutation.ts'
import { Subset } from './subset.ts'

export interface SplitOptions {
  /** The same seed gives the same parts. Default 0. */
  readonly seed?: number
}

/**
 * Cuts a dataset at random into parts, as `torch.utils.data.random_split`.
 *
 * @param lengths whole numbers that add up to the dataset's own, or shares that add up to 1, such as `[0.9, 0.1]`
 */
export function randomSplit<S>(
  dataset: Dataset<S>,
  lengths: readonly number[],
  { seed = 0 }: SplitOptions = {},
): Subset<S>[] {
  const counts = countsOf('randomSplit', dataset.length, lengths)
  const order = permutation(dataset.length, checkSeed('randomSplit', seed))
  let from = 0
  return counts.map((count) => {
    const part = new Subset(dataset, order.subarray(from, from + count))
    from += count
    return part
  })
}

export interface StratifiedSplitOptions extends SplitOptions {
  /** The class of every sample: numbers or names. */
  readonly labels: ArrayLike<number | string>
}

/** As {@link randomSplit}, with every class in every part in proportion: to within one sample a class and part. */
export function stratifiedSplit<S>(
  dataset: Dataset<S>,
  lengths: readonly number[],
  { labels, seed = 0 }: StratifiedSplitOptions,
): Subset<S>[] {
  const { length } = dataset
  const counts = countsOf('stratifiedSplit', length, lengths)
  if (labels.length !== length) {
    throw new ValueError('stratifiedSplit', `expects a label for each of ${length} samples, received ${labels.length}`)
  }
  const order = permutation(length, checkSeed('stratifiedSplit', seed))
  const classes = new Map<number | string, number[]>()
  for (const index of order) {
    const label = labels[index]!
    const members = classes.get(label)
    if (members) members.push(index)
    else classes.set(label, [index])
  }
  const parts = counts.map((): number[] => [])
  let placed = 0
  // Walking through one class after the other, each sample goes to the part that is furthest behind.
  for (const members of classes.values()) {
    for (const index of members) {
      placed++
      const behind = counts.map((count, part) => (count * placed) / length - parts[part]!.length)
      parts[behind.indexOf(Math.max(...behind))]!.push(index)
    }
  }
  return parts.map((members) => new Subset(dataset, shuffled(members, seed)))
}

/** The classes stand one after the other in `members`; nobody expects that of a split. */
function shuffled(members: readonly number[], seed: number): Int32Array {
  return permutation(members.length, seed, 1).map((i) => members[i]!)
}

/** Lengths as counts. What shares leave over by rounding goes to the first parts. */
function countsOf(op: string, total: number, lengths: readonly number[]): number[] {
  const sum = lengths.reduce((all, length) => all + length, 0)
  const areShares = lengths.some((length) => !Number.isInteger(length)) && Math.abs(sum - 1) < 1e-9
  if (areShares && lengths.every((share) => share >= 0)) {
    const counts = lengths.map((share) => Math.floor(share * total + 1e-9))
    const left = total - counts.reduce((all, count) => all + count, 0)
    return counts.map((count, part) => (part < left ? count + 1 : count))
  }
  if (sum === total && lengths.every((length) => Number.isInteger(length) && length >= 0)) return [...lengths]
  throw new ValueError(
    op,
    `lengths must be whole numbers ≥ 0 that add up to the dataset's ${total}, or shares that add up to 1, received ${lengths.join(' + ')}`,
  )
}
