import { isFloating, toStorage } from '../core/dtype.ts'
import { ValueError } from '../core/errors.ts'
import { withGrad } from '../graph/node.ts'
import { buffer } from '../graph/ops/leaves.ts'
import type { Module } from '../nn/module.ts'
import { RunningNorm } from '../nn/layers/batch-norm.ts'
import { realize } from '../tensor/base.ts'
import { Tensor } from '../tensor/tensor.ts'

/** What an average needs to go on. */
export interface AverageState {
  readonly updates: number
  readonly values: Readonly<Record<string, Tensor>>
}

/**
 * A second set of a model's weights that follows the trained one, as `torch.optim.swa_utils.AveragedModel`: it is less
 * noisy, and often better. Floating buffers (running statistics) are averaged, too; whole numbers are copied.
 */
export class WeightAverage {
  private readonly model: Module
  /** How much of the old average stays, given the number of updates before. */
  private readonly keep: (updates: number) => number
  private readonly averages: ReadonlyMap<string, Tensor>
  private updates = 0

  private constructor(model: Module, keep: (updates: number) => number) {
    this.model = model
    this.keep = keep
    this.averages = new Map(leavesOf(model).map(([name, leaf]) => [name, ownLeaf(leaf)]))
  }

  /** An exponential moving average: each update moves it by 1 − `decay` of the way (Polyak & Juditsky 1992; as used since Tarvainen & Valpola 2017). */
  static exponential(model: Module, decay = 0.999): WeightAverage {
    if (decay >= 0 && decay < 1) return new WeightAverage(model, () => decay)
    throw new ValueError('ema', `decay must be at least 0 and below 1, received ${decay}`)
  }

  /** The plain mean of all updates (Izmailov et al., "Averaging weights leads to wider optima and better generalization", 2018). */
  static mean(model: Module): WeightAverage {
    return new WeightAverage(model, (updates) => updates / (updates + 1))
  }

  /** Takes in the model's present weights; recorded, and computed together with the next step. */
  update(): void {
    const keep = this.keep(this.updates++)
    withGrad(false, () => {
      for (const [name, leaf] of leavesOf(this.model)) {
        const average = this.averages.get(name)!
        average.assign(isFloating(leaf.dtype) ? average.mul(keep).add(leaf.detach().mul(1 - keep)) : leaf.detach())
      }
    })
  }

  /** Whether anything was averaged yet. */
  get isEmpty(): boolean {
    return this.updates === 0
  }

  /** Exchanges the model's weights with the averages; called twice, everything is as before. */
  async swap(): Promise<void> {
    const touched = withGrad(false, () =>
      leavesOf(this.model).flatMap(([name, leaf]) => {
        const average = this.averages.get(name)!
        const [own, other] = [leaf.detach(), average.detach()]
        leaf.assign(other)
        average.assign(own)
        return [leaf, average]
      }),
    )
    await realize(...touched)
  }

  state(): AverageState {
    return {
      updates: this.updates,
      values: Object.fromEntries([...this.averages].map(([name, x]) => [name, x.detach()])),
    }
  }

  restore({ updates, values }: AverageState): void {
    this.updates = updates
    for (const [name, average] of this.averages) average.assign(values[name]!)
  }
}

/** Parameters and buffers by path. */
function leavesOf(model: Module): [string, Tensor][] {
  return [...model.namedParameters(), ...model.namedBuffers()]
}

/** A leaf of its own with the present value of another. */
function ownLeaf(x: Tensor): Tensor {
  const node = buffer(toStorage(x.dataSync(), x.dtype), x.shape, x.dtype)
  node.readsVariable = true
  return new Tensor(node)
}

/**
 * Measures the running statistics of batch normalisation anew, as `torch.optim.swa_utils.update_bn`: averaged weights have
 * statistics of their own. `batches` are inputs, or samples that begin with them.
 */
export async function updateBatchNorm(
  model: Module & { forward(x: Tensor): unknown },
  batches: AsyncIterable<Tensor | readonly [Tensor, ...unknown[]]>,
): Promise<void> {
  const norms = model.modules().filter((module): module is RunningNorm => module instanceof RunningNorm)
  if (norms.length === 0) return
  const before = norms.map(({ momentum }) => momentum)
  for (const norm of norms) {
    norm.resetRunningStats()
    ;(norm as { momentum: number | null }).momentum = null
  }
  try {
    model.train()
    for await (const batch of batches) {
      withGrad(false, () => model.forward(batch instanceof Tensor ? batch : batch[0]))
      await realize(...norms.flatMap(({ runningMean }) => runningMean ?? []))
    }
  } finally {
    for (const [i, norm] of norms.entries()) (norm as { momentum: number | null }).momentum = before[i]!
  }
}
