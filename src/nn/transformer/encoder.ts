import type { Tensor } from '../../tensor/tensor.ts'
import { Dropout } from '../layers/dropout.ts'
import type { Linear } from '../layers/linear.ts'
import { MultiheadAttention } from '../layers/multihead-attention.ts'
import { type Forward, type Layer, Module } from '../module.ts'
import {
  attend,
  type Copyable,
  type LayerCache,
  layersOf,
  type Norm,
  TransformerLayer,
  type TransformerLayerOptions,
} from './layer.ts'

export interface EncoderLayerMasks {
  /** [T, T] or [N · nhead, T, T]: bool (true: hidden) or floating (added to the scores). */
  readonly srcMask?: Tensor | null | undefined
  /** [N, T]: bool (true: a position to ignore) or floating. */
  readonly srcKeyPaddingMask?: Tensor | null | undefined
  /** Position t sees positions 0 ... t only; not looked at where there is a `srcMask`. Default false. */
  readonly isCausal?: boolean
  /** Where keys and values of earlier positions are kept: for generation, one position at a time. */
  readonly cache?: LayerCache | undefined
}

/**
 * Self-attention and a feed-forward block, each around a residual (Vaswani et al. 2017): src [T, N, dModel], [N, T, dModel]
 * with `batchFirst` or [T, dModel] → the same shape. With a causal mask it is the layer of a language model, too.
 */
export class TransformerEncoderLayer extends TransformerLayer implements Copyable {
  readonly selfAttn: MultiheadAttention
  readonly linear1: Linear
  readonly dropout: Dropout
  readonly linear2: Linear
  readonly norm1: Norm
  readonly norm2: Norm
  readonly dropout1: Dropout
  readonly dropout2: Dropout

  constructor(dModel: number, nhead: number, options: TransformerLayerOptions = {}) {
    super(dModel, nhead, options)
    const { dropout = 0.1, bias = true, batchFirst = false, dtype = 'float32' } = options
    this.selfAttn = new MultiheadAttention(dModel, nhead, { dropout, bias, batchFirst, dtype })
    ;[this.linear1, this.dropout, this.linear2] = this.makeFeedForward()
    this.norm1 = this.makeNorm()
    this.norm2 = this.makeNorm()
    this.dropout1 = new Dropout(dropout)
    this.dropout2 = new Dropout(dropout)
  }

  copy(): this {
    const { dModel, nhead, options } = this.settings
    const twin = new (this.constructor as typeof TransformerEncoderLayer)(dModel, nhead, options)
    twin.loadStateDict(this.stateDict())
    return twin.train(this.training) as this
  }

  forward(src: Tensor, { srcMask, srcKeyPaddingMask, isCausal = false, cache }: EncoderLayerMasks = {}): Tensor {
    const { selfAttn, dropout1, linear1, dropout, linear2, dropout2 } = this
    const masks = { attnMask: srcMask, keyPaddingMask: srcKeyPaddingMask, isCausal, cache }
    const attended = this.residual(src, this.norm1, (x) => attend(selfAttn, dropout1, x, x, masks))
    return this.residual(attended, this.norm2, (x) => this.feedForward(x, [linear1, dropout, linear2, dropout2]))
  }
}

export interface EncoderMasks extends Omit<EncoderLayerMasks, 'srcMask' | 'cache'> {
  /** As `srcMask` of the layers. */
  readonly mask?: Tensor | null | undefined
  readonly cache?: LayerCache['store'] | undefined
}

/** A layer that a {@link TransformerEncoder} stacks. */
export type EncoderLayer = Forward<[src: Tensor, masks?: EncoderLayerMasks], Tensor>

export interface StackOptions {
  /** Normalises the result. */
  readonly norm?: Layer | undefined
}

/**
 * `numLayers` encoder layers: copies of `layer`, equal at first as in PyTorch, or what a function makes for each (then they
 * start differently, which trains better).
 */
export class TransformerEncoder extends Module {
  readonly layers: EncoderLayer[]
  readonly norm: Layer | undefined

  constructor(layer: EncoderLayer | ((index: number) => EncoderLayer), numLayers: number, { norm }: StackOptions = {}) {
    super()
    this.layers = layersOf('TransformerEncoder', layer, numLayers)
    this.norm = norm
  }

  forward(src: Tensor, { mask, srcKeyPaddingMask, isCausal = false, cache }: EncoderMasks = {}): Tensor {
    let x = src
    for (const [i, layer] of this.layers.entries()) {
      const own = cache && { store: cache, layer: i }
      x = layer.forward(x, { srcMask: mask, srcKeyPaddingMask, isCausal, cache: own })
    }
    return this.norm ? this.norm.forward(x) : x
  }
}
