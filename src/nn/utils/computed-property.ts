import { ValueError } from '../../core/errors.ts'
import type { Tensor } from '../../tensor/tensor.ts'
import type { Module } from '../module.ts'
import { Parameter } from '../parameter.ts'

/** The parameter in the property `name`, which `op` is about to replace. */
export function ownParameter(op: string, module: Module, name: string): Parameter {
  const value = Object.getOwnPropertyDescriptor(module, name)?.value as unknown
  if (value instanceof Parameter) return value
  const names = module.namedParameters({ recurse: false }).map(([own]) => own)
  throw new ValueError(
    op,
    `'${name}' is no parameter of this ${module.constructor.name}; it has ${names.join(', ') || 'none'}`,
  )
}

/** Makes the property `name` a value that is computed whenever the module reads it, and no longer a parameter. */
export function computeProperty(module: Module, name: string, compute: () => Tensor): void {
  Object.defineProperty(module, name, { get: compute, configurable: true, enumerable: false })
}

/** Makes the property `name` a parameter again. */
export function storeProperty(module: Module, name: string, parameter: Parameter): void {
  Object.defineProperty(module, name, { value: parameter, configurable: true, enumerable: true, writable: true })
}
