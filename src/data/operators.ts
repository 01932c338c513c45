import { ValueError } from '../core/errors.ts'
import { checkIndex, type Dataset, sampleName, type Visit } from './dataset.ts'
import { Random } from './random.ts'
import { Subset } from './subset.ts'

/** What {@link mapSamples} calls for every sample; `random` draws the same numbers for the same visit of the same sample. */
export type SampleMap<S, T> = (sample: S, random: Random, index: number) => T | Promise<T>

/** Items of any kind as a dataset: an array, or whatever can be iterated. */
export function arrayDataset<T>(items: Iterable<T>): Dataset<T> {
  const list = [...items]
  return { length: list.length, get: (index) => list[checkIndex('arrayDataset', index, list.length)]! }
}

/**
 * A dataset whose samples are computed when they are asked for. `fn` may be asynchronous; what it draws from `random` depends on
 * the loader's seed, the epoch and the index alone.
 *
 *     const train = mapSamples(images, ([image, label], random) => [flip(image, random), label] as const)
 */
export function mapSamples<S, T>(dataset: Dataset<S>, fn: SampleMap<S, T>): Dataset<T> {
  return {
    length: dataset.length,
    get(index, visit = { seed: 0, epoch: 0 }) {
      const { layer = 0 } = visit
      const sample = dataset.get(index, { ...visit, layer: layer + 1 })
      const apply = (ready: S): T | Promise<T> => fn(ready, new Random(visit.seed, { ...visit, index, layer }), index)
      return sample instanceof Promise ? sample.then(apply) : apply(sample)
    },
    nameOf: (index) => dataset.nameOf?.(index) ?? `${index}`,
  }
}

/** The samples for which `keep` is true. All samples are looked at once, now. */
export async function filterSamples<S>(
  dataset: Dataset<S>,
  keep: (sample: S, index: number) => boolean | Promise<boolean>,
): Promise<Subset<S>> {
  const kept: number[] = []
  for (let i = 0; i < dataset.length; i++) if (await keep(await dataset.get(i), i)) kept.push(i)
  return new Subset(dataset, kept)
}

/** Datasets one after the other, as `torch.utils.data.ConcatDataset`. */
export function concatDatasets<S>(...datasets: readonly Dataset<S>[]): Dataset<S> {
  if (datasets.length === 0) throw new ValueError('concatDatasets', 'expects at least one dataset, received none')
  const ends: number[] = []
  for (const { length } of datasets) ends.push((ends.at(-1) ?? 0) + length)
  const length = ends.at(-1) ?? 0
  const find = (index: number): [Dataset<S>, number] => {
    checkIndex('concatDatasets', index, length)
    const part = ends.findIndex((end) => index < end)
    return [datasets[part]!, index - (ends[part - 1] ?? 0)]
  }
  return {
    length,
    get(index, visit) {
      const [dataset, within] = find(index)
      return dataset.get(within, visit)
    },
    nameOf(index) {
      const [dataset, within] = find(index)
      return dataset.nameOf?.(within) ?? `${within}`
    },
  }
}

/**
 * Keeps every sample in memory once it was loaded. What was drawn at random below stays as it was drawn first: put random
 * transforms above the cache.
 */
export function cacheSamples<S>(dataset: Dataset<S>): Dataset<S> {
  const known = new Map<number, S | Promise<S>>()
  return {
    length: dataset.length,
    get(index: number, visit?: Visit) {
      const before = known.get(index)
      if (before !== undefined) return before
      const sample = dataset.get(index, visit)
      known.set(index, sample)
      if (!(sample instanceof Promise)) return sample
      sample.then(
        (ready) => known.set(index, ready),
        () => known.delete(index),
      )
      return sample
    },
    nameOf: (index) => dataset.nameOf?.(index) ?? sampleName(dataset, index),
  }
}
