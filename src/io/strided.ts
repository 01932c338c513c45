import type { TypedArray } from '../core/dtype.ts'
import { type Shape, stridesOf } from '../core/shape.ts'

/** Row-major without gaps; the stride of a dimension of size 1 does not matter. */
export function isContiguous(shape: Shape, strides: readonly number[]): boolean {
  return stridesOf(shape).every((stride, d) => shape[d] === 1 || strides[d] === stride)
}

/** Fills `out` in row-major order of `shape` with the elements of `all` that the strides lead to, and returns it. */
export function gather(
  all: TypedArray,
  out: TypedArray,
  offset: number,
  shape: Shape,
  strides: readonly number[],
): TypedArray {
  const index = shape.map(() => 0)
  let from = offset
  for (let i = 0; i < out.length; i++) {
    out[i] = all[from]!
    for (let d = shape.length - 1; d >= 0; d--) {
      from += strides[d]!
      if (++index[d]! < shape[d]!) break
      from -= strides[d]! * shape[d]!
      index[d] = 0
    }
  }
  return out
}
