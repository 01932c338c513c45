/** A dataset for worker threads: random draws, a broken sample, one that never ends. */
import { setTimeout } from 'node:timers/promises'
import type { Dataset } from '../../src/data/dataset.ts'
import { mapSamples } from '../../src/data/operators.ts'
import { tensor } from '../../src/tensor/creation.ts'
import type { Tensor } from '../../src/tensor/tensor.ts'

export interface Options {
  readonly length: number
  /** Index of a sample that cannot be loaded. */
  readonly broken?: number
  /** Milliseconds that every sample takes. */
  readonly slow?: number
}

export function dataset({ length, broken = -1, slow = 0 }: Options): Dataset<readonly [Tensor, number]> {
  const numbers: Dataset<number> = { length, get: (i) => i, nameOf: (i) => `number-${i}.txt` }
  const noisy = mapSamples(numbers, async (i, random) => {
    if (slow > 0) await setTimeout(slow)
    if (i === broken) throw new RangeError('this one is damaged')
    return [i, random.next()] as const
  })
  return mapSamples(noisy, ([i, noise], random) => [tensor([i, noise, random.next()]), i * i] as const)
}
