import { ValueError } from '../core/errors.ts'
import type { Dataset, Sample } from './dataset.ts'
import type { Collate } from './load-batch.ts'

/** A dataset that worker threads can make again. */
export interface ModuleDataset<S> extends Dataset<S> {
  /** The module's own way to join samples. */
  readonly collate?: Collate<S & Sample>
}

/**
 * The dataset that a module's function `dataset(options)` makes. Functions cannot be handed to another thread, so whatever
 * worker threads are to load comes from a module of its own:
 *
 *     // birds.ts
 *     export const dataset = async ({ folder }: { folder: string }) =>
 *       mapSamples(await imageFolder(folder), ([image, label], random) => [augment(image, random), label] as const)
 *
 *     // train.ts
 *     const birds = await moduleDataset<typeof import('./birds.ts')>(new URL('./birds.ts', import.meta.url), { folder: 'birds' })
 *     const loader = new DataLoader(birds, { batchSize: 32, shuffle: true, workers: 2 })
 *
 * @param options plain data: whatever `structuredClone` takes
 */
export async function moduleDataset<M extends { dataset(options: never): unknown }>(
  module: URL,
  options: Parameters<M['dataset']>[0],
): Promise<Awaited<ReturnType<M['dataset']>>> {
  const made = await importDataset(module.href, options)
  return Object.assign(made as object, { origin: { module: module.href, options } }) as Awaited<
    ReturnType<M['dataset']>
  >
}

/** The dataset of a module, with the module's `collate` where it has one. */
export async function importDataset(module: string, options: unknown): Promise<ModuleDataset<Sample>> {
  const { dataset, collate } = await import(module)
  if (typeof dataset !== 'function') {
    throw new ValueError('moduleDataset', `${module} exports no function 'dataset'`)
  }
  const made: Dataset = await dataset(options)
  return collate ? Object.assign(made, { collate }) : made
}
