import { ShapeError, ValueError } from '../../core/errors.ts'
import { formatShape, type Shape, sizeOf } from '../../core/shape.ts'
import type { Node } from '../../graph/node.ts'
import { add, div, minimum, mul, sub } from '../../graph/ops/arithmetic.ts'
import { contract } from '../../graph/ops/contract.ts'
import { gather } from '../../graph/ops/indexing.ts'
import { constant, iota } from '../../graph/ops/leaves.ts'
import { and, cast, less, lessEqual } from '../../graph/ops/logic.ts'
import { avgPool, gatherSpace, maxPool } from '../../graph/ops/pooling.ts'
import { argReduce, reduce } from '../../graph/ops/reduce.ts'
import { broadcastTo, permute, reshape } from '../../graph/ops/views.ts'
import { argPool, type Pool } from '../../graph/ops/windows.ts'
import type { Tensor } from '../../tensor/tensor.ts'
import { batched, batchedOne } from './arguments.ts'

/** Sizes of the result; null keeps the input's size. */
export type OutputSize = number | null | readonly (number | null)[]

export interface AdaptiveMaxOptions {
  /** Return `[values, indices]`, the indices int32 and flat over the spatial dimensions. Default false. */
  readonly returnIndices?: boolean
}

type WithIndices = AdaptiveMaxOptions & { readonly returnIndices: true }

/** Mean over `outputSize` windows of x [N, C, L]. See {@link adaptiveAvgPool2d}. */
export function adaptiveAvgPool1d(x: Tensor, outputSize: OutputSize): Tensor {
  return average('adaptiveAvgPool1d', 1, x, outputSize)
}

/**
 * Mean over windows that cover x [N, C, H, W] evenly → [N, C, ...outputSize]: window i of o spans ⌊i · H / o⌋ to
 * ⌈(i + 1) · H / o⌉. `null` keeps a size; the batch dimension may be left out.
 */
export function adaptiveAvgPool2d(x: Tensor, outputSize: OutputSize): Tensor {
  return average('adaptiveAvgPool2d', 2, x, outputSize)
}

/** Mean over `outputSize` windows of x [N, C, D, H, W]. See {@link adaptiveAvgPool2d}. */
export function adaptiveAvgPool3d(x: Tensor, outputSize: OutputSize): Tensor {
  return average('adaptiveAvgPool3d', 3, x, outputSize)
}

/** Maximum over `outputSize` windows of x [N, C, L]. See {@link adaptiveMaxPool2d}. */
export function adaptiveMaxPool1d(x: Tensor, outputSize: OutputSize, options: WithIndices): [Tensor, Tensor]
export function adaptiveMaxPool1d(x: Tensor, outputSize: OutputSize, options?: AdaptiveMaxOptions): Tensor
export function adaptiveMaxPool1d(
  x: Tensor,
  outputSize: OutputSize,
  options: AdaptiveMaxOptions = {},
): Tensor | [Tensor, Tensor] {
  return maximum('adaptiveMaxPool1d', 1, x, outputSize, options)
}

/** Maximum over the windows of {@link adaptiveAvgPool2d}: x [N, C, H, W] → [N, C, ...outputSize]. */
export function adaptiveMaxPool2d(x: Tensor, outputSize: OutputSize, options: WithIndices): [Tensor, Tensor]
export function adaptiveMaxPool2d(x: Tensor, outputSize: OutputSize, options?: AdaptiveMaxOptions): Tensor
export function adaptiveMaxPool2d(
  x: Tensor,
  outputSize: OutputSize,
  options: AdaptiveMaxOptions = {},
): Tensor | [Tensor, Tensor] {
  return maximum('adaptiveMaxPool2d', 2, x, outputSize, options)
}

/** Maximum over `outputSize` windows of x [N, C, D, H, W]. See {@link adaptiveMaxPool2d}. */
export function adaptiveMaxPool3d(x: Tensor, outputSize: OutputSize, options: WithIndices): [Tensor, Tensor]
export function adaptiveMaxPool3d(x: Tensor, outputSize: OutputSize, options?: AdaptiveMaxOptions): Tensor
export function adaptiveMaxPool3d(
  x: Tensor,
  outputSize: OutputSize,
  options: AdaptiveMaxOptions = {},
): Tensor | [Tensor, Tensor] {
  return maximum('adaptiveMaxPool3d', 3, x, outputSize, options)
}

function outputSizes(op: string, wanted: OutputSize, space: Shape): number[] {
  const list = typeof wanted === 'number' || wanted === null ? space.map(() => wanted) : wanted
  if (list.length !== space.length) {
    throw new ValueError(op, `outputSize takes one number or ${space.length}, received [${list.join(', ')}]`)
  }
  if (space.includes(0)) throw new ShapeError(op, `no window over nothing: the input is ${formatShape(space)}`)
  return list.map((n, d) => {
    const size = n ?? space[d]!
    if (!Number.isInteger(size) || size < 1) {
      throw new ValueError(op, `outputSize must be whole and ≥ 1, received [${list.join(', ')}]`)
    }
    return size
  })
}

/** Equal windows without overlap, where the sizes divide. */
function evenWindows(space: Shape, out: Shape): Pool | undefined {
  if (space.some((n, d) => n % out[d]! !== 0)) return undefined
  const kernel = space.map((n, d) => n / out[d]!)
  const zeros = space.map(() => 0)
  return { kernel, stride: kernel, low: zeros, high: zeros, dilation: space.map(() => 1) }
}

/** The numbers 0 to n − 1 as a column or a row. */
const column = (n: number): Node => reshape(iota(n), [n, 1])
const row = (n: number): Node => reshape(iota(n), [1, n])
const whole = (value: number): Node => constant(value, 'int32')

/** bool [out, size]: whether position j lies in window i, i · size < (j + 1) · out and j · out < (i + 1) · size. */
function membership(size: number, out: number): Node {
  const [i, j] = [column(out), row(size)]
  const begun = less(mul(i, whole(size)), mul(add(j, whole(1)), whole(out)))
  return and(begun, less(mul(j, whole(out)), mul(add(i, whole(1)), whole(size))))
}

function average(op: string, rank: number, x: Tensor, outputSize: OutputSize): Tensor {
  return batchedOne(op, x, rank, (node) => {
    const space = node.shape.slice(2)
    const out = outputSizes(op, outputSize, space)
    const even = evenWindows(space, out)
    if (even) {
      const { kernel, stride, low, high } = even
      return avgPool(node, { kernel, stride, low, high, countLow: low, countHigh: high, divisor: 0 })
    }
    return space.reduce((y, size, d) => averageAlong(y, d + 2, size, out[d]!), node)
  })
}

/** A product with the matrix of averages, along one dimension. */
function averageAlong(x: Node, dim: number, size: number, out: number): Node {
  if (size === out) return x
  const inside = cast(membership(size, out), x.dtype)
  const weights = div(inside, reshape(reduce(inside, 'sum', [1]), [out, 1]))
  const y = contract(x, weights, { batch: [[], []], reduce: [[dim], [1]] })
  const last = x.shape.length - 1
  return permute(
    y,
    x.shape.map((_, d) => (d < dim ? d : d === dim ? last : d - 1)),
  )
}

function maximum(
  op: string,
  rank: number,
  x: Tensor,
  outputSize: OutputSize,
  { returnIndices = false }: AdaptiveMaxOptions,
): Tensor | [Tensor, Tensor] {
  const [values, indices] = batched(op, x, rank, (node) => {
    const space = node.shape.slice(2)
    const out = outputSizes(op, outputSize, space)
    const even = evenWindows(space, out)
    if (even && !returnIndices) return [maxPool(node, even)]
    const at = even ? argPool(node, even) : argWindows(node, adaptiveWindows(space, out))
    return [gatherSpace(node, at, op), at]
  })
  return returnIndices ? [values!, indices!] : values!
}

/** int32 [out, longest] for each spatial dimension: the positions in each window, the last one repeated to fill up. */
function adaptiveWindows(space: Shape, out: Shape): Node[] {
  return space.map((size, d) => {
    const n = out[d]!
    let longest = 0
    for (let i = 0; i < n; i++)
      longest = Math.max(longest, Math.ceil(((i + 1) * size) / n) - Math.floor((i * size) / n))
    const inside = membership(size, n)
    const count = reshape(reduce(cast(inside, 'int32'), 'sum', [1]), [n, 1])
    const before = lessEqual(mul(add(row(size), whole(1)), whole(n)), mul(column(n), whole(size)))
    const start = reshape(reduce(cast(before, 'int32'), 'sum', [1]), [n, 1])
    return add(start, minimum(row(longest), sub(count, whole(1))))
  })
}

/**
 * Where the maximum of each window is: x [N, C, ...space], one [N or 1, C or 1, out, length] or [out, length] list of
 * positions for each spatial dimension → int32 [N, C, ...out], flat over space.
 */
export function argWindows(x: Node, windows: readonly Node[]): Node {
  const [n, c, ...space] = x.shape as [number, number, ...number[]]
  const rank = space.length
  const out = windows.map((w) => w.shape.at(-2)!)
  const length = windows.map((w) => w.shape.at(-1)!)
  const shape = [n, c, ...out, ...length]
  let flat: Node | undefined
  for (const [d, positions] of windows.entries()) {
    const lead = positions.shape.length === 4 ? positions.shape.slice(0, 2) : [1, 1]
    const spread = shape.map((_, i) => (i < 2 ? lead[i]! : i === d + 2 ? out[d]! : i === d + 2 + rank ? length[d]! : 1))
    const here = reshape(positions, spread)
    flat = flat ? add(mul(flat, whole(space[d]!)), here) : here
  }
  const [rows, columns] = flat!.shape as [number, number]
  const positions = reshape(flat!, [rows, columns, sizeOf(out), sizeOf(length)])
  const candidates = gatherSpace(x, reshape(positions, [rows, columns, sizeOf(out) * sizeOf(length)]), 'maxPool')
  const best = argReduce(reshape(candidates, [n, c, sizeOf(out), sizeOf(length)]), 'max', 3)
  const all = broadcastTo(positions, [n, c, sizeOf(out), sizeOf(length)])
  return reshape(gather(all, reshape(best, [...best.shape, 1]), 3), [n, c, ...out])
}
