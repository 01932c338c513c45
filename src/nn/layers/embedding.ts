import { ShapeError, ValueError } from '../../core/errors.ts'
import { formatShape } from '../../core/shape.ts'
import { tensor, zeros } from '../../tensor/creation.ts'
import type { Tensor } from '../../tensor/tensor.ts'
import { describe } from '../describe.ts'
import { embedding, type EmbeddingOptions } from '../functional/embedding.ts'
import { normal } from '../init.ts'
import { Module } from '../module.ts'
import { Parameter } from '../parameter.ts'
import { checkWhole, type ParameterizedOptions } from './arguments.ts'

export interface EmbeddingLayerOptions extends EmbeddingOptions, ParameterizedOptions {}

export interface PretrainedOptions extends EmbeddingOptions {
  /** Whether the rows stay as they are. Default true. */
  readonly freeze?: boolean
}

/**
 * A table of `numEmbeddings` learned rows: indices [..] (int32) → [.., embeddingDim]. The rows start normal with variance 1,
 * that of `paddingIdx` as zeros, which it stays. An index out of range gives an {@link IndexError}.
 */
export class Embedding extends Module {
  readonly numEmbeddings: number
  readonly embeddingDim: number
  readonly paddingIdx: number | undefined
  readonly maxNorm: number | undefined
  readonly normType: number
  readonly scaleGradByFreq: boolean
  weight: Parameter

  constructor(
    numEmbeddings: number,
    embeddingDim: number,
    { paddingIdx, maxNorm, normType = 2, scaleGradByFreq = false, dtype = 'float32' }: EmbeddingLayerOptions = {},
  ) {
    super()
    this.numEmbeddings = checkWhole('Embedding', 'numEmbeddings', numEmbeddings)
    this.embeddingDim = checkWhole('Embedding', 'embeddingDim', embeddingDim)
    this.paddingIdx = paddingIdx === undefined ? undefined : rowNumber('Embedding', paddingIdx, numEmbeddings)
    this.maxNorm = maxNorm
    this.normType = normType
    this.scaleGradByFreq = scaleGradByFreq
    this.weight = new Parameter(zeros([numEmbeddings, embeddingDim], { dtype }))
    this.resetParameters()
  }

  /** A table with the rows of `weight` [V, D], which are not trained unless `freeze` is false. */
  static fromPretrained(weight: Tensor, { freeze = true, ...options }: PretrainedOptions = {}): Embedding {
    if (weight.rank !== 2) {
      throw new ShapeError('Embedding', `expects rows [V, D], received ${formatShape(weight.shape)}`)
    }
    const [rows, columns] = weight.shape as readonly [number, number]
    const table = new Embedding(rows, columns, { ...options, dtype: weight.dtype })
    table.weight.assign(weight)
    table.weight.requireGrad(!freeze)
    return table
  }

  resetParameters(): void {
    resetRows(this.weight, this.paddingIdx)
  }

  forward(index: Tensor): Tensor {
    return embedding(index, this.weight, this)
  }

  override extraRepr(): string {
    const { numEmbeddings, embeddingDim, paddingIdx, maxNorm } = this
    const settings = describe({ paddingIdx, maxNorm })
    return `${numEmbeddings}, ${embeddingDim}${settings ? `, ${settings}` : ''}`
  }
}

/** Normal rows, that of `paddingIdx` zero. */
export function resetRows(weight: Parameter, paddingIdx: number | undefined): void {
  normal(weight)
  if (paddingIdx === undefined) return
  const unused = Uint8Array.from({ length: weight.shape[0]! }, (_, i) => (i === paddingIdx ? 1 : 0))
  weight.assign(weight.maskedFill(tensor(unused, { shape: [unused.length, 1], dtype: 'bool' }), 0))
}

/** The row that `paddingIdx` names, counted from the end where negative. */
export function rowNumber(owner: string, paddingIdx: number, rows: number): number {
  if (Number.isInteger(paddingIdx) && paddingIdx >= -rows && paddingIdx < rows) {
    return paddingIdx < 0 ? paddingIdx + rows : paddingIdx
  }
  throw new ValueError(owner, `paddingIdx must be from ${-rows} to ${rows - 1}, received ${paddingIdx}`)
}
