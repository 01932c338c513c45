import { ValueError } from '../../core/errors.ts'
import type { Tensor } from '../../tensor/tensor.ts'
import { describe } from '../describe.ts'
import type { KeyValueCache } from '../key-value-cache.ts'
import { checkWhole, type ParameterizedOptions } from '../layers/arguments.ts'
import { Dropout } from '../layers/dropout.ts'
import { LayerNorm, RMSNorm } from '../layers/layer-norm.ts'
import { Linear } from '../layers/linear.ts'
import type { AttentionMasks, MultiheadAttention } from '../layers/multihead-attention.ts'
import { Module } from '../module.ts'
import { snakeCase } from '../names.ts'
import { type Activation, activationOf, type FeedForwardActivation } from './feed-forward.ts'

export interface TransformerLayerOptions extends ParameterizedOptions {
  /** Columns between the two products of the feed-forward block. Default 2048. */
  readonly dimFeedforward?: number
  /** Probability of zeroing elements after attention, within and after the feed-forward block. Default 0.1. */
  readonly dropout?: number
  /** Default `'relu'`. */
  readonly activation?: FeedForwardActivation
  /** Added to the variance. Default 1e-5. */
  readonly layerNormEps?: number
  /** Tensors are [N, T, E] instead of [T, N, E]. Default false. */
  readonly batchFirst?: boolean
  /** Normalise before attention and feed-forward (Xiong et al. 2020) instead of after their sums. Default false. */
  readonly normFirst?: boolean
  /** Whether products and norms have biases. Default true. */
  readonly bias?: boolean
  /** The kind of normalisation. Default `'layer'`. */
  readonly norm?: 'layer' | 'rms'
}

/** Where a layer keeps keys and values of earlier positions. */
export interface LayerCache {
  readonly store: KeyValueCache
  readonly layer: number
}

export type Norm = LayerNorm | RMSNorm

/** What encoder and decoder layers have in common: a feed-forward block, norms, and where the norms stand. */
export abstract class TransformerLayer extends Module {
  readonly normFirst: boolean
  /** What the layer was made with, for another like it. */
  protected readonly settings: {
    readonly dModel: number
    readonly nhead: number
    readonly options: TransformerLayerOptions
  }
  readonly #activation: Activation

  constructor(dModel: number, nhead: number, options: TransformerLayerOptions) {
    super()
    const owner = new.target.name
    checkWhole(owner, 'dModel', dModel)
    checkWhole(owner, 'nhead', nhead)
    this.normFirst = options.normFirst ?? false
    this.settings = { dModel, nhead, options }
    this.#activation = activationOf(owner, options.activation ?? 'relu')
  }

  protected override stateName(property: string): string {
    return snakeCase(property)
  }

  protected makeFeedForward(): [first: Linear, dropout: Dropout, second: Linear] {
    const { dModel, options } = this.settings
    const { dimFeedforward = 2048, dropout = 0.1, bias = true, dtype = 'float32' } = options
    return [
      new Linear(dModel, this.#activation.columns * dimFeedforward, { bias, dtype }),
      new Dropout(dropout),
      new Linear(dimFeedforward, dModel, { bias, dtype }),
    ]
  }

  protected makeNorm(): Norm {
    const { dModel, options } = this.settings
    return makeNorm(dModel, options)
  }

  protected feedForward(
    x: Tensor,
    [first, dropout, second, last]: readonly [Linear, Dropout, Linear, Dropout],
  ): Tensor {
    return last.forward(second.forward(dropout.forward(this.#activation.apply(first.forward(x)))))
  }

  /** x + block(x), normalised before or after. */
  protected residual(x: Tensor, norm: Norm, block: (x: Tensor) => Tensor): Tensor {
    return this.normFirst ? x.add(block(norm.forward(x))) : norm.forward(x.add(block(x)))
  }

  override extraRepr(): string {
    const { normFirst } = this
    return describe({ normFirst })
  }
}

export function makeNorm(
  dModel: number,
  { norm = 'layer', layerNormEps: eps = 1e-5, bias = true, dtype = 'float32' }: TransformerLayerOptions,
): Norm {
  return norm === 'rms' ? new RMSNorm(dModel, { eps, dtype }) : new LayerNorm(dModel, { eps, bias, dtype })
}

/** Attention without weights, then dropout. */
export function attend(
  attention: MultiheadAttention,
  dropout: Dropout,
  query: Tensor,
  memory: Tensor,
  masks: AttentionMasks & { readonly cache?: LayerCache | undefined },
): Tensor {
  return dropout.forward(attention.forward(query, memory, memory, { ...masks, needWeights: false })[0])
}

/** A layer that can make another like itself, with the same values. */
export interface Copyable {
  copy(): this
}

/** `count` layers: copies of one that can be copied, or what a function makes for each number. */
export function layersOf<L extends Module>(owner: string, layer: L | ((index: number) => L), count: number): L[] {
  checkWhole(owner, 'numLayers', count)
  if (typeof layer === 'function') return Array.from({ length: count }, (_, i) => layer(i))
  if (!('copy' in layer)) {
    throw new ValueError(owner, `${layer.constructor.name} cannot be copied; pass a function that makes a layer`)
  }
  return Array.from({ length: count }, () => (layer as L & Copyable).copy())
}
