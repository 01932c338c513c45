/** What generate.py writes: one case a line. */

export interface GoldenTensor {
  readonly shape: readonly number[]
  readonly dtype: string
  readonly data: readonly (number | string)[]
}

export interface GoldenInput extends GoldenTensor {
  /** The tensor is this permutation of the stored one: a view that is not contiguous. */
  readonly permute?: readonly number[]
  readonly grad?: boolean
}

interface Common {
  readonly inputs: readonly GoldenInput[]
  readonly outputs: readonly GoldenTensor[]
  readonly grads?: readonly (GoldenTensor | null)[]
  /** Second derivatives exist and are checked. */
  readonly smooth?: boolean
  /** False at kinks, where differences do not approach the derivative. */
  readonly gradcheck?: boolean
}

export interface FunctionCase extends Common {
  readonly fn: string
  readonly args: readonly unknown[]
}

export interface ModuleCase extends Common {
  readonly module: string
  readonly ctor: readonly unknown[]
  /** Tensors among the constructor's arguments. */
  readonly given?: readonly GoldenInput[]
  /** Arguments of `forward`, where they are not the inputs alone. */
  readonly forward?: readonly unknown[]
  readonly train: boolean
  readonly evalAfter?: boolean
  readonly state: Readonly<Record<string, GoldenTensor>>
  readonly paramGrads?: Readonly<Record<string, GoldenTensor>>
  readonly after: Readonly<Record<string, GoldenTensor>>
}

export type GoldenCase = FunctionCase | ModuleCase

/** JSON has no NaN and no infinities; they are written as words. */
export function toNumber(value: number | string): number {
  if (typeof value === 'number') return value
  return value === 'nan' ? Number.NaN : value === 'inf' ? Number.POSITIVE_INFINITY : Number.NEGATIVE_INFINITY
}
