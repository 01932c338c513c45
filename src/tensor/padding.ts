import { ShapeError } from '../core/errors.ts'
import { formatShape } from '../core/shape.ts'
import type { Node } from '../graph/node.ts'
import { broadcastTo, concat, flip, sliceDim } from '../graph/ops/views.ts'

/** What stands outside the edges: the mirror image without the edge itself, the edge repeated, or the other end. */
export type PaddingMode = 'reflect' | 'replicate' | 'circular'

/**
 * Continues dimension `dim` by `low` elements before the first and `high` after the last, by views alone; negative amounts
 * crop. Throws a {@link ShapeError} where the dimension is too short for the mode.
 */
export function extend(op: string, x: Node, dim: number, low: number, high: number, mode: PaddingMode): Node {
  const n = x.shape[dim]!
  const longest = { reflect: n - 1, replicate: n > 0 ? Number.POSITIVE_INFINITY : 0, circular: n }[mode]
  if (low > longest || high > longest || low + high + n < 0) {
    throw new ShapeError(
      op,
      `${mode} padding (${low}, ${high}) does not fit dim ${dim} of ${formatShape(x.shape)}: at most ${longest}`,
    )
  }
  const part = (start: number, stop: number): Node => sliceDim(x, dim, start, stop)
  const repeated = (edge: Node, times: number): Node => broadcastTo(edge, x.shape.with(dim, times))
  const parts: Node[] = []
  if (low > 0) {
    if (mode === 'reflect') parts.push(flip(part(1, low + 1), [dim]))
    else parts.push(mode === 'circular' ? part(n - low, n) : repeated(part(0, 1), low))
  }
  parts.push(part(Math.max(0, -low), Math.max(Math.max(0, -low), n + Math.min(0, high))))
  if (high > 0) {
    if (mode === 'reflect') parts.push(flip(part(n - 1 - high, n - 1), [dim]))
    else parts.push(mode === 'circular' ? part(0, high) : repeated(part(n - 1, n), high))
  }
  return concat(parts, dim)
}
