import { ValueError } from '../core/errors.ts'
import { DataLoader } from '../data/data-loader.ts'
import type { Dataset } from '../data/dataset.ts'
import { TensorDataset } from '../data/tensor-dataset.ts'
import { BatchNorm1d, BatchNorm2d, BatchNorm3d } from '../nn/layers/batch-norm.ts'
import { Linear } from '../nn/layers/linear.ts'
import type { Module } from '../nn/module.ts'
import type { Parameter } from '../nn/parameter.ts'
import { noGrad } from '../tensor/grad.ts'
import { concat } from '../tensor/joining.ts'
import type { Tensor } from '../tensor/tensor.ts'

/** What one does to a pretrained model before it is trained on. */

/**
 * Gives the last linear layer of the model `outputs` outputs, with new weights, and returns it. Throws a `ValueError` when the
 * model has no linear layer.
 */
export function replaceHead(model: Module, outputs: number): Linear {
  const last = model.modules().findLast((module) => module instanceof Linear)
  if (!last) throw new ValueError('replaceHead', `${model.constructor.name} has no linear layer`)
  // In place, so that it does not matter which container holds the layer.
  const { inFeatures, bias, training } = last
  return Object.assign(last, new Linear(inFeatures, outputs, { bias: bias !== undefined }), { training })
}

export interface LayerwiseOptions {
  /** Learning rate of the last group. */
  readonly lr: number
  /** Each group before has the rate of the next one times this. Default 0.9. */
  readonly decay?: number
}

/** Parameters with a learning rate of their own, as optimizers take them. */
export interface LayerGroup {
  readonly params: Parameter[]
  readonly lr: number
}

/**
 * Discriminative learning rates (Howard and Ruder 2018): what stands earlier in the model knows more general things and learns more
 * slowly. `stages` are paths (`layer1`, `layer2` ...) from the input to the output; what is in none of them learns as the first
 * one where it is defined before it, else as the last. Frozen parameters are left out.
 *
 * ```ts
 * const groups = layerwiseGroups(model, ['layer1', 'layer2', 'layer3', 'layer4', 'fc'], { lr: 1e-3 })
 * const optimizer = new optim.AdamW(groups)
 * ```
 */
export function layerwiseGroups(
  model: Module,
  stages: readonly string[],
  { lr, decay = 0.9 }: LayerwiseOptions,
): LayerGroup[] {
  const groups = stages.map((): Parameter[] => [])
  const used = new Set<number>()
  let current = 0
  for (const [name, parameter] of model.namedParameters()) {
    const stage = stages.findIndex((path) => name === path || name.startsWith(`${path}.`))
    if (stage >= 0) {
      current = stage
      used.add(stage)
    }
    if (parameter.requiresGrad) groups[stage >= 0 ? stage : current]?.push(parameter)
  }
  const idle = stages.findIndex((_, i) => !used.has(i))
  if (idle >= 0) throw new ValueError('layerwiseGroups', `no parameter is below '${stages[idle]}'`)
  return groups
    .map((params, i) => ({ params, lr: lr * decay ** (stages.length - 1 - i) }))
    .filter(({ params }) => params.length > 0)
}

/**
 * Gradual unfreezing (Howard and Ruder 2018): all is frozen but the last stage; each call of the function that is returned frees the stage
 * before, until it returns false because all are free. Parameters in no stage are freed with the first one.
 */
export function gradualUnfreezing(model: Module, stages: readonly string[]): () => boolean {
  model.freeze()
  let next = stages.length - 1
  const free = (): boolean => {
    if (next < 0) return false
    model.unfreeze(stages[next])
    if (next === 0) model.unfreeze()
    next--
    return true
  }
  free()
  return free
}

/**
 * Keeps batch normalisation at its running statistics, even in training: with small batches those of the pretraining are
 * better. Returns a function that undoes it.
 */
export function freezeBatchNorm(model: Module): () => void {
  const layers = model
    .modules()
    .filter((module) => module instanceof BatchNorm1d || module instanceof BatchNorm2d || module instanceof BatchNorm3d)
  for (const layer of layers) {
    layer.training = false
    // `train()` sets the property of every module: it is to have no effect here.
    Object.defineProperty(layer, 'training', { get: () => false, set: () => {}, configurable: true, enumerable: true })
  }
  return () => {
    for (const layer of layers) {
      Object.defineProperty(layer, 'training', {
        value: model.training,
        writable: true,
        configurable: true,
        enumerable: true,
      })
    }
  }
}

/** Inputs and labels. */
type Labelled = readonly [input: Tensor, label: Tensor | number]

/**
 * What a frozen network makes of the inputs of a dataset, or of batches, computed once: a linear probe on them trains in seconds. `features` is the
 * network without its head, in evaluation mode, from inputs [N, ...] to rows [N, F].
 *
 * ```ts
 * const train = await cachedFeatures(images, (x) => model.forwardFeatures(x).mean([2, 3]))
 * await fit(new nn.Linear(512, 2), { train, ... })
 * ```
 */
export async function cachedFeatures(
  data: Dataset<Labelled> | AsyncIterable<readonly [input: Tensor, label: Tensor]>,
  features: (x: Tensor) => Tensor,
  { batchSize = 64 }: { readonly batchSize?: number } = {},
): Promise<TensorDataset<readonly [Tensor, Tensor]>> {
  const rows: Tensor[] = []
  const labels: Tensor[] = []
  for await (const [x, y] of Symbol.asyncIterator in data ? data : new DataLoader(data, { batchSize })) {
    const row = noGrad(() => features(x))
    await row.data()
    rows.push(row)
    labels.push(y)
  }
  return new TensorDataset(concat(rows), concat(labels))
}
