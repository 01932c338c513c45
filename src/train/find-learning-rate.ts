import { ValueError } from '../core/errors.ts'
import type { Layer } from '../nn/module.ts'
import { realize } from '../tensor/base.ts'
import { defaultGenerator } from '../tensor/random.ts'
import type { Batches } from './fit-options.ts'
import type { Metric } from './metrics.ts'

export interface LearningRateOptions {
  /** Walked again and again for as many batches as are needed. */
  readonly train: Batches
  /** Made anew for the trial, so that the real one keeps its moments: `(parameters, lr) => new Adam(parameters, { lr })`. */
  readonly optimizer: (
    parameters: ReturnType<Layer['parameters']>,
    lr: number,
  ) => {
    readonly paramGroups: readonly { lr: number }[]
    zeroGrad(): void
    step(): unknown
  }
  readonly loss: Metric
  /** First learning rate. Default 1e-7. */
  readonly from?: number
  /** Last one, unless the loss explodes before. Default 10. */
  readonly to?: number
  /** Default 100. */
  readonly steps?: number
}

export interface LearningRateCurve {
  /** Where the smoothed loss falls fastest: a good rate to begin with. NaN where it never falls. */
  readonly suggestion: number
  readonly points: readonly { readonly lr: number; readonly loss: number }[]
}

/** Of the moving average that smooths the loss. */
const smoothing = 0.9
/** The trial ends when the loss is so many times the lowest one. */
const explosion = 4

/**
 * Tries learning rates that grow from step to step, and tells at which one the loss falls fastest (Smith, "Cyclical learning rates
 * for training neural networks", 2017). The model has its old weights afterwards.
 */
export async function findLearningRate(model: Layer, options: LearningRateOptions): Promise<LearningRateCurve> {
  const { train, loss, from = 1e-7, to = 10, steps = 100 } = options
  if (!(from > 0 && to > from))
    throw new ValueError('findLearningRate', `expects 0 < from < to, received ${from} and ${to}`)
  const before = model.stateDict()
  const random = defaultGenerator.state()
  const optimizer = options.optimizer(model.parameters(), from)
  const points: { lr: number; loss: number }[] = []
  let [average, lowest] = [0, Number.POSITIVE_INFINITY]
  model.train()
  try {
    for await (const [input, target] of endless(train)) {
      const step = points.length
      const lr = from * (to / from) ** (step / Math.max(1, steps - 1))
      for (const group of optimizer.paramGroups) group.lr = lr
      const value = loss(model.forward(input), target)
      optimizer.zeroGrad()
      value.backward()
      optimizer.step()
      average = smoothing * average + (1 - smoothing) * (await value.item())
      const smooth = average / (1 - smoothing ** (step + 1))
      points.push({ lr, loss: smooth })
      lowest = Math.min(lowest, smooth)
      if (points.length >= steps || !(smooth <= explosion * lowest)) break
    }
  } finally {
    optimizer.zeroGrad()
    model.loadStateDict(before)
    await realize(...model.parameters())
    defaultGenerator.setState(random)
  }
  return { suggestion: steepest(points), points }
}

async function* endless(batches: Batches): Batches {
  for (let epoch = 0; ; epoch++) {
    if (batches.epoch !== undefined) batches.epoch = epoch
    yield* batches
  }
}

/** The rate at which the loss falls most for a step on the logarithmic scale, the first steps of the average aside. */
function steepest(points: readonly { readonly lr: number; readonly loss: number }[]): number {
  let [best, suggestion] = [0, Number.NaN]
  const warmup = Math.min(10, Math.floor(points.length / 5))
  for (let i = warmup + 1; i + 1 < points.length; i++) {
    const slope = points[i + 1]!.loss - points[i - 1]!.loss
    if (slope < best) {
      best = slope
      suggestion = points[i]!.lr
    }
  }
  return suggestion
}
