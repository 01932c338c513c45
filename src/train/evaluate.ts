import { ValueError } from '../core/errors.ts'
import { DataLoader } from '../data/data-loader.ts'
import type { Dataset } from '../data/dataset.ts'
import { withGrad } from '../graph/node.ts'
import type { Layer, Module } from '../nn/module.ts'
import { concat } from '../tensor/joining.ts'
import type { Tensor } from '../tensor/tensor.ts'
import type { Metric } from './metrics.ts'
import { type Figures, RunningMean } from './running-mean.ts'

/** Samples of inputs and what the model should make of them. */
export type Supervised = readonly [input: Tensor, target: Tensor | number]

export interface EvaluateOptions {
  /** From output and target to a scalar; reported as `loss`. */
  readonly loss?: Metric
  /** Further figures by name. Default none. */
  readonly metrics?: Readonly<Record<string, Metric>>
  /** Samples a batch. Default 256. */
  readonly batchSize?: number
}

/** Means of loss and metrics over a dataset, in evaluation mode and without gradients. The model's mode is kept. */
export async function evaluate(
  model: Layer,
  dataset: Dataset<Supervised>,
  { loss, metrics = {}, batchSize = 256 }: EvaluateOptions,
): Promise<Figures> {
  const running = new RunningMean()
  await inEvaluation(model, async () => {
    for await (const [input, target] of new DataLoader(dataset, { batchSize })) {
      const figures = withGrad(false, () => {
        const output = model.forward(input)
        return figuresOf(output, target, { ...(loss && { loss }), ...metrics })
      })
      running.add(input.shape[0] ?? 0, figures)
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

/** Every metric applied to one batch. */
export function figuresOf(
  output: Tensor,
  target: Tensor,
  metrics: Readonly<Record<string, Metric>>,
): Record<string, Tensor> {
  return Object.fromEntries(Object.entries(metrics).map(([name, metric]) => [name, metric(output, target)]))
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
