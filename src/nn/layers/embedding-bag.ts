import { zeros } from '../../tensor/creation.ts'
import type { Tensor } from '../../tensor/tensor.ts'
import { describe } from '../describe.ts'
import { embeddingBag, type EmbeddingBagOptions } from '../functional/embedding-bag.ts'
import { Module } from '../module.ts'
import { Parameter } from '../parameter.ts'
import { checkWhole, type ParameterizedOptions } from './arguments.ts'
import { resetRows, rowNumber } from './embedding.ts'

export interface EmbeddingBagLayerOptions
  extends Omit<EmbeddingBagOptions, 'offsets' | 'perSampleWeights'>,
    ParameterizedOptions {}

/**
 * Sums, means or maxima of rows of a learned table, without the rows in between: indices [B, L] are B bags of L rows, a
 * vector of indices is cut into bags at `offsets` [B] → [B, embeddingDim]. Rows of `paddingIdx` do not count.
 */
export class EmbeddingBag extends Module {
  readonly numEmbeddings: number
  readonly embeddingDim: number
  readonly mode: 'sum' | 'mean' | 'max'
  readonly includeLastOffset: boolean
  readonly paddingIdx: number | undefined
  readonly maxNorm: number | undefined
  readonly normType: number
  readonly scaleGradByFreq: boolean
  weight: Parameter

  constructor(
    numEmbeddings: number,
    embeddingDim: number,
    {
      mode = 'mean',
      includeLastOffset = false,
      paddingIdx,
      maxNorm,
      normType = 2,
      scaleGradByFreq = false,
      dtype = 'float32',
    }: EmbeddingBagLayerOptions = {},
  ) {
    super()
    const name = 'EmbeddingBag'
    this.numEmbeddings = checkWhole(name, 'numEmbeddings', numEmbeddings)
    this.embeddingDim = checkWhole(name, 'embeddingDim', embeddingDim)
    this.mode = mode
    this.includeLastOffset = includeLastOffset
    this.paddingIdx = paddingIdx === undefined ? undefined : rowNumber(name, paddingIdx, numEmbeddings)
    this.maxNorm = maxNorm
    this.normType = normType
    this.scaleGradByFreq = scaleGradByFreq
    this.weight = new Parameter(zeros([numEmbeddings, embeddingDim], { dtype }))
    this.resetParameters()
  }

  resetParameters(): void {
    resetRows(this.weight, this.paddingIdx)
  }

  /** `perSampleWeights`, shaped like the indices, multiply the rows in mode `'sum'`. */
  forward(index: Tensor, offsets?: Tensor, perSampleWeights?: Tensor): Tensor {
    const { mode, includeLastOffset, paddingIdx, maxNorm, normType, scaleGradByFreq } = this
    const settings = { mode, includeLastOffset, paddingIdx, maxNorm, normType, scaleGradByFreq }
    return embeddingBag(index, this.weight, { ...settings, offsets, perSampleWeights })
  }

  override extraRepr(): string {
    const { numEmbeddings, embeddingDim, mode, paddingIdx } = this
    return `${numEmbeddings}, ${embeddingDim}, ${describe({ mode, paddingIdx })}`
  }
}
