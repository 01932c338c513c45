import { ValueError } from '../core/errors.ts'
import { collate } from './collate.ts'
import type { Batch, Sample } from './dataset.ts'
import { Random } from './random.ts'

/** Where the items of one walk come from. */
export type Source<T> = (epoch: number) => AsyncIterable<T> | Iterable<T>

export interface ShuffleOptions {
  /** Items held in memory, of which a random one is given out next. */
  readonly buffer: number
  /** Together with the epoch, decides the order. Default 0. */
  readonly seed?: number
}

export interface BatchOptions<T extends Sample> {
  /** Leave out the last batch when it is smaller than the others. Default false. */
  readonly dropLast?: boolean
  /** How items are joined. Default: {@link collate}. */
  readonly collate?: (items: readonly T[]) => Batch<T>
}

/**
 * Items that come one after the other, from files larger than memory or from anywhere. A stream can be walked again and
 * again: each walk asks its source anew and is one epoch. Nothing is read ahead of the reader, and breaking out of the walk
 * closes the source.
 *
 *     const batches = csv('taxi.csv', { columns }).map(toSample).shuffle({ buffer: 10_000 }).batch(256)
 *     for await (const [x, y] of batches) { ... }
 */
export class Stream<T> implements AsyncIterable<T> {
  /** Number of the next walk; counted up when one begins. */
  epoch = 0
  private readonly source: Source<T>

  /** `source` is called for each walk with its epoch. */
  constructor(source: Source<T>) {
    this.source = source
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<T, void, undefined> {
    yield* this.walk(this.epoch++)
  }

  private walk(epoch: number): AsyncIterable<T> | Iterable<T> {
    return this.source(epoch)
  }

  private derive<U>(items: (source: AsyncIterable<T> | Iterable<T>, epoch: number) => AsyncIterable<U>): Stream<U> {
    return new Stream((epoch) => items(this.walk(epoch), epoch))
  }

  /** Every item made into another; `random` depends on `seed`, the epoch and the item's place alone. */
  map<U>(
    fn: (item: T, random: Random, place: number) => U | Promise<U>,
    { seed = 0 }: { readonly seed?: number } = {},
  ): Stream<U> {
    return this.derive(async function* (source, epoch) {
      let place = 0
      for await (const item of source) {
        yield await fn(item, new Random(seed, { epoch, index: place }), place)
        place++
      }
    })
  }

  /** The items for which `keep` is true. */
  filter(keep: (item: T) => boolean | Promise<boolean>): Stream<T> {
    return this.derive(async function* (source) {
      for await (const item of source) if (await keep(item)) yield item
    })
  }

  /** The first `count` items. */
  take(count: number): Stream<T> {
    checkCount('Stream.take', 'count', count, 0)
    return this.derive(async function* (source) {
      let left = count
      if (left === 0) return
      for await (const item of source) {
        yield item
        if (--left === 0) return
      }
    })
  }

  /** All but the first `count` items. */
  skip(count: number): Stream<T> {
    checkCount('Stream.skip', 'count', count, 0)
    return this.derive(async function* (source) {
      let left = count
      for await (const item of source) if (left-- <= 0) yield item
    })
  }

  /** The items of this stream, then those of others. */
  concat(...others: readonly Stream<T>[]): Stream<T> {
    return this.derive(async function* (source, epoch) {
      yield* source
      for (const other of others) yield* other.walk(epoch)
    })
  }

  /** Mixes items within a buffer, in another order each epoch: as `tf.data.Dataset.shuffle`. */
  shuffle({ buffer, seed = 0 }: ShuffleOptions): Stream<T> {
    checkCount('Stream.shuffle', 'buffer', buffer, 1)
    return this.derive(async function* (source, epoch) {
      const random = new Random(seed, { epoch })
      const held: T[] = []
      for await (const item of source) {
        if (held.length < buffer) {
          held.push(item)
          continue
        }
        const at = random.integer(buffer)
        const next = held[at]!
        held[at] = item
        yield next
      }
      for (const at of random.permutation(held.length)) yield held[at]!
    })
  }

  /** Joins items to batches of `size`; the last one may be smaller. */
  batch<S extends Sample>(
    this: Stream<S>,
    size: number,
    { dropLast = false, collate: join = collate }: BatchOptions<S> = {},
  ): Stream<Batch<S>> {
    checkCount('Stream.batch', 'size', size, 1)
    return this.derive(async function* (source) {
      let items: S[] = []
      for await (const item of source) {
        items.push(item)
        if (items.length < size) continue
        yield join(items)
        items = []
      }
      if (items.length > 0 && !dropLast) yield join(items)
    })
  }

  /** All items of one walk. */
  async toArray(): Promise<T[]> {
    const items: T[] = []
    for await (const item of this) items.push(item)
    return items
  }
}

function checkCount(op: string, name: string, value: number, least: number): void {
  if (Number.isInteger(value) && value >= least) return
  throw new ValueError(op, `${name} must be a whole number ≥ ${least}, received ${value}`)
}
