import { type Batch, checkIndex, type Dataset, type Origin, type Visit } from './dataset.ts'

/** Some samples of another dataset, in the order of `indices`, as `torch.utils.data.Subset`. */
export class Subset<S> implements Dataset<S> {
  readonly dataset: Dataset<S>
  readonly indices: Int32Array
  /** Present where the dataset has it. */
  readonly batch?: (indices: ArrayLike<number>, visit?: Visit) => Batch<S> | Promise<Batch<S>>
  readonly origin?: Origin

  /** Throws an `IndexError` when an index names no sample of `dataset`. */
  constructor(dataset: Dataset<S>, indices: ArrayLike<number>) {
    for (const index of Array.from(indices)) checkIndex('Subset', index, dataset.length)
    this.dataset = dataset
    this.indices = Int32Array.from(indices)
    const whole = dataset.batch?.bind(dataset)
    if (whole)
      this.batch = (chosen, visit) =>
        whole(
          Int32Array.from(chosen, (i) => this.at('Subset.batch', i)),
          visit,
        )
    const { origin } = dataset
    if (origin) {
      const { indexOf = (index: number) => index } = origin
      this.origin = { ...origin, indexOf: (index) => indexOf(this.at('Subset', index)) }
    }
  }

  get length(): number {
    return this.indices.length
  }

  get(index: number, visit?: Visit): S | Promise<S> {
    return this.dataset.get(this.at('Subset.get', index), visit)
  }

  nameOf(index: number): string {
    const inner = this.at('Subset.nameOf', index)
    return this.dataset.nameOf?.(inner) ?? `${inner}`
  }

  private at(op: string, index: number): number {
    return this.indices[checkIndex(op, index, this.length)]!
  }
}
