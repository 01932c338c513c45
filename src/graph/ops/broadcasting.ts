import type { Values } from '../../core/dtype.ts'
import { sameShape, type Shape, sizeOf, stridesOf } from '../../core/shape.ts'

/**
 * Copies `source` (read with `strides`, starting at `offset`) into row-major order of `shape`. The one loop behind all
 * views of the reference interpreter. Innermost dimension outside, the rest as an odometer.
 */
export function copyStrided<T extends Values>(
  source: Values,
  shape: Shape,
  strides: readonly number[],
  offset: number,
  out: T,
): T {
  const rank = shape.length
  if (out.length === 0) return out
  if (rank === 0) {
    out[0] = source[offset]!
    return out
  }
  const inner = shape[rank - 1]!
  const step = strides[rank - 1]!
  const index = new Int32Array(rank)
  let from = offset
  let to = 0
  while (true) {
    if (step === 1) for (let i = 0; i < inner; i++) out[to + i] = source[from + i]!
    else for (let i = 0, at = from; i < inner; i++, at += step) out[to + i] = source[at]!
    to += inner
    let d = rank - 2
    for (; d >= 0; d--) {
      from += strides[d]!
      if (++index[d]! < shape[d]!) break
      from -= strides[d]! * shape[d]!
      index[d] = 0
    }
    if (d < 0) return out
  }
}

/** Strides that read an array of shape `from` as if it had the broadcast shape `to`: zero along stretched dimensions. */
export function broadcastStrides(from: Shape, to: Shape): number[] {
  const own = stridesOf(from)
  const lead = to.length - from.length
  return to.map((_, i) => (i < lead || from[i - lead] === 1 ? 0 : own[i - lead]!))
}

/** Elements of `source` (shape `from`) repeated to shape `to`; the same array when the shapes are equal. */
export function broadcastValues(source: Values, from: Shape, to: Shape): Values {
  if (sameShape(from, to)) return source
  const out = new (source.constructor as new (n: number) => Values)(sizeOf(to))
  return copyStrided(source, to, broadcastStrides(from, to), 0, out)
}
