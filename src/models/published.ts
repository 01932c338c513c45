import { sameShape } from '../core/shape.ts'
import type { Tensor } from '../tensor/tensor.ts'

/** How published weights hold the parameters of a model. */
export interface Published {
  /** What they call the parameter that has this name in the model. */
  name(own: string): string
  /** Their shape for the parameter of this name and shape: the same elements. */
  shape(own: string, shape: readonly number[]): readonly number[]
}

/** As the model itself holds them. */
export const asOwn: Published = { name: (own) => own, shape: (_, shape) => shape }

type State = Readonly<Record<string, Tensor>>

/** The model's own state as it is published. */
export function toPublished(own: State, { name, shape }: Published): Record<string, Tensor> {
  const entries = Object.entries(own)
  return Object.fromEntries(entries.map(([path, x]) => [name(path), x.reshape(...shape(path, x.shape))]))
}

/**
 * Published weights by the names and in the shapes of the model's `own` state; what it does not have stays as it is. `spellings` are
 * the names that a weight may be meant by, the best first.
 */
export function fromPublished(
  own: State,
  tensors: ReadonlyMap<string, Tensor>,
  { name, shape }: Published,
  spellings: (name: string) => readonly string[] = (given) => [given],
): Map<string, Tensor> {
  const ownNames = new Map(Object.keys(own).map((path) => [name(path), path]))
  const found = new Map<string, Tensor>()
  for (const [given, x] of tensors) {
    const path = spellings(given)
      .map((spelling) => ownNames.get(spelling))
      .find((known) => known !== undefined)
    const wanted = path === undefined ? undefined : own[path]!.shape
    const same = wanted && sameShape(x.shape, shape(path!, wanted))
    found.set(path ?? given, same ? x.reshape(...wanted) : x)
  }
  return found
}
