import { ShapeError, ValueError } from '../../core/errors.ts'
import { formatShape } from '../../core/shape.ts'
import { wrap } from '../../tensor/base.ts'
import { arange } from '../../tensor/creation.ts'
import type { Tensor } from '../../tensor/tensor.ts'
import { sliceDim } from '../../graph/ops/views.ts'
import { describe } from '../describe.ts'
import { embedding } from '../functional/embedding.ts'
import {
  type RelativeBucketOptions,
  relativePositionBuckets,
  rotaryEmbedding,
  rotaryFrequencies,
  sinusoidalPositions,
} from '../functional/positions.ts'
import { Module } from '../module.ts'
import { snakeCase } from '../names.ts'
import { Buffer } from '../parameter.ts'
import { checkWhole, type ParameterizedOptions } from './arguments.ts'
import { Dropout } from './dropout.ts'
import { Embedding } from './embedding.ts'

export interface PositionOptions {
  /** Position of each row, int32 [T] or [N, T]. Default 0 ... T − 1. */
  readonly positions?: Tensor | undefined
}

function checkLength(owner: string, x: Tensor, maxLength: number): number {
  const length = x.shape.at(-2) ?? 0
  if (x.rank >= 2 && length <= maxLength) return length
  throw new ShapeError(
    owner,
    `expects x [.., T, D] with T ≤ maxLength = ${maxLength}, received ${formatShape(x.shape)}`,
  )
}

export interface SinusoidalOptions {
  /** The longest sequence. Default 5000. */
  readonly maxLength?: number
  /** Probability of zeroing elements of the sum. Default 0. */
  readonly dropout?: number
}

/** Adds sines and cosines of the position to x [.., T, dim] (Vaswani et al. 2017). Nothing is learned, nothing is saved. */
export class SinusoidalPositions extends Module {
  readonly dim: number
  readonly maxLength: number
  readonly table: Buffer
  readonly dropout: Dropout

  constructor(dim: number, { maxLength = 5000, dropout = 0 }: SinusoidalOptions = {}) {
    super()
    this.dim = checkWhole('SinusoidalPositions', 'dim', dim)
    this.maxLength = checkWhole('SinusoidalPositions', 'maxLength', maxLength)
    this.table = new Buffer(sinusoidalPositions(maxLength, dim), { persistent: false })
    this.dropout = new Dropout(dropout)
  }

  forward(x: Tensor, { positions }: PositionOptions = {}): Tensor {
    const length = checkLength('SinusoidalPositions', x, this.maxLength)
    const rows = positions ? embedding(positions, this.table) : wrap(sliceDim(this.table.node, 0, 0, length))
    return this.dropout.forward(x.add(rows.to(x.dtype)))
  }

  override extraRepr(): string {
    return `${this.dim}, ${describe({ maxLength: this.maxLength })}`
  }
}

/** Adds a learned row for each position to x [.., T, dim]. The rows `weight` [maxLength, dim] start normal. */
export class LearnedPositions extends Embedding {
  constructor(maxLength: number, dim: number, options: ParameterizedOptions = {}) {
    super(maxLength, dim, options)
  }

  override forward(x: Tensor, { positions }: PositionOptions = {}): Tensor {
    const length = checkLength('LearnedPositions', x, this.numEmbeddings)
    return x.add(embedding(positions ?? arange(length, { dtype: 'int32' }), this.weight))
  }
}

export interface RotaryLayerOptions {
  /** The longest period is 2π · base. Default 10,000. */
  readonly base?: number
  /** Pairs are neighbours instead of halves apart. Default false. */
  readonly interleaved?: boolean
  /** Frequencies [dim / 2] in place of base^{−2i / dim}, for checkpoints that stretch them. */
  readonly frequencies?: Tensor
}

/**
 * Rotary positions for queries and keys [.., T, D] of attention heads: turns the pairs of their first `dim` ≤ D elements (Su et
 * al. 2021). Nothing is learned, nothing is saved.
 */
export class RotaryEmbedding extends Module {
  readonly dim: number
  readonly base: number
  readonly interleaved: boolean
  readonly frequencies: Buffer

  constructor(dim: number, { base = 10_000, interleaved = false, frequencies }: RotaryLayerOptions = {}) {
    super()
    this.dim = checkWhole('RotaryEmbedding', 'dim', dim)
    this.base = base
    this.interleaved = interleaved
    if (frequencies && frequencies.size !== dim / 2) {
      throw new ValueError(
        'RotaryEmbedding',
        `expects ${dim / 2} frequencies, received ${formatShape(frequencies.shape)}`,
      )
    }
    this.frequencies = new Buffer(frequencies ?? rotaryFrequencies(dim, { base }), { persistent: false })
  }

  forward(x: Tensor, { positions }: PositionOptions = {}): Tensor {
    return rotaryEmbedding(x, this.frequencies, { positions, interleaved: this.interleaved })
  }

  override extraRepr(): string {
    const { dim, base, interleaved } = this
    return `${dim}, ${describe({ base, interleaved })}`
  }
}

/**
 * A learned summand of the scores for each head and bucket of distances (Raffel et al. 2020): `forward(L, S)` → [1, heads, L, S],
 * the attention mask of every layer that shares it.
 */
export class RelativePositionBias extends Module {
  readonly heads: number
  readonly bidirectional: boolean
  readonly maxDistance: number
  readonly relativeAttentionBias: Embedding

  constructor(
    heads: number,
    {
      bidirectional = true,
      numBuckets = 32,
      maxDistance = 128,
      dtype = 'float32',
    }: RelativeBucketOptions & ParameterizedOptions = {},
  ) {
    super()
    this.heads = checkWhole('RelativePositionBias', 'heads', heads)
    this.bidirectional = bidirectional
    this.maxDistance = maxDistance
    this.relativeAttentionBias = new Embedding(numBuckets, heads, { dtype })
  }

  protected override stateName(property: string): string {
    return snakeCase(property)
  }

  forward(queries: number, keys: number): Tensor {
    const { bidirectional, maxDistance, relativeAttentionBias } = this
    const numBuckets = relativeAttentionBias.numEmbeddings
    const buckets = relativePositionBuckets(queries, keys, { bidirectional, numBuckets, maxDistance })
    return relativeAttentionBias.forward(buckets).permute(2, 0, 1).unsqueeze(0)
  }

  override extraRepr(): string {
    const { heads, bidirectional, maxDistance } = this
    return `${heads}, ${describe({ bidirectional, maxDistance })}`
  }
}
