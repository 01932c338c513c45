import { isFloating } from '../../core/dtype.ts'
import { DTypeError, ShapeError } from '../../core/errors.ts'
import { broadcastShapes, formatShape, sameShape } from '../../core/shape.ts'
import { type Node, type Op, record } from '../node.ts'
import { add, mul, neg, sub } from './arithmetic.ts'
import { cast } from './logic.ts'
import { widened } from './precision.ts'
import { cos, sin } from './transcendental.ts'
import { concat, reshape, sliceDim } from './views.ts'

interface Rotary {
  /** Pairs are neighbours (2i, 2i + 1) instead of (i, i + R / 2). */
  readonly interleaved: boolean
  /** Turns backwards. */
  readonly inverse: boolean
}

/**
 * Rotary positions (Su et al., "RoFormer", 2021): x [.., T, D], positions that broadcast to [.., T], frequencies [R / 2]. Pair i
 * of the first R ≤ D elements is turned by the angle position · frequency_i; the others stay. A rotation's derivative is the
 * rotation backwards.
 */
export const rotaryOp: Op<Rotary> = {
  name: 'rotary',
  kind: 'composite',
  infer([x, positions, frequencies]) {
    if (!isFloating(x!.dtype)) throw new DTypeError('rotaryEmbedding', `expects a floating dtype, received ${x!.dtype}`)
    const pairs = frequencies!.shape[0]
    const rows = x!.shape.slice(0, -1)
    if (frequencies!.shape.length !== 1 || x!.shape.length < 2 || 2 * pairs! > x!.shape.at(-1)!) {
      throw new ShapeError(
        'rotaryEmbedding',
        `frequencies ${formatShape(frequencies!.shape)} do not fit x [.., T, D] ${formatShape(x!.shape)}: one for each pair, at most D / 2`,
      )
    }
    if (!sameShape(broadcastShapes('rotaryEmbedding', positions!.shape, rows), rows)) {
      throw new ShapeError(
        'rotaryEmbedding',
        `positions ${formatShape(positions!.shape)} do not broadcast to the rows ${formatShape(rows)} of x`,
      )
    }
    return { shape: x!.shape, dtype: x!.dtype }
  },
  decompose([x, positions, frequencies], { interleaved, inverse }) {
    const wide = widened(x!)
    const last = wide.shape.length - 1
    const pairs = frequencies!.shape[0]!
    const angle = mul(cast(reshape(positions!, [...positions!.shape, 1]), wide.dtype), cast(frequencies!, wide.dtype))
    const own = angle.shape.slice(0, -1)
    const spread = (y: Node): Node => reshape(y, interleaved ? [...own, pairs, 1] : [...own, 1, pairs])
    const turned = sliceDim(wide, last, 0, 2 * pairs)
    const rows = wide.shape.slice(0, -1)
    const split = reshape(turned, interleaved ? [...rows, pairs, 2] : [...rows, 2, pairs])
    const axis = interleaved ? last + 1 : last
    const across = concat([neg(sliceDim(split, axis, 1, 2)), sliceDim(split, axis, 0, 1)], axis)
    const join = inverse ? sub : add
    const rotated = reshape(join(mul(split, spread(cos(angle))), mul(across, spread(sin(angle)))), turned.shape)
    const rest = sliceDim(wide, last, 2 * pairs, wide.shape[last]!)
    return cast(rest.shape[last] === 0 ? rotated : concat([rotated, rest], last), x!.dtype)
  },
  derivative(node, dy, i) {
    if (i > 0) return undefined
    const [, positions, frequencies] = node.inputs as [Node, Node, Node]
    return rotary(dy, positions, frequencies, { ...node.attrs, inverse: !node.attrs.inverse })
  },
}

/** See {@link rotaryOp}. */
export function rotary(x: Node, positions: Node, frequencies: Node, attrs: Rotary): Node {
  return record(rotaryOp, [x, positions, frequencies], attrs)
}
