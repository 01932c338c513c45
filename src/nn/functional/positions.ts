import { ShapeError, ValueError } from '../../core/errors.ts'
import { formatShape } from '../../core/shape.ts'
import { mul, sub } from '../../graph/ops/arithmetic.ts'
import { iota } from '../../graph/ops/leaves.ts'
import { cast } from '../../graph/ops/logic.ts'
import * as ops from '../../graph/ops/rotary.ts'
import { reshape } from '../../graph/ops/views.ts'
import { wrap } from '../../tensor/base.ts'
import { arange, tensor } from '../../tensor/creation.ts'
import type { Tensor } from '../../tensor/tensor.ts'

/* Where in a sequence something stands, in the forms in which attention is told. */

function checkCount(op: string, name: string, value: number): void {
  if (!Number.isInteger(value) || value < 1) {
    throw new ValueError(op, `${name} must be a whole number ≥ 1, received ${String(value)}`)
  }
}

/**
 * The table [length, dim] of Vaswani et al. 2017: element 2i of row t is sin(t / base^{2i / dim}), element 2i + 1 its cosine.
 */
export function sinusoidalPositions(
  length: number,
  dim: number,
  { base = 10_000 }: { readonly base?: number } = {},
): Tensor {
  checkCount('sinusoidalPositions', 'dim', dim)
  const values = new Float64Array(length * dim)
  for (let t = 0; t < length; t++) {
    for (let i = 0; i < dim; i++) {
      const angle = t / base ** ((i - (i % 2)) / dim)
      values[t * dim + i] = i % 2 === 0 ? Math.sin(angle) : Math.cos(angle)
    }
  }
  return tensor(values, { shape: [length, dim], dtype: 'float32' })
}

/** The frequencies [dim / 2] of rotary positions: base^{−2i / dim}. `dim` is even. */
export function rotaryFrequencies(dim: number, { base = 10_000 }: { readonly base?: number } = {}): Tensor {
  checkCount('rotaryFrequencies', 'dim', dim)
  if (dim % 2 !== 0) throw new ValueError('rotaryFrequencies', `dim must be even, received ${dim}`)
  return tensor(
    Float64Array.from({ length: dim / 2 }, (_, i) => base ** ((-2 * i) / dim)),
    { dtype: 'float32' },
  )
}

export interface RotaryOptions {
  /** Position of each row, int32 [T] or whatever broadcasts to [.., T]. Default 0 ... T − 1. */
  readonly positions?: Tensor | undefined
  /** Pairs are neighbours (2i, 2i + 1), as in the paper, instead of (i, i + R / 2), as in most checkpoints. Default false. */
  readonly interleaved?: boolean
}

/**
 * Turns the pairs of the first R elements of each row of x [.., T, D] by position · frequency (Su et al., "RoFormer", 2021);
 * frequencies [R / 2], see {@link rotaryFrequencies}. The product of a query and a key then depends on their distance.
 */
export function rotaryEmbedding(
  x: Tensor,
  frequencies: Tensor,
  { positions, interleaved = false }: RotaryOptions = {},
): Tensor {
  if (x.rank < 2) throw new ShapeError('rotaryEmbedding', `expects x [.., T, D], received ${formatShape(x.shape)}`)
  const at = positions ?? arange(x.shape.at(-2)!, { dtype: 'int32' })
  return wrap(ops.rotary(x.node, at.node, frequencies.node, { interleaved, inverse: false }))
}

/**
 * How much each of `heads` heads minds distance (Press et al., "Train short, test long", 2022): 2^{−8 (h + 1) / heads} for a
 * power of two, else those of the power of two below, and every other one of that above.
 */
export function alibiSlopes(heads: number): Float64Array {
  checkCount('alibiSlopes', 'heads', heads)
  const below = 2 ** Math.floor(Math.log2(heads))
  const slope = (h: number, n: number): number => 2 ** ((-8 * (h + 1)) / n)
  return Float64Array.from({ length: heads }, (_, h) =>
    h < below ? slope(h, below) : slope(2 * (h - below), 2 * below),
  )
}

/**
 * What ALiBi adds to the scores, [heads, queries, keys]: slope · (j − i) for key j and query i, query 0 standing at `offset`.
 * For the future it is positive, which a causal mask hides.
 */
export function alibiBias(
  heads: number,
  queries: number,
  keys: number,
  { offset = 0 }: { readonly offset?: number } = {},
): Tensor {
  const slopes = tensor(alibiSlopes(heads), { shape: [heads, 1, 1], dtype: 'float32' })
  const rows = arange(offset, offset + queries, { dtype: 'int32' })
  const distance = sub(reshape(iota(keys), [1, keys]), reshape(rows.node, [queries, 1]))
  return wrap(mul(slopes.node, cast(distance, 'float32')))
}

export interface RelativeBucketOptions {
  /** Half of the buckets for each direction, instead of all of them for the past. Default true. */
  readonly bidirectional?: boolean
  /** Default 32. */
  readonly numBuckets?: number
  /** Distances from here on share the last bucket. Default 128. */
  readonly maxDistance?: number
}

/**
 * The bucket of each distance j − i between key j and query i, int32 [queries, keys]: one each for short distances, growing
 * logarithmically for long ones (Raffel et al., "T5", 2020).
 */
export function relativePositionBuckets(
  queries: number,
  keys: number,
  { bidirectional = true, numBuckets = 32, maxDistance = 128 }: RelativeBucketOptions = {},
): Tensor {
  const each = bidirectional ? Math.floor(numBuckets / 2) : numBuckets
  const exact = Math.floor(each / 2)
  if (exact < 1 || maxDistance <= exact) {
    throw new ValueError(
      'relativePositionBuckets',
      `maxDistance must exceed the ${exact} exact distances of ${numBuckets} buckets, received ${maxDistance}`,
    )
  }
  const bucketOf = (distance: number): number => {
    const past = bidirectional ? Math.abs(distance) : Math.max(0, -distance)
    const side = bidirectional && distance > 0 ? each : 0
    if (past < exact) return side + past
    const steps = (Math.log(past / exact) / Math.log(maxDistance / exact)) * (each - exact)
    return side + Math.min(each - 1, exact + Math.floor(steps))
  }
  const values = Int32Array.from({ length: queries * keys }, (_, n) => bucketOf((n % keys) - Math.floor(n / keys)))
  return tensor(values, { shape: [queries, keys] })
}
