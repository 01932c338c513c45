import { isFloating, toStorage } from '../../core/dtype.ts'
import { DTypeError, ShapeError, ValueError } from '../../core/errors.ts'
import { formatShape } from '../../core/shape.ts'
import type { Node } from '../../graph/node.ts'
import { mul } from '../../graph/ops/arithmetic.ts'
import { gather } from '../../graph/ops/indexing.ts'
import { buffer } from '../../graph/ops/leaves.ts'
import { cast } from '../../graph/ops/logic.ts'
import { widened } from '../../graph/ops/precision.ts'
import { reduce } from '../../graph/ops/reduce.ts'
import { reshape } from '../../graph/ops/views.ts'
import { wrap } from '../../tensor/base.ts'
import type { Tensor } from '../../tensor/tensor.ts'
import { adaptiveAvgPool1d, adaptiveAvgPool2d, adaptiveAvgPool3d } from './adaptive.ts'
import { sizes } from './arguments.ts'
import { antialiased, cubic, linear, nearest, type Taps } from './resampling.ts'

export type InterpolationMode =
  | 'nearest'
  | 'nearest-exact'
  | 'linear'
  | 'bilinear'
  | 'bicubic'
  | 'lanczos'
  | 'trilinear'
  | 'area'

export interface InterpolateOptions {
  /** Spatial sizes of the result; either this or `scaleFactor`. */
  readonly size?: number | readonly number[]
  /** Factors of the spatial sizes. */
  readonly scaleFactor?: number | readonly number[]
  /** linear, bilinear and trilinear are for 1, 2 and 3 spatial dimensions, bicubic and lanczos for 2. Default `'nearest'`. */
  readonly mode?: InterpolationMode
  /** Let the corner pixels' centres (true) or their outer corners (false) coincide. Default false. */
  readonly alignCorners?: boolean
  /** Use the ratio of the whole sizes instead of `scaleFactor` itself. Default false. */
  readonly recomputeScaleFactor?: boolean
  /** Widen the filter when shrinking (bilinear, bicubic, lanczos). Default false. */
  readonly antialias?: boolean
}

const ranks: Record<InterpolationMode, readonly number[]> = {
  nearest: [1, 2, 3],
  'nearest-exact': [1, 2, 3],
  area: [1, 2, 3],
  linear: [1],
  bilinear: [2],
  bicubic: [2],
  lanczos: [2],
  trilinear: [3],
}

/**
 * Resizes x [N, C, L], [N, C, H, W] or [N, C, D, H, W] to `size`, or by `scaleFactor` (sizes rounded down), one dimension
 * after the other.
 */
export function interpolate(x: Tensor, options: InterpolateOptions): Tensor {
  const op = 'interpolate'
  const { mode = 'nearest', alignCorners = false, antialias = false } = options
  const space = x.shape.slice(2)
  const allowed = ranks[mode]
  if (!allowed) throw new ValueError(op, `unknown mode '${mode}'; expected one of ${Object.keys(ranks).join(', ')}`)
  if (x.rank < 3 || !allowed.includes(space.length)) {
    throw new ShapeError(
      op,
      `mode '${mode}' takes an input with ${allowed.join(' or ')} spatial dimensions after [N, C], received ${formatShape(x.shape)}`,
    )
  }
  if (antialias && mode !== 'bilinear' && mode !== 'bicubic' && mode !== 'lanczos') {
    throw new ValueError(op, `antialias is for the modes bilinear, bicubic and lanczos, not '${mode}'`)
  }
  if (mode === 'lanczos' && (!antialias || alignCorners)) {
    throw new ValueError(op, "mode 'lanczos' needs antialias: true and does not align corners")
  }
  if (!isFloating(x.dtype)) throw new DTypeError(op, `expects a floating dtype, received ${x.dtype}`)
  const { out, scale } = target(op, space, options)
  if (mode === 'area') {
    return [adaptiveAvgPool1d, adaptiveAvgPool2d, adaptiveAvgPool3d][space.length - 1]!(x, out)
  }
  const taps = space.map((size, d) => tapsOf(mode, size, out[d]!, scale?.[d], alignCorners, antialias))
  const y = taps.reduce((node, along, d) => resample(node, d + 2, along), widened(x.node))
  return wrap(cast(y, x.dtype))
}

interface Target {
  readonly out: readonly number[]
  /** Factors to use in the place of the ratio of sizes. */
  readonly scale: readonly number[] | undefined
}

function target(
  op: string,
  space: readonly number[],
  { size, scaleFactor, recomputeScaleFactor = false, mode }: InterpolateOptions,
): Target {
  if ((size === undefined) === (scaleFactor === undefined)) {
    throw new ValueError(op, 'expects either size or scaleFactor, not both and not neither')
  }
  if (size !== undefined) return { out: sizes(op, 'size', size, space.length, 1), scale: undefined }
  const list = typeof scaleFactor === 'number' ? space.map(() => scaleFactor) : scaleFactor!
  if (list.length !== space.length || list.some((factor) => !(factor > 0))) {
    throw new ValueError(op, `scaleFactor takes one positive number or ${space.length}, received ${formatShape(list)}`)
  }
  const out = space.map((n, d) => Math.floor(n * list[d]!))
  if (out.includes(0))
    throw new ShapeError(op, `scaleFactor ${formatShape(list)} leaves nothing of ${formatShape(space)}`)
  return { out, scale: recomputeScaleFactor || mode === 'area' ? undefined : list }
}

function tapsOf(
  mode: InterpolationMode,
  size: number,
  out: number,
  factor: number | undefined,
  alignCorners: boolean,
  antialias: boolean,
): Taps {
  if (mode === 'nearest' || mode === 'nearest-exact') return nearest(size, out, factor, mode === 'nearest-exact')
  if (antialias) return antialiased(size, out, factor, alignCorners, mode as 'bilinear' | 'bicubic' | 'lanczos')
  return mode === 'bicubic' ? cubic(size, out, factor, alignCorners) : linear(size, out, factor, alignCorners)
}

/** Each element along `dim` becomes the weighted sum of its taps. */
function resample(x: Node, dim: number, { count, index, weights }: Taps): Node {
  const out = index.length / count
  const along = (n: number): number[] => x.shape.map((_, d) => (d === dim ? n : 1))
  const taken = gather(x, buffer(index, along(index.length), 'int32'), dim, 'interpolate')
  if (!weights) return taken
  const factors = buffer(
    toStorage(x.dtype === 'float64' ? weights : Float32Array.from(weights), x.dtype),
    [...along(out).toSpliced(dim + 1, 0, count)],
    x.dtype,
  )
  const split = reshape(taken, x.shape.with(dim, out).toSpliced(dim + 1, 0, count))
  return reduce(mul(split, factors), 'sum', [dim + 1])
}

/** {@link interpolate} under its older name. */
export function upsample(x: Tensor, options: InterpolateOptions): Tensor {
  return interpolate(x, options)
}

/** {@link interpolate} in mode `'nearest'`. */
export function upsampleNearest(x: Tensor, options: Pick<InterpolateOptions, 'size' | 'scaleFactor'>): Tensor {
  return interpolate(x, { ...options, mode: 'nearest' })
}

/** {@link interpolate} in mode `'bilinear'` with aligned corners. */
export function upsampleBilinear(x: Tensor, options: Pick<InterpolateOptions, 'size' | 'scaleFactor'>): Tensor {
  return interpolate(x, { ...options, mode: 'bilinear', alignCorners: true })
}
