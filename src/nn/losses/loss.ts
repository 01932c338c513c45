import { type LossOptions, checkReduction, type Reduction } from '../functional/losses/reduction.ts'
import type { Tensor } from '../../tensor/tensor.ts'
import { describe } from '../describe.ts'
import { Module } from '../module.ts'
import { snakeCase } from '../names.ts'
import { Buffer } from '../parameter.ts'

/** What all losses have in common: how the losses of the samples are joined. */
export abstract class Loss extends Module {
  readonly reduction: Reduction

  constructor({ reduction = 'mean' }: LossOptions = {}) {
    super()
    checkReduction(new.target.name, reduction)
    this.reduction = reduction
  }

  protected override stateName(property: string): string {
    return snakeCase(property)
  }

  /** All settings, tensors left out. */
  override extraRepr(): string {
    const shown = Object.entries(this).filter(([name, value]) => name !== 'training' && typeof value !== 'object')
    return describe(Object.fromEntries(shown.filter(([, value]) => typeof value !== 'function')))
  }
}

/** A fixed weight as a buffer: it is saved and converted with the module. */
export function weightBuffer(weight: Tensor | null | undefined): Buffer | undefined {
  return weight ? new Buffer(weight) : undefined
}
