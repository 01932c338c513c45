import { sizeOf } from '../../core/shape.ts'
import { concat } from '../../tensor/joining.ts'
import type { Tensor } from '../../tensor/tensor.ts'
import { integers } from './known.ts'

/** Indices from the end, which TensorFlow and ONNX allow, counted from the start. */
export function fromStart(index: Tensor, size: number): Tensor {
  return index.where(index.ge(0), index.add(size))
}

/** Parts of `x` along `axis`; the dimensions of the indices take its place. */
export function gatherAlong(x: Tensor, index: Tensor, axis: number): Tensor {
  const dim = axis < 0 ? axis + x.rank : axis
  return x
    .indexSelect(dim, index.flatten())
    .reshape([...x.shape.slice(0, dim), ...index.shape, ...x.shape.slice(dim + 1)])
}

/** Row-major numbers of the places that `indices` [..., K] name in the first K dimensions of `shape`, as a vector. */
export function places(indices: Tensor, shape: readonly number[]): Tensor {
  const depth = indices.shape.at(-1)!
  const strides = Array.from({ length: depth }, (_, d) => sizeOf(shape.slice(d + 1, depth)))
  return indices.reshape(-1, depth).mul(integers(strides)).sum(1)
}

/** What lies where `indices` [..., K] say in the first K dimensions of `x`. */
export function gatherNd(x: Tensor, indices: Tensor): Tensor {
  const depth = indices.shape.at(-1)!
  const inner = x.shape.slice(depth)
  const rows = x.reshape([sizeOf(x.shape.slice(0, depth)), ...inner])
  return rows.indexSelect(0, places(indices, x.shape)).reshape([...indices.shape.slice(0, -1), ...inner])
}

/** A copy of `base` in which `write` puts the parts `updates` where `indices` [..., K] say in its first K dimensions. */
export function scatterNd(
  base: Tensor,
  indices: Tensor,
  updates: Tensor,
  write: (rows: Tensor, at: Tensor, parts: Tensor) => Tensor,
): Tensor {
  const depth = indices.shape.at(-1)!
  const inner = base.shape.slice(depth)
  const at = places(indices, base.shape)
  const rows = base.reshape([sizeOf(base.shape.slice(0, depth)), ...inner])
  return write(rows, at, updates.reshape([at.size, ...inner])).reshape(base.shape)
}

/** The mirror image on both sides of each dimension, with or without the edge itself. Amounts for the first dimension first. */
export function mirrored(x: Tensor, low: readonly number[], high: readonly number[], edge: boolean): Tensor {
  const skipped = edge ? 0 : 1
  return x.shape.reduce((y, n, d) => {
    const [before, after] = [low[d]!, high[d]!]
    const parts = [y]
    if (before > 0) parts.unshift(y.narrow(d, skipped, before).flip(d))
    if (after > 0) parts.push(y.narrow(d, n - after - skipped, after).flip(d))
    return parts.length === 1 ? y : concat(parts, d)
  }, x)
}
