import type { DataLoader } from '../../data/data-loader.ts'
import type { Dataset } from '../../data/dataset.ts'
import { cachedFeatures } from '../../models/fine-tuning.ts'
import { Linear } from '../../nn/layers/linear.ts'
import type { Module } from '../../nn/module.ts'
import type { Parameter } from '../../nn/parameter.ts'
import { noGrad } from '../../tensor/grad.ts'
import type { Tensor } from '../../tensor/tensor.ts'
import type { Supervised } from '../../train/evaluate.ts'
import { UsageError } from '../failure.ts'
import { count } from '../terminal/format.ts'
import type { ParameterGroup } from '../recipes/recipe.ts'
import { namesIn, type TuningSettings } from './settings.ts'

/** The part of a pretrained network that is made for a task. */
export interface HeadOf {
  /** The last linear layer, which gives the logits. */
  readonly last: Linear
  /** Whether a parameter of that name belongs to the head. */
  readonly has: (name: string) => boolean
}

/**
 * The last linear layer and what the weights did not have; for texts also all that stands beside it at the top, which was made for the
 * same task. Networks for images have wide pretrained layers there.
 */
export function headOf(network: Module, missing: readonly string[], kind: 'image' | 'text'): HeadOf {
  const found = network.namedModules().findLast(([, module]) => module instanceof Linear)
  if (!found) throw new UsageError(`${network.constructor.name} has no linear layer to put classes on`)
  const [path, last] = found as [string, Linear]
  const head = kind === 'image' ? path : path.split('.', 1)[0]
  const open = new Set(missing)
  return { last, has: (name) => name === head || name.startsWith(`${head}.`) || open.has(name) }
}

/** Freezes what `freeze` names; `body` is everything but the head. */
export function freezeParts(network: Module, head: HeadOf, freeze: string): void {
  for (const name of namesIn(freeze)) {
    if (name !== 'body') network.freeze(name)
    else for (const [path, parameter] of network.namedParameters()) if (!head.has(path)) parameter.requireGrad(false)
  }
}

/** What is trained: the network's own weights at `lr`, those of the head and of adapters at `headLr`. */
export function groupsOf(
  network: Module,
  head: HeadOf,
  { lr, headLr }: Pick<TuningSettings, 'lr' | 'headLr'>,
  adapters: readonly Parameter[] = [],
): ParameterGroup[] {
  const body: ParameterGroup = { lr, params: [] }
  const rest: ParameterGroup = { lr: headLr, params: [...adapters] }
  for (const [name, parameter] of network.namedParameters()) {
    if (parameter.requiresGrad) (head.has(name) ? rest : body).params.push(parameter)
  }
  const used = [body, rest].filter(({ params }) => params.length > 0)
  if (used.length === 0) throw new UsageError('--freeze leaves nothing to train')
  return used
}

/** `1,026 weights of 11,177,538 are trained, from timm/resnet18.a1_in1k`. */
export function trainedLine(from: string, network: Module, groups: readonly ParameterGroup[]): string {
  const sum = (list: readonly Tensor[]): number => list.reduce((total, { size }) => total + size, 0)
  const trained = groups.reduce((total, { params }) => total + sum(params), 0)
  const all = sum(network.parameters())
  const share = trained === all ? `all ${count(all)} weights` : `${count(trained)} weights of ${count(all)}`
  return `${share} are trained, from ${from}`
}

/**
 * What comes to the last layer for every sample of a dataset, [N, inFeatures], computed when the first is asked for. `loader` walks the
 * dataset in its own order.
 */
export function featuresFor(
  network: Module & { forward(x: Tensor): Tensor },
  { last }: HeadOf,
  loader: DataLoader<Supervised>,
): Dataset<Supervised> {
  let found: Promise<Dataset<Supervised>> | undefined
  const features = (): Promise<Dataset<Supervised>> => {
    network.eval()
    found ??= cachedFeatures(loader, (x) => featuresOf(network, last, x))
    return found
  }
  return {
    length: loader.dataset.length,
    get: async (index) => (await features()).get(index),
    batch: async (indices) => (await features()).batch!(indices),
  }
}

/** What the last layer receives when the network sees `x`. */
function featuresOf(network: Module & { forward(x: Tensor): Tensor }, last: Linear, x: Tensor): Tensor {
  let seen: Tensor | undefined
  const hook = last.registerForwardPreHook((_, [input]) => {
    seen = input
    return undefined
  })
  try {
    noGrad(() => network.forward(x))
  } finally {
    hook.remove()
  }
  return seen!
}
