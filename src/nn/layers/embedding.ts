import { ShapeError, ValueError } from '../../core/errors.ts'
import { formatShape } from '../../core/shape.ts'
import { tensor, zeros } from '../../tensor/creation.ts'
import { randn } from '../../tensor/random.ts'
import type { Tensor } from '../../tensor/tensor.ts'
import { describe } from '../describe.ts'
import { embedding, type EmbeddingOptions } from '../functional/embedding.ts'
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
    this.paddingIdx = paddingIdx === undefined ? undefined : rowNumber(paddingIdx, numEmbeddings)
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
    const { weight, paddingIdx, numEmbeddings } = this
    const rows = randn(weight.shape, { dtype: weight.dtype })
    if (paddingIdx === undefined) {
      weight.assign(rows)
      return
    }
    const kept = Float64Array.from({ length: numEmbeddings }, (_, i) => (i === paddingIdx ? 0 : 1))
    weight.assign(rows.mul(tensor(kept, { shape: [numEmbeddings, 1], dtype: weight.dtype })))
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

function rowNumber(paddingIdx: number, rows: number): number {
  if (Number.isInteger(paddingIdx) && paddingIdx >= -rows && paddingIdx < rows) {
    return paddingIdx < 0 ? paddingIdx + rows : paddingIdx
  }
  throw new ValueError('Embedding', `paddingIdx must be from ${-rows} to ${rows - 1}, received ${paddingIdx}`)
}
