import { ShapeError } from '../../core/errors.ts'
import { formatShape } from '../../core/shape.ts'
import { full } from '../../tensor/creation.ts'
import type { Tensor } from '../../tensor/tensor.ts'
import { describe } from '../describe.ts'
import { xavierUniform } from '../init.ts'
import { type Forward, Module } from '../module.ts'
import { type DecoderMasks, TransformerDecoder, TransformerDecoderLayer } from './decoder.ts'
import { type EncoderMasks, TransformerEncoder, TransformerEncoderLayer } from './encoder.ts'
import { makeNorm, type TransformerLayerOptions } from './layer.ts'

export interface TransformerOptions extends TransformerLayerOptions {
  /** Size of each position's row. Default 512. */
  readonly dModel?: number
  /** Heads of each attention. Default 8. */
  readonly nhead?: number
  /** Default 6. */
  readonly numEncoderLayers?: number
  /** Default 6. */
  readonly numDecoderLayers?: number
  /** In place of the encoder that the other options describe. */
  readonly customEncoder?: Forward<[src: Tensor, masks?: EncoderMasks], Tensor>
  /** In place of the decoder that the other options describe. */
  readonly customDecoder?: Forward<[tgt: Tensor, memory: Tensor, masks?: DecoderMasks], Tensor>
}

export interface TransformerMasks extends Omit<DecoderMasks, 'cache'> {
  /** [S, S] or [N · nhead, S, S]: bool (true: hidden) or floating (added to the scores). */
  readonly srcMask?: Tensor | null | undefined
  /** [N, S]: bool (true: a position to ignore) or floating. */
  readonly srcKeyPaddingMask?: Tensor | null | undefined
  /** Position s sees positions 0 ... s of the source only; not looked at where there is a `srcMask`. Default false. */
  readonly srcIsCausal?: boolean
}

/**
 * Encoder and decoder (Vaswani et al. 2017): src [S, N, dModel] and tgt [T, N, dModel] (N first with `batchFirst`, or left out)
 * → [T, N, dModel]. Both stacks end with a normalisation; matrices start Xavier-uniform.
 */
export class Transformer extends Module {
  readonly dModel: number
  readonly nhead: number
  readonly batchFirst: boolean
  readonly encoder: Forward<[src: Tensor, masks?: EncoderMasks], Tensor>
  readonly decoder: Forward<[tgt: Tensor, memory: Tensor, masks?: DecoderMasks], Tensor>

  constructor({
    dModel = 512,
    nhead = 8,
    numEncoderLayers = 6,
    numDecoderLayers = 6,
    customEncoder,
    customDecoder,
    ...options
  }: TransformerOptions = {}) {
    super()
    this.dModel = dModel
    this.nhead = nhead
    this.batchFirst = options.batchFirst ?? false
    this.encoder =
      customEncoder ??
      new TransformerEncoder(() => new TransformerEncoderLayer(dModel, nhead, options), numEncoderLayers, {
        norm: makeNorm(dModel, options),
      })
    this.decoder =
      customDecoder ??
      new TransformerDecoder(() => new TransformerDecoderLayer(dModel, nhead, options), numDecoderLayers, {
        norm: makeNorm(dModel, options),
      })
    this.resetParameters()
  }

  resetParameters(): void {
    for (const parameter of this.parameters()) if (parameter.rank > 1) xavierUniform(parameter)
  }

  forward(
    src: Tensor,
    tgt: Tensor,
    { srcMask, srcKeyPaddingMask, srcIsCausal = false, ...masks }: TransformerMasks = {},
  ): Tensor {
    const { batchFirst, dModel } = this
    const n = batchFirst ? 0 : 1
    const fits =
      src.rank === tgt.rank &&
      (src.rank === 2 || (src.rank === 3 && src.shape[n] === tgt.shape[n])) &&
      src.shape.at(-1) === dModel &&
      tgt.shape.at(-1) === dModel
    if (!fits) {
      const layout = batchFirst ? ['N, S', 'N, T'] : ['S, N', 'T, N']
      throw new ShapeError(
        'Transformer',
        `expects src [${layout[0]}, ${dModel}] and tgt [${layout[1]}, ${dModel}], received ${formatShape(src.shape)} and ${formatShape(tgt.shape)}`,
      )
    }
    const memory = this.encoder.forward(src, { mask: srcMask, srcKeyPaddingMask, isCausal: srcIsCausal })
    return this.decoder.forward(tgt, memory, masks)
  }

  /** The mask [size, size] that hides the future: 0 on and below the diagonal, −∞ above. */
  static generateSquareSubsequentMask(size: number): Tensor {
    return full([size, size], Number.NEGATIVE_INFINITY).triu(1)
  }

  override extraRepr(): string {
    const { dModel, nhead, batchFirst } = this
    return describe({ dModel, nhead, batchFirst })
  }
}
