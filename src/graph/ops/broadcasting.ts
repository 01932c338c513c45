import type { Values } from '../../core/dtype.ts'
import { sameShape, type Shape, sizeOf, stridesOf } from '../../core/shape.ts'

/**
 * Copies `source` (read with `strides`, starting at `offset`) into row-major order of `shape`. The one loop behind all
 * views of the reference interpreter: dimensions that run on into each other are joined, the innermost is a plain loop, the
 * others count like an odometer.
 */
export function copyStrided<T extends Values>(
  source: Values,
  shape: Shape,
  strides: readonly number[],
  offset: number,
  out: T,
): T {
  if (out.length === 0) return out
  const [extents, steps] = joined(shape, strides)
  const rank = extents.length
  const inner = extents[rank - 1]!
  const step = steps[rank - 1]!
  const index = new Int32Array(rank)
  let from = offset
  let to = 0
  while (true) {
    if (step === 1 && inner > 32) out.set(source.subarray(from, from + inner), to)
    else if (step === 0 && inner > 32) out.fill(source[from]!, to, to + inner)
    else for (let i = to, at = from; i < to + inner; i++, at += step) out[i] = source[at]!
    to += inner
    let d = rank - 2
    for (; d >= 0; d--) {
      from += steps[d]!
      if (++index[d]! < extents[d]!) break
      from -= steps[d]! * extents[d]!
      index[d] = 0
    }
    if (d < 0) return out
  }
}

/** Fewer dimensions that read the same elements in the same order; at least one. */
function joined(shape: Shape, strides: readonly number[]): [number[], number[]] {
  const extents = [1]
  const steps = [1]
  for (let d = 0; d < shape.length; d++) {
    const extent = shape[d]!
    if (extent === 1) continue
    const last = extents.length - 1
    if (extents[last] === 1 || steps[last] === strides[d]! * extent) {
      extents[last] = extents[last]! * extent
      steps[last] = strides[d]!
    } else {
      extents.push(extent)
      steps.push(strides[d]!)
    }
  }
  return [extents, steps]
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
