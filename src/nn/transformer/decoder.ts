import type { Tensor } from '../../tensor/tensor.ts'
import { Dropout } from '../layers/dropout.ts'
import type { Linear } from '../layers/linear.ts'
import { MultiheadAttention } from '../layers/multihead-attention.ts'
import { type Forward, type Layer, Module } from '../module.ts'
import type { StackOptions } from './encoder.ts'
import {
  attend,
  type Copyable,
  type LayerCache,
  layersOf,
  type Norm,
  TransformerLayer,
  type TransformerLayerOptions,
} from './layer.ts'

export interface DecoderLayerMasks {
  /** [T, T] or [N · nhead, T, T]: bool (true: hidden) or floating (added to the scores). */
  readonly tgtMask?: Tensor | null | undefined
  /** [T, S] or [N · nhead, T, S]. */
  readonly memoryMask?: Tensor | null | undefined
  /** [N, T]: bool (true: a position to ignore) or floating. */
  readonly tgtKeyPaddingMask?: Tensor | null | undefined
  /** [N, S]. */
  readonly memoryKeyPaddingMask?: Tensor | null | undefined
  /** Position t sees positions 0 ... t of the target only; not looked at where there is a `tgtMask`. Default false. */
  readonly tgtIsCausal?: boolean
  /** The same for the memory. Default false. */
  readonly memoryIsCausal?: boolean
  /** Where keys and values of earlier target positions are kept: for generation, one position at a time. */
  readonly cache?: LayerCache | undefined
}

/**
 * Self-attention over the target, attention over the encoder's memory and a feed-forward block, each around a residual
 * (Vaswani et al. 2017): tgt [T, N, dModel] and memory [S, N, dModel] (N first with `batchFirst`) → the shape of tgt.
 */
export class TransformerDecoderLayer extends TransformerLayer implements Copyable {
  readonly selfAttn: MultiheadAttention
  readonly multiheadAttn: MultiheadAttention
  readonly linear1: Linear
  readonly dropout: Dropout
  readonly linear2: Linear
  readonly norm1: Norm
  readonly norm2: Norm
  readonly norm3: Norm
  readonly dropout1: Dropout
  readonly dropout2: Dropout
  readonly dropout3: Dropout

  constructor(dModel: number, nhead: number, options: TransformerLayerOptions = {}) {
    super(dModel, nhead, options)
    const { dropout = 0.1, bias = true, batchFirst = false, dtype = 'float32' } = options
    this.selfAttn = new MultiheadAttention(dModel, nhead, { dropout, bias, batchFirst, dtype })
    this.multiheadAttn = new MultiheadAttention(dModel, nhead, { dropout, bias, batchFirst, dtype })
    ;[this.linear1, this.dropout, this.linear2] = this.makeFeedForward()
    this.norm1 = this.makeNorm()
    this.norm2 = this.makeNorm()
    this.norm3 = this.makeNorm()
    this.dropout1 = new Dropout(dropout)
    this.dropout2 = new Dropout(dropout)
    this.dropout3 = new Dropout(dropout)
  }

  copy(): this {
    const { dModel, nhead, options } = this.settings
    const twin = new (this.constructor as typeof TransformerDecoderLayer)(dModel, nhead, options)
    twin.loadStateDict(this.stateDict())
    return twin.train(this.training) as this
  }

  forward(
    tgt: Tensor,
    memory: Tensor,
    {
      tgtMask,
      memoryMask,
      tgtKeyPaddingMask,
      memoryKeyPaddingMask,
      tgtIsCausal = false,
      memoryIsCausal = false,
      cache,
    }: DecoderLayerMasks = {},
  ): Tensor {
    const { selfAttn, multiheadAttn, linear1, dropout, linear2, dropout1, dropout2, dropout3 } = this
    const own = { attnMask: tgtMask, keyPaddingMask: tgtKeyPaddingMask, isCausal: tgtIsCausal, cache }
    const across = { attnMask: memoryMask, keyPaddingMask: memoryKeyPaddingMask, isCausal: memoryIsCausal }
    const first = this.residual(tgt, this.norm1, (x) => attend(selfAttn, dropout1, x, x, own))
    const second = this.residual(first, this.norm2, (x) => attend(multiheadAttn, dropout2, x, memory, across))
    return this.residual(second, this.norm3, (x) => this.feedForward(x, [linear1, dropout, linear2, dropout3]))
  }
}

export interface DecoderMasks extends Omit<DecoderLayerMasks, 'cache'> {
  readonly cache?: LayerCache['store'] | undefined
}

/** A layer that a {@link TransformerDecoder} stacks. */
export type DecoderLayer = Forward<[tgt: Tensor, memory: Tensor, masks?: DecoderLayerMasks], Tensor>

/** `numLayers` decoder layers: copies of `layer`, equal at first as in PyTorch, or what a function makes for each. */
export class TransformerDecoder extends Module {
  readonly layers: DecoderLayer[]
  readonly norm: Layer | undefined

  constructor(layer: DecoderLayer | ((index: number) => DecoderLayer), numLayers: number, { norm }: StackOptions = {}) {
    super()
    this.layers = layersOf('TransformerDecoder', layer, numLayers)
    this.norm = norm
  }

  forward(tgt: Tensor, memory: Tensor, { cache, ...masks }: DecoderMasks = {}): Tensor {
    let x = tgt
    for (const [i, layer] of this.layers.entries()) {
      x = layer.forward(x, memory, { ...masks, cache: cache && { store: cache, layer: i } })
    }
    return this.norm ? this.norm.forward(x) : x
  }
}
