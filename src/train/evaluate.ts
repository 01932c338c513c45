import { ValueError } from '../core/errors.ts'
import { DataLoader } from '../data/data-loader.ts'
import type { Dataset } from '../data/dataset.ts'
import { withGrad } from '../graph/node.ts'
import type { Layer, Module } from '../nn/module.ts'
import { concat } from '../tensor/joining.ts'
import type { Tensor } from '../tensor/tensor.ts'
import type { Metric } from './metrics.ts'
import { type Figures, type Metrics, RunningFigures } from './running-figures.ts'

/** Samples of inputs and what the model should make of them. */
export type Supervised = readonly [input: Tensor, target: Tensor | number]

export interface EvaluateOptions {
  /** From output and target to a scalar; reported as `loss`. */
  readonly loss?: Metric
  /** Further figures by name. Default none. */
  readonly metrics?: Metrics
  /** Samples a batch. Default 256. */
  readonly batchSize?: number
}

/** Something that can be measured on: a dataset, or batches of `[input, target]`. */
export type Evaluable = Dataset<Supervised> | AsyncIterable<readonly [input: Tensor, target: Tensor]>

/**
 * Loss and metrics over a dataset or over batches, in evaluation mode and without gradients: means over the samples, or what
 * streaming metrics make of them. The model's mode is kept.
 */
export async function evaluate(
  model: Layer,
  data: Evaluable,
  { loss, metrics = {}, batchSize = 256 }: EvaluateOptions,
): Promise<Figures> {
  const running = new RunningFigures(metrics)
  const batches = Symbol.asyncIterator in data ? data : new DataLoader(data, { batchSize })
  await inEvaluation(model, async () => {
    for await (const [input, target] of batches) {
      withGrad(false, () => {
        const output = model.forward(input)
        running.add(input.shape[0] ?? 0, output, target, loss?.(output, target))
      })
      await running.read()
      await breathe()
    }
  })
  return running.means
}

/** Outputs of a model for every sample of a dataset, in its order: [N, ...]. In evaluation mode, without gradients. */
export async function predict(
  model: Layer,
  dataset: Dataset<readonly [input: Tensor, ...rest: (Tensor | number)[]]>,
  { batchSize = 256 }: { readonly batchSize?: number } = {},
): Promise<Tensor> {
  const outputs: Tensor[] = []
  await inEvaluation(model, async () => {
    for await (const [input] of new DataLoader(dataset, { batchSize })) {
      const output = withGrad(false, () => model.forward(input))
      await output.data()
      outputs.push(output)
      await breathe()
    }
  })
  if (outputs.length === 0) throw new ValueError('predict', 'the dataset is empty')
  return concat(outputs)
}

/** Lets timers and signals have their turn: computing on the calling thread keeps them waiting. */
export function breathe(): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, 0)
  })
}

async function inEvaluation(model: Module, run: () => Promise<void>): Promise<void> {
  const modes = model.modules().map((module) => [module, module.training] as const)
  model.eval()
  try {
    await run()
  } finally {
    for (const [module, training] of modes) module.training = training
  }
}
