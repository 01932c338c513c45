import { DTypeError, ShapeError, ValueError } from '../../core/errors.ts'
import { formatShape, type Shape, sizeOf } from '../../core/shape.ts'
import type { Node } from '../../graph/node.ts'
import { abs, add, div, floor, maximum, minimum, mul, remainder, round, sub } from '../../graph/ops/arithmetic.ts'
import { contract } from '../../graph/ops/contract.ts'
import { clamp } from '../../graph/ops/derived.ts'
import { constant, iota } from '../../graph/ops/leaves.ts'
import { and, cast, equal, lessEqual, where } from '../../graph/ops/logic.ts'
import { gatherSpace } from '../../graph/ops/pooling.ts'
import { widened } from '../../graph/ops/precision.ts'
import { broadcastTo, concat, reshape, sliceDim } from '../../graph/ops/views.ts'
import { wrap } from '../../tensor/base.ts'
import type { Tensor } from '../../tensor/tensor.ts'

export interface GridSampleOptions {
  /** bicubic is for images only. Default `'bilinear'`. */
  readonly mode?: 'bilinear' | 'nearest' | 'bicubic'
  /** What lies outside: 0, the nearest edge, or the mirror image. Default `'zeros'`. */
  readonly paddingMode?: 'zeros' | 'border' | 'reflection'
  /** −1 and 1 are the centres (true) or the outer edges (false) of the corner pixels. Default false. */
  readonly alignCorners?: boolean
}

/**
 * Reads x [N, C, H, W] at grid [N, H′, W′, 2] of (x, y) in [−1, 1] → [N, C, H′, W′], or x [N, C, D, H, W] at
 * [N, D′, H′, W′, 3] of (x, y, z) (Jaderberg et al., "Spatial transformer networks", 2015).
 */
export function gridSample(
  x: Tensor,
  grid: Tensor,
  { mode = 'bilinear', paddingMode = 'zeros', alignCorners = false }: GridSampleOptions = {},
): Tensor {
  const op = 'gridSample'
  const rank = x.rank - 2
  if (
    (rank !== 2 && rank !== 3) ||
    grid.rank !== x.rank ||
    grid.shape[0] !== x.shape[0] ||
    grid.shape.at(-1) !== rank
  ) {
    throw new ShapeError(
      op,
      `expects [N, C, H, W] with a grid [N, H′, W′, 2], or [N, C, D, H, W] with [N, D′, H′, W′, 3]; received ${formatShape(x.shape)} and ${formatShape(grid.shape)}`,
    )
  }
  if (x.dtype !== grid.dtype) throw new DTypeError(op, `input is ${x.dtype}, grid is ${grid.dtype}`)
  if (!['bilinear', 'nearest', 'bicubic'].includes(mode)) throw new ValueError(op, `unknown mode '${mode}'`)
  if (!['zeros', 'border', 'reflection'].includes(paddingMode)) {
    throw new ValueError(op, `unknown paddingMode '${paddingMode}'`)
  }
  if (mode === 'bicubic' && rank === 3)
    throw new ShapeError(op, `mode 'bicubic' takes images, received ${formatShape(x.shape)}`)
  const space = x.shape.slice(2)
  if (space.includes(0)) throw new ShapeError(op, `nothing to read from: the input is ${formatShape(x.shape)}`)
  const wide = widened(grid.node)
  const lead = wide.shape.slice(0, -1)
  // The last coordinate of the grid speaks of the first spatial dimension.
  const positions = space.map((size, d) => {
    const unit = reshape(sliceDim(wide, rank + 1, rank - 1 - d, rank - d), lead)
    return toPixels(unit, size, alignCorners)
  })
  const border: Border = { mode: paddingMode, alignCorners }
  const along = positions.map((p, d) => tapsAlong(p, space[d]!, mode, border))
  return wrap(cast(weightedSum(widened(x.node), along, op), x.dtype))
}

const value = (number: number, like: Node): Node => constant(number, like.dtype)

/** [−1, 1] to pixels. */
function toPixels(unit: Node, size: number, alignCorners: boolean): Node {
  const shifted = add(unit, value(1, unit))
  if (alignCorners) return mul(shifted, value((size - 1) / 2, unit))
  return sub(mul(shifted, value(size / 2, unit)), value(0.5, unit))
}

interface Border {
  readonly mode: 'zeros' | 'border' | 'reflection'
  readonly alignCorners: boolean
}

/** Coordinates brought inside as the border asks for; zeros stay where they are. */
function inside(p: Node, size: number, { mode, alignCorners }: Border): Node {
  if (mode === 'zeros') return p
  const low = value(0, p)
  const high = value(size - 1, p)
  if (mode === 'border') return clamp(p, low, high)
  return clamp(alignCorners ? reflect(p, 0, size - 1) : reflect(p, -0.5, size), low, high)
}

/** Mirrors coordinates at `low` and `low + span`, as often as needed. */
function reflect(p: Node, low: number, span: number): Node {
  if (span === 0) return mul(p, value(0, p))
  const distance = abs(sub(p, value(low, p)))
  const extra = remainder(distance, value(span, p))
  const flips = floor(div(distance, value(span, p)))
  const even = equal(remainder(flips, value(2, p)), value(0, p))
  return add(where(even, extra, sub(value(span, p), extra)), value(low, p))
}

/** One element that takes part along one dimension: where it is, with which weight, and whether it exists. */
interface Tap {
  readonly index: Node
  readonly weight: Node | undefined
  readonly exists: Node | undefined
}

function tap(place: Node, weight: Node | undefined, size: number, mode: Border['mode']): Tap {
  const high = value(size - 1, place)
  const exists = mode === 'zeros' ? and(lessEqual(value(0, place), place), lessEqual(place, high)) : undefined
  return { index: cast(maximum(minimum(place, high), value(0, place)), 'int32'), weight, exists }
}

function tapsAlong(p: Node, size: number, mode: NonNullable<GridSampleOptions['mode']>, border: Border): Tap[] {
  if (mode === 'nearest') return [tap(round(inside(p, size, border)), undefined, size, border.mode)]
  if (mode === 'bilinear') {
    const position = inside(p, size, border)
    const first = floor(position)
    const share = sub(position, first)
    const second = add(first, value(1, p))
    return [tap(first, sub(value(1, p), share), size, border.mode), tap(second, share, size, border.mode)]
  }
  const first = floor(p)
  const share = sub(p, first)
  return [-1, 0, 1, 2].map((offset) => {
    const place = inside(add(first, value(offset, p)), size, border)
    return tap(place, cubicWeight(share, offset), size, border.mode)
  })
}

/** Weight of the neighbour at `offset` from the pixel below: cubic convolution with a = −0.75 (Keys 1981). */
function cubicWeight(share: Node, offset: number): Node {
  const a = -0.75
  const c = (number: number): Node => value(number, share)
  const x = offset <= 0 ? add(share, c(-offset)) : sub(c(offset), share)
  if (offset === 0 || offset === 1) {
    return add(mul(mul(sub(mul(c(a + 2), x), c(a + 3)), x), x), c(1))
  }
  return mul(sub(mul(add(mul(sub(x, c(5)), x), c(8)), x), c(4)), c(a))
}

/** Σ over all combinations of taps of their weights times the element. */
function weightedSum(x: Node, along: readonly (readonly Tap[])[], op: string): Node {
  const space = x.shape.slice(2)
  let sum: Node | undefined
  const visit = (d: number, index: Node | undefined, weight: Node | undefined, exists: Node | undefined): void => {
    if (d === space.length) {
      const shape = index!.shape.toSpliced(1, 0, 1)
      let part = gatherSpace(x, reshape(index!, shape), op)
      if (weight) part = mul(part, reshape(weight, shape))
      if (exists) part = where(reshape(exists, shape), part, constant(0, x.dtype))
      sum = sum ? add(sum, part) : part
      return
    }
    for (const next of along[d]!) {
      visit(
        d + 1,
        index ? add(mul(index, constant(space[d]!, 'int32')), next.index) : next.index,
        weight && next.weight ? mul(weight, next.weight) : (weight ?? next.weight),
        exists && next.exists ? and(exists, next.exists) : (exists ?? next.exists),
      )
    }
  }
  visit(0, undefined, undefined, undefined)
  return sum!
}

/**
 * A grid for {@link gridSample} from affine maps: theta [N, 2, 3] and size [N, C, H, W] → [N, H, W, 2], or theta [N, 3, 4] and
 * size [N, C, D, H, W] → [N, D, H, W, 3].
 */
export function affineGrid(
  theta: Tensor,
  size: Shape,
  { alignCorners = false }: { alignCorners?: boolean } = {},
): Tensor {
  const op = 'affineGrid'
  const rank = size.length - 2
  const fits = (rank === 2 || rank === 3) && theta.rank === 3 && theta.shape[1] === rank && theta.shape[2] === rank + 1
  if (!fits || theta.shape[0] !== size[0]) {
    throw new ShapeError(
      op,
      `expects theta [N, 2, 3] with size [N, C, H, W], or [N, 3, 4] with [N, C, D, H, W]; received ${formatShape(theta.shape)} and ${formatShape(size)}`,
    )
  }
  if (size.some((n) => n < 1)) throw new ShapeError(op, `sizes must be ≥ 1, received ${formatShape(size)}`)
  const space = size.slice(2)
  const shape = [...space, 1]
  const columns = space.map((n, d) => {
    const along = shape.map((_, i) => (i === d ? n : 1))
    return broadcastTo(reshape(unitSteps(n, alignCorners, theta.node), along), shape)
  })
  const base = concat([...columns.reverse(), broadcastTo(constant(1, theta.dtype), shape)], rank)
  const flat = reshape(base, [sizeOf(space), rank + 1])
  const points = contract(broadcastTo(flat, [size[0]!, ...flat.shape]), theta.node, {
    batch: [[0], [0]],
    reduce: [[2], [2]],
  })
  return wrap(reshape(points, [size[0]!, ...space, rank]))
}

/** The centres of n pixels in [−1, 1], or n points from −1 to 1. */
function unitSteps(n: number, alignCorners: boolean, like: Node): Node {
  const i = iota(n, like.dtype)
  if (n === 1) return mul(i, value(0, i))
  if (alignCorners) return sub(mul(i, value(2 / (n - 1), i)), value(1, i))
  return sub(mul(i, value(2 / n, i)), value((n - 1) / n, i))
}
