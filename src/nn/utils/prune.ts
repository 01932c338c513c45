import { ValueError } from '../../core/errors.ts'
import { withGrad } from '../../graph/node.ts'
import { onesLike } from '../../tensor/creation.ts'
import type { Tensor } from '../../tensor/tensor.ts'
import type { Module } from '../module.ts'
import { Buffer, Parameter } from '../parameter.ts'
import { computeProperty, ownParameter, storeProperty } from './computed-property.ts'

/*
 * A pruned weight is `weight_orig · weight_mask`, computed whenever the module reads it; both are in the state dict, under
 * PyTorch's names.
 */

interface Pruned {
  readonly original: Parameter
  readonly mask: Buffer
}

function prunedState(module: Module, name: string): Pruned | undefined {
  const own = module as unknown as Record<string, unknown>
  const [original, mask] = [own[`${name}_orig`], own[`${name}_mask`]]
  return original instanceof Parameter && mask instanceof Buffer ? { original, mask } : undefined
}

function startPruning(module: Module, name: string): Pruned {
  const original = ownParameter('prune', module, name)
  const mask = new Buffer(onesLike(original))
  computeProperty(module, name, () => original.mul(mask))
  module.registerParameter(`${name}_orig`, original)
  module.registerBuffer(`${name}_mask`, mask)
  return { original, mask }
}

/**
 * Sets the smallest of the parameter's elements, by absolute value, to zero for good. `amount` below 1 is a fraction of those
 * that are left, rounded; a whole number is a count. May be repeated. Returns the module.
 */
export function l1Unstructured<M extends Module>(module: M, name: string, amount: number): M {
  if (!(amount >= 0) || (amount > 1 && !Number.isInteger(amount))) {
    throw new ValueError('l1Unstructured', `amount is a fraction below 1 or a whole number, received ${amount}`)
  }
  const { original, mask } = prunedState(module, name) ?? startPruning(module, name)
  if (amount > original.size) {
    throw new ValueError('l1Unstructured', `cannot prune ${amount} of ${original.size} elements`)
  }
  withGrad(false, () => mask.assign(smallestRemoved(original, mask, amount)))
  return module
}

/** The mask without `amount` more elements: those of smallest absolute value among what is left. */
function smallestRemoved(original: Tensor, mask: Tensor, amount: number): Tensor {
  const left = mask.sum()
  const removed = left.neg().add(mask.size)
  const more = amount < 1 ? left.mul(amount).round() : left.mul(0).add(amount)
  const size = original.abs().maskedFill(mask.eq(0), -1)
  const rank = size.flatten().argSort(0).argSort(0).reshape(mask.shape)
  return rank.ge(removed.add(more)).to(mask.dtype)
}

/** Makes a pruned property an ordinary parameter whose pruned elements are zero. */
export function remove<M extends Module>(module: M, name: string): M {
  const state = prunedState(module, name)
  if (!state) throw new ValueError('prune.remove', `'${name}' of this ${module.constructor.name} is not pruned`)
  const { original, mask } = state
  original.assign(withGrad(false, () => original.mul(mask)))
  const own = module as unknown as Record<string, unknown>
  delete own[`${name}_orig`]
  delete own[`${name}_mask`]
  storeProperty(module, name, original)
  return module
}
