import type { DType } from '../../core/dtype.ts'
import { ValueError } from '../../core/errors.ts'

/** What layers with parameters have in common. */
export interface ParameterizedOptions {
  /** Dtype of the parameters. Default float32. */
  readonly dtype?: DType
}

/** Checks that the argument `name` of the layer `owner` is a whole number ≥ `minimum`. */
export function checkWhole(owner: string, name: string, value: number, minimum = 1): number {
  if (Number.isInteger(value) && value >= minimum) return value
  throw new ValueError(owner, `${name} must be a whole number ≥ ${minimum}, received ${String(value)}`)
}
