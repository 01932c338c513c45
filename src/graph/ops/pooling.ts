import { ShapeError } from '../../core/errors.ts'
import { formatShape, sizeOf } from '../../core/shape.ts'
import { type Node, type Op, record } from '../node.ts'
import { mul, reciprocal } from './arithmetic.ts'
import { gather } from './indexing.ts'
import { constant } from './leaves.ts'
import { cast } from './logic.ts'
import { widened } from './precision.ts'
import { reduce } from './reduce.ts'
import { broadcastTo, pad, reshape } from './views.ts'
import { argPool, argPoolOp, type Pool, window } from './windows.ts'

/** x [N, C, ...space] read at flat indices into space, [N or 1, C or 1, ...out] → [N, C, ...out]. */
export function gatherSpace(x: Node, index: Node, label: string): Node {
  const [n, c, ...space] = x.shape as [number, number, ...number[]]
  const [rows, columns, ...out] = index.shape as [number, number, ...number[]]
  const places = reshape(index, [rows, columns, sizeOf(out)])
  return reshape(gather(reshape(x, [n, c, sizeOf(space)]), places, 2, label), [n, c, ...out])
}

/** Maximum of each window; its derivative adds dy where the (first) maximum was. */
export const maxPoolOp: Op<Pool> = {
  name: 'maxPool',
  kind: 'composite',
  infer: ([x], attrs) => ({ shape: argPoolOp.infer([x!], attrs).shape, dtype: x!.dtype }),
  decompose: ([x], attrs) => gatherSpace(x!, argPool(x!, attrs), 'maxPool'),
}

export function maxPool(x: Node, attrs: Pool): Node {
  return record(maxPoolOp, [x], attrs)
}

export interface AveragePool {
  readonly kernel: readonly number[]
  readonly stride: readonly number[]
  /** Zeros before and after. */
  readonly low: readonly number[]
  readonly high: readonly number[]
  /** How many of the zeros before and after count as elements of a window. */
  readonly countLow: readonly number[]
  readonly countHigh: readonly number[]
  /** Divides each window's sum; 0 stands for the number of elements that count. */
  readonly divisor: number
}

/** Σ over sliding windows along one dimension. */
function windowSum(x: Node, dim: number, size: number, step: number): Node {
  return reduce(window(x, { dim, size, step, dilation: 1 }), 'sum', [x.shape.length])
}

/** x [N, C, ...space]: the mean of each window, summed one dimension after the other. */
export const avgPoolOp: Op<AveragePool> = {
  name: 'avgPool',
  kind: 'composite',
  infer([x], { kernel, stride, low, high }) {
    const space = x!.shape.slice(2)
    const out = space.map((n, d) => Math.floor((n + low[d]! + high[d]! - kernel[d]!) / stride[d]!) + 1)
    if (out.some((n) => n < 1)) {
      throw new ShapeError(
        'avgPool',
        `kernel ${formatShape(kernel)} does not fit into the padded input ${formatShape(x!.shape)}`,
      )
    }
    return { shape: [...x!.shape.slice(0, 2), ...out], dtype: x!.dtype }
  },
  decompose([x], attrs) {
    const { kernel, stride, low, high } = attrs
    const amount = (d: number): { low: number; high: number; inner: number } =>
      d < 2 ? { low: 0, high: 0, inner: 0 } : { low: low[d - 2]!, high: high[d - 2]!, inner: 0 }
    let sums = pad(
      widened(x!),
      x!.shape.map((_, d) => amount(d)),
    )
    for (let d = 0; d < kernel.length; d++) sums = windowSum(sums, d + 2, kernel[d]!, stride[d]!)
    return cast(mean(sums, x!, attrs), x!.dtype)
  },
}

/** Sums of windows to their means. */
function mean(sums: Node, x: Node, attrs: AveragePool): Node {
  const { kernel, low, high, countLow, countHigh, divisor } = attrs
  if (divisor !== 0) return mul(sums, constant(1 / divisor, sums.dtype))
  const everywhere = kernel.every((_, d) => low[d] === countLow[d] && high[d] === countHigh[d])
  if (everywhere) return mul(sums, constant(1 / sizeOf(kernel), sums.dtype))
  return kernel.reduce((y, _, d) => mul(y, reciprocal(cast(countsAlong(x, d, attrs), y.dtype))), sums)
}

/** How many counted elements the windows along spatial dimension `d` hold, shaped to broadcast. */
function countsAlong(x: Node, d: number, { kernel, stride, low, high, countLow, countHigh }: AveragePool): Node {
  const counted = x.shape[d + 2]! + countLow[d]! + countHigh[d]!
  const ones = broadcastTo(constant(1), [counted])
  const padded = pad(ones, [{ low: low[d]! - countLow[d]!, high: high[d]! - countHigh[d]!, inner: 0 }])
  const counts = windowSum(padded, 0, kernel[d]!, stride[d]!)
  return reshape(
    counts,
    x.shape.map((_, i) => (i === d + 2 ? counts.shape[0]! : 1)),
  )
}

export function avgPool(x: Node, attrs: AveragePool): Node {
  return record(avgPoolOp, [x], attrs)
}
