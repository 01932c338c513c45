import type { Tensor } from '../tensor/tensor.ts'
import type { Metric } from './metrics.ts'
import { type StreamingMetric, valuesOf } from './streaming-metric.ts'

/** Figures of one or more batches, by name. */
export type Figures = Record<string, number>

/** What is measured, by name: figures whose mean over batches counts, and such as gather what they need. */
export type Metrics = Readonly<Record<string, Metric | StreamingMetric>>

interface Pending {
  readonly samples: number
  readonly figures: Readonly<Record<string, Tensor>>
  /** What streaming metrics look at; kept only where there are some, as what is kept has to be computed. */
  readonly seen: readonly [output: Tensor, target: Tensor] | undefined
}

/** Everything gathered so far, as plain data. */
export interface FiguresState {
  readonly sums: Figures
  readonly samples: number
  readonly streams: Readonly<Record<string, readonly number[]>>
}

/**
 * Figures over the samples of many batches. Scalars are added as they are recorded and read together, later: reading is what
 * makes a training wait.
 */
export class RunningFigures {
  private sums: Figures = {}
  private samples = 0
  private pending: Pending[] = []
  private readonly metrics: Readonly<Record<string, Metric>>
  private readonly streams: Readonly<Record<string, StreamingMetric>>

  constructor(metrics: Metrics) {
    const isMean = (entry: [string, Metric | StreamingMetric]): entry is [string, Metric] =>
      typeof entry[1] === 'function'
    const entries = Object.entries(metrics)
    this.metrics = Object.fromEntries(entries.filter(isMean))
    const streams = entries.filter((entry): entry is [string, StreamingMetric] => !isMean(entry))
    this.streams = Object.fromEntries(streams.map(([name, metric]) => [name, metric.fresh()]))
  }

  /** Records the figures of a batch of `samples`, and a loss that was computed already. */
  add(samples: number, output: Tensor, target: Tensor, loss?: Tensor): void {
    const figures: Record<string, Tensor> = { ...(loss && { loss }) }
    for (const [name, metric] of Object.entries(this.metrics)) figures[name] = metric(output, target)
    // Detached: a result that nothing else uses is computed with its step, and is there when it is read some steps later.
    const seen = Object.keys(this.streams).length > 0 ? ([output.detach(), target] as const) : undefined
    this.pending.push({ samples, figures, seen })
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
      if (batch.seen) await this.stream(...batch.seen)
    }
    this.pending = []
    this.samples += samples
    return divide(part, samples)
  }

  private async stream(output: Tensor, target: Tensor): Promise<void> {
    const values = await valuesOf(output, target)
    for (const metric of Object.values(this.streams)) metric.update(values)
  }

  /** The figures of all that has been read. */
  get means(): Figures {
    const streamed = Object.entries(this.streams).map(([name, metric]) => [name, metric.compute()] as const)
    return { ...divide(this.sums, this.samples), ...(this.samples > 0 && Object.fromEntries(streamed)) }
  }

  /** All that has been read. */
  state(): FiguresState {
    const streams = Object.entries(this.streams).map(([name, metric]) => [name, metric.state()] as const)
    return { sums: { ...this.sums }, samples: this.samples, streams: Object.fromEntries(streams) }
  }

  restore({ sums, samples, streams }: FiguresState): void {
    this.sums = { ...sums }
    this.samples = samples
    for (const [name, metric] of Object.entries(this.streams)) metric.restore(streams[name] ?? [])
  }
}

function divide(sums: Figures, samples: number): Figures {
  return Object.fromEntries(Object.entries(sums).map(([name, sum]) => [name, sum / samples]))
}
