import type { Tensor } from '../tensor/tensor.ts'

/** Figures of one or more batches, by name. */
export type Figures = Record<string, number>

interface Pending {
  readonly samples: number
  readonly figures: Readonly<Record<string, Tensor>>
}

/**
 * Means over the samples of many batches. Scalars are added as they are recorded and read together, later: reading is what
 * makes a training wait.
 */
export class RunningMean {
  private sums: Figures = {}
  private samples = 0
  private pending: Pending[] = []

  /** Adds the means of a batch of `samples`. */
  add(samples: number, figures: Readonly<Record<string, Tensor>>): void {
    this.pending.push({ samples, figures })
  }

  /** Computes what was added since the last time; returns the means of that alone. */
  async read(): Promise<Figures> {
    const part: Figures = {}
    let samples = 0
    for (const batch of this.pending) {
      samples += batch.samples
      for (const [name, value] of Object.entries(batch.figures)) {
        const sum = (await value.item()) * batch.samples
        part[name] = (part[name] ?? 0) + sum
        this.sums[name] = (this.sums[name] ?? 0) + sum
      }
    }
    this.pending = []
    this.samples += samples
    return divide(part, samples)
  }

  /** The means of all that has been read. */
  get means(): Figures {
    return divide(this.sums, this.samples)
  }
}

function divide(sums: Figures, samples: number): Figures {
  return Object.fromEntries(Object.entries(sums).map(([name, sum]) => [name, sum / samples]))
}
