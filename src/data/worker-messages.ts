import type { DType, TypedArray } from '../core/dtype.ts'
import type { Shape } from '../core/shape.ts'
import type { Visit } from './dataset.ts'

/** What a worker is told when it starts. */
export interface WorkerSetup {
  readonly module: string
  readonly options: unknown
  readonly skip: boolean
}

/** A batch that a worker is to load. */
export interface Request {
  readonly ticket: number
  readonly number: number
  readonly indices: readonly number[]
  readonly visit: Visit
}

export interface PackedTensor {
  readonly values: TypedArray
  readonly shape: Shape
  readonly dtype: DType
}

export interface PackedError {
  /** The sample's place in the batch's indices; undefined when it was not a single sample's fault. */
  readonly index?: number
  readonly sample?: string
  readonly message: string
  readonly stack?: string
}

/** What came of a request. */
export type Reply =
  | {
      readonly ticket: number
      readonly parts: readonly PackedTensor[] | undefined
      readonly failed: readonly PackedError[]
    }
  | { readonly ticket: number; readonly error: PackedError }
