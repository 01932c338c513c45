import { batchNorm, groupNorm, instanceNorm, layerNorm, rmsNorm } from '../../../nn/functional/normalization.ts'
import { onesLike } from '../../../tensor/creation.ts'
import type { Tensor } from '../../../tensor/tensor.ts'
import type { Attributes } from '../attributes.ts'
import type { Operation, Operations } from './operation.ts'

/** Channels [C] beside x [N, C, ...]. */
const perChannel = (values: Tensor, x: Tensor): Tensor => values.reshape([-1, ...x.shape.slice(2).map(() => 1)])

/** By running statistics; with those of the batch where the node was exported for training. */
const batchNormalization: Operation = ([x, weight, bias, mean, variance], attributes) => {
  const eps = attributes.number('epsilon', 1e-5)
  if (!attributes.flag('training_mode'))
    return batchNorm(x!, mean, variance, { weight: weight!.to(x!.dtype), bias: bias!.to(x!.dtype), eps })
  const dims = x!.shape.map((_, d) => d).filter((d) => d !== 1)
  const [own, spread] = [x!.mean(dims), x!.var(dims, { correction: 0 })]
  const y = batchNorm(x!, own, spread, { weight: weight!, bias: bias!, eps })
  const momentum = attributes.number('momentum', 0.9)
  const running = (before: Tensor, now: Tensor): Tensor => before.mul(momentum).add(now.mul(1 - momentum))
  return [y, running(mean!, own), running(variance!, spread)]
}

/** The dimensions from `axis` on, which share their statistics. */
function trailing(x: Tensor, attributes: Attributes): { shape: readonly number[]; dims: number[] } {
  const axis = attributes.number('axis', -1)
  const start = axis < 0 ? axis + x.rank : axis
  return { shape: x.shape.slice(start), dims: x.shape.map((_, d) => d).slice(start) }
}

const layerNormalization: Operation = ([x, weight, bias], attributes) => {
  const { shape, dims } = trailing(x!, attributes)
  const eps = attributes.number('epsilon', 1e-5)
  const affine = (values: Tensor | undefined): Tensor | undefined => values?.expand(shape)
  const y = layerNorm(x!, shape, { weight: affine(weight), bias: affine(bias), eps })
  if (attributes.outputs === 1) return y
  const mean = x!.mean(dims, { keepdim: true })
  return [y, mean, x!.var(dims, { correction: 0, keepdim: true }).add(eps).rsqrt()]
}

const rootMeanSquare: Operation = ([x, weight], attributes) => {
  const { shape } = trailing(x!, attributes)
  return rmsNorm(x!, shape, { weight: weight?.expand(shape), eps: attributes.number('epsilon', 1e-5) })
}

/** Since version 21 weights are given for each channel, before for each group. */
const groupNormalization: Operation = ([x, weight, bias], attributes) => {
  const groups = attributes.number('num_groups')
  const y = groupNorm(x!, groups, { eps: attributes.number('epsilon', 1e-5) })
  const each = (values: Tensor): Tensor =>
    perChannel(values.size === x!.shape[1] ? values : values.repeatInterleave(x!.shape[1]! / groups), x!)
  return y.mul(each(weight!)).add(each(bias!))
}

/** The mean over a window of channels; one place more after than before where its size is even. */
const localResponse: Operation = ([x], attributes) => {
  const size = attributes.number('size')
  const [alpha, beta, bias] = [
    attributes.number('alpha', 1e-4),
    attributes.number('beta', 0.75),
    attributes.number('bias', 1),
  ]
  const before = Math.floor((size - 1) / 2)
  const squares = x!.square().pad([...x!.shape.slice(2).flatMap(() => [0, 0]), before, size - 1 - before])
  const sums = squares.unfold(1, size, 1).sum(-1)
  return x!.div(
    sums
      .mul(alpha / size)
      .add(bias)
      .pow(beta),
  )
}

const byNorm: Operation = ([x], attributes) => {
  const axis = attributes.number('axis', -1)
  const norm = x!.norm(attributes.number('p', 2), axis < 0 ? axis + x!.rank : axis, { keepdim: true })
  // 0 / 0 is taken as 0.
  return x!.div(norm.maximum(Number.MIN_VALUE)).maskedFill(norm.eq(0), 0)
}

const meanVariance: Operation = ([x], attributes) => {
  const dims = attributes.numbers('axes') ?? [0, 2, 3]
  const centred = x!.sub(x!.mean(dims, { keepdim: true }))
  return centred.div(x!.var(dims, { correction: 0, keepdim: true }).sqrt().add(1e-9))
}

/** Does nothing, as in evaluation; the mask says that everything is kept. */
const dropout: Operation = ([x, ratio, training], attributes) => {
  const trains = training !== undefined && training.itemSync() !== 0
  if (trains && (ratio ? ratio.itemSync() : 0.5) !== 0) throw attributes.fail('training mode is not supported')
  return [x!, onesLike(x!, { dtype: 'bool' })]
}

/** Normalisation by statistics, and dropout. */
export const normalization: Operations = {
  BatchNormalization: batchNormalization,
  Dropout: dropout,
  GroupNormalization: groupNormalization,
  InstanceNormalization: ([x, weight, bias], attributes) =>
    instanceNorm(x!, { weight: weight!, bias: bias!, eps: attributes.number('epsilon', 1e-5) }),
  LRN: localResponse,
  LayerNormalization: layerNormalization,
  LpNormalization: byNorm,
  MeanVarianceNormalization: meanVariance,
  RMSNormalization: rootMeanSquare,
}
