import { Linear } from '../../nn/layers/linear.ts'
import { Module } from '../../nn/module.ts'
import { Buffer } from '../../nn/parameter.ts'
import { LSTM } from '../../nn/recurrent/layers.ts'
import { tensor } from '../../tensor/creation.ts'
import type { Tensor } from '../../tensor/tensor.ts'

export interface ForecasterOptions {
  /** Time steps to foretell. */
  readonly horizon: number
  /** Default 64. */
  readonly hidden?: number
  /** Of the series that it learns from; what it sees and says is in the same units. Default 0. */
  readonly mean?: number
  /** Of the series that it learns from. Default 1. */
  readonly deviation?: number
}

/**
 * An LSTM that foretells a series, in the series' own units: the past [N, T, 1] → the future [N, horizon, 1]. Both are seen as
 * differences from the last value that is known.
 */
export class Forecaster extends Module {
  lstm: LSTM
  head: Linear
  mean: Buffer
  deviation: Buffer

  constructor({ horizon, hidden = 64, mean = 0, deviation = 1 }: ForecasterOptions) {
    super()
    this.lstm = new LSTM(1, hidden, { batchFirst: true })
    this.head = new Linear(hidden, horizon)
    this.mean = new Buffer(tensor([mean]))
    this.deviation = new Buffer(tensor([deviation]))
  }

  forward(past: Tensor): Tensor {
    const x = past.sub(this.mean).div(this.deviation)
    const last = x.narrow(1, -1, 1)
    const [, [h]] = this.lstm.forward(x.sub(last))
    const ahead = this.head.forward(h.squeeze(0)).unsqueeze(-1)
    return ahead.add(last).mul(this.deviation).add(this.mean)
  }
}

/** Mean squared errors of two forecasts that need no learning, for all beginnings `starts` of the next `horizon` steps. */
export function naiveErrors(
  series: ArrayLike<number>,
  starts: readonly number[],
  { horizon, season }: { readonly horizon: number; readonly season: number },
): { readonly naive: number; readonly seasonal: number } {
  const error = (source: (start: number, i: number) => number): number => {
    let sum = 0
    for (const start of starts)
      for (let i = 0; i < horizon; i++) sum += (series[source(start, i)]! - series[start + i]!) ** 2
    return sum / (starts.length * horizon)
  }
  return {
    /** Nothing changes. */
    naive: error((start) => start - 1),
    /** As a season before, with what is known at the beginning. */
    seasonal: error((start, i) => start + (i % season) - season),
  }
}
