import { AxisError, ShapeError, ValueError } from './errors.ts'

/** Sizes of a tensor's dimensions, outermost first. `[]` is a scalar. */
export type Shape = readonly number[]

/** Number of elements; 1 for a scalar. */
export function sizeOf(shape: Shape): number {
  let size = 1
  for (let d = 0; d < shape.length; d++) size *= shape[d]!
  return size
}

export function sameShape(a: Shape, b: Shape): boolean {
  if (a === b) return true
  if (a.length !== b.length) return false
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false
  return true
}

/** Row-major strides in elements. */
export function stridesOf(shape: Shape): number[] {
  const strides = new Array<number>(shape.length)
  let stride = 1
  for (let i = shape.length - 1; i >= 0; i--) {
    strides[i] = stride
    stride *= shape[i]!
  }
  return strides
}

/** `[2, 3]` as text. */
export function formatShape(shape: Shape): string {
  return `[${shape.join(', ')}]`
}

/** The shape that `a` and `b` broadcast to by NumPy's rule; undefined where they do not fit. */
export function tryBroadcast(a: Shape, b: Shape): Shape | undefined {
  if (b.length === 0 || sameShape(a, b)) return a
  if (a.length === 0) return b
  const rank = Math.max(a.length, b.length)
  const out = new Array<number>(rank)
  for (let i = 1; i <= rank; i++) {
    const x = a[a.length - i] ?? 1
    const y = b[b.length - i] ?? 1
    if (x !== y && x !== 1 && y !== 1) return undefined
    out[rank - i] = x === 1 ? y : x
  }
  return out
}

/** The shape that all `shapes` broadcast to. Throws a {@link ShapeError} naming `op` and the two that do not fit. */
export function broadcastShapes(op: string, ...shapes: readonly Shape[]): Shape {
  let out = shapes[0] ?? []
  for (let i = 1; i < shapes.length; i++) {
    const next = shapes[i]!
    const joined = tryBroadcast(out, next)
    if (!joined) {
      throw new ShapeError(
        op,
        `shapes ${formatShape(out)} and ${formatShape(next)} do not broadcast: sizes, aligned from the right, must be equal or 1`,
      )
    }
    out = joined
  }
  return out
}

/** Maps `dim` from `[-rank, rank)` to `[0, rank)`; for a scalar, 0 and −1 are allowed as in PyTorch. */
export function normalizeDim(op: string, dim: number, rank: number): number {
  const bound = Math.max(rank, 1)
  if (!Number.isInteger(dim) || dim < -bound || dim >= bound) {
    throw new AxisError(
      op,
      `dim ${dim} is out of range for a tensor of ${rank} dimensions: expected ${-bound} to ${bound - 1}`,
    )
  }
  return dim < 0 ? dim + bound : dim
}

/** Normalises one dim, several or all (undefined), refusing repeats. The result is sorted. */
export function normalizeDims(op: string, dims: number | readonly number[] | undefined, rank: number): number[] {
  if (dims === undefined) return Array.from({ length: rank }, (_, i) => i)
  const list = typeof dims === 'number' ? [dims] : dims
  const out = list.map((dim) => normalizeDim(op, dim, rank))
  if (new Set(out).size !== out.length) throw new AxisError(op, `dims ${formatShape(list)} name a dimension twice`)
  return (rank === 0 ? [] : out).sort((a, b) => a - b)
}

/** Checks that every size is a whole number ≥ 0. */
export function checkShape(op: string, shape: Shape): Shape {
  for (const extent of shape) {
    if (!Number.isInteger(extent) || extent < 0) {
      throw new ValueError(op, `sizes must be whole numbers ≥ 0, received ${formatShape(shape)}`)
    }
  }
  return shape
}

/** Resolves one −1 in `wanted` so that it holds as many elements as `shape`. */
export function inferShape(op: string, shape: Shape, wanted: Shape): Shape {
  const size = sizeOf(shape)
  const hole = wanted.indexOf(-1)
  let out = wanted
  if (hole >= 0) {
    const known = wanted.reduce((product, extent, i) => (i === hole ? product : product * extent), 1)
    out = wanted.with(hole, known === 0 ? 0 : size / known)
  }
  const valid = out.every((extent) => Number.isInteger(extent) && extent >= 0)
  if (!valid || sizeOf(out) !== size || wanted.indexOf(-1, hole + 1) > hole) {
    throw new ShapeError(op, `cannot view ${formatShape(shape)} (${size} elements) as ${formatShape(wanted)}`)
  }
  return out
}
