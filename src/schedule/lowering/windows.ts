import { type Shape, sizeOf, stridesOf } from '../../core/shape.ts'
import type { Node } from '../../graph/node.ts'
import { add, mul } from '../../graph/ops/arithmetic.ts'
import { constant, iota } from '../../graph/ops/leaves.ts'
import { equal, where } from '../../graph/ops/logic.ts'
import { pad, type Padding, permute, reshape, sliceDim } from '../../graph/ops/views.ts'
import type { Pool, Window } from '../../graph/ops/windows.ts'

/** Zeros between elements: a dimension of zeros behind each element, counted through as one. */
export function padInnerAsReshape(node: Node): Node | undefined {
  const { pads } = node.attrs as { pads: readonly Padding[] }
  if (pads.every(({ inner }) => inner === 0)) return undefined
  const x = node.inputs[0]!
  const spread = (n: number, inner: number): number[] => (inner === 0 ? [n] : [n, 1])
  const apart = reshape(
    x,
    x.shape.flatMap((n, d) => spread(n, pads[d]!.inner)),
  )
  const zeros = pad(
    apart,
    pads.flatMap(({ inner }) => (inner === 0 ? [nothing] : [nothing, { low: 0, high: inner, inner: 0 }])),
  )
  const flat = reshape(
    zeros,
    x.shape.map((n, d) => n * (pads[d]!.inner + 1)),
  )
  return pad(
    flat,
    pads.map(({ low, high, inner }) => ({ low, high: high - inner, inner: 0 })),
  )
}

const nothing: Padding = { low: 0, high: 0, inner: 0 }

/** Sums of more terms are loops of a kernel of their own. */
const mostTerms = 9

/** Overlap-add of few windows at a place, as a sum of shifted inputs. */
export function foldAsSum(node: Node): Node | undefined {
  const { dim, length, ...attrs } = node.attrs as Window & { length: number }
  return terms(attrs) > mostTerms ? undefined : foldedAlong(node.inputs[0]!, dim, attrs, 0, length)
}

type Along = Omit<Window, 'dim'>

/** How many windows may cover one place. */
function terms({ size, step, dilation }: Along): number {
  return dilation === 1 ? Math.ceil(size / step) : size
}

/** Places `start` to `start + length` of the overlap-add of x, whose last dimension is that of the windows' elements. */
function foldedAlong(x: Node, dim: number, along: Along, start: number, length: number): Node {
  const { size, step, dilation } = along
  const count = x.shape[dim]!
  if (step > 1 && dilation > 1) {
    // Windows that begin at every place, most of them zeros.
    const apart = padDim(x, dim, { low: 0, high: 0, inner: step - 1 })
    return foldedAlong(apart, dim, { size, step: 1, dilation }, start, length)
  }
  // Element a·step + r of window w goes to place (w + a)·step + r: one sum over a for each r.
  const shifts = dilation === 1 ? Math.ceil(size / step) : size
  const last = x.shape.length - 1
  const whole = padDim(x, last, { low: 0, high: shifts * step - size, inner: 0 })
  const places = count + (shifts - 1) * dilation
  const parts = Array.from({ length: shifts }, (_, a) => {
    const part = sliceDim(whole, last, a * step, (a + 1) * step)
    return padDim(nextTo(part, dim), dim, { low: a * dilation, high: places - count - a * dilation, inner: 0 })
  })
  const total = parts.reduce((sum, part) => add(sum, part))
  const flat = reshape(total, x.shape.slice(0, -1).with(dim, places * step))
  return padDim(flat, dim, { low: -start, high: start + length - places * step, inner: 0 })
}

/** Moves the last dimension behind `dim`. */
function nextTo(x: Node, dim: number): Node {
  const order = x.shape.map((_, d) => d).slice(0, -1)
  order.splice(dim + 1, 0, x.shape.length - 1)
  return permute(x, order)
}

function padDim(x: Node, dim: number, amount: Padding): Node {
  return pad(
    x,
    x.shape.map((_, d) => (d === dim ? amount : nothing)),
  )
}

/**
 * The gradient of max pooling, by every input element from the windows that cover it:
 * dx[i] = Σ dy[w] over windows w with index[w] = i. No two threads meet, and nothing is scattered.
 *
 * `inputs` are what the node's own inputs have become; windows are recognised by what was recorded.
 */
export function poolGradient(node: Node, inputs: readonly Node[]): Node | undefined {
  const { dim, kind } = node.attrs as { dim: number; kind: string }
  const [base, index, dy] = inputs as [Node, Node, Node]
  const [, recorded] = node.inputs as [Node, Node, Node]
  const pooled = recorded.op.name === 'reshape' ? recorded.inputs[0]! : recorded
  if (sizeOf(node.shape) === 0 || sizeOf(dy.shape) === 0) return undefined
  if (kind !== 'add' || dim !== 2 || base.shape.length !== 3 || pooled.op.name !== 'argPool') return undefined
  const pool = pooled.attrs as Pool
  const space = pooled.inputs[0]!.shape.slice(2)
  const alongs = pool.kernel.map((size, d) => ({ size, step: pool.stride[d]!, dilation: pool.dilation[d]! }))
  const covering = alongs.reduce((product, along) => product * terms(along), 1)
  if (covering > mostTerms || sizeOf(space) !== base.shape[2]) return undefined
  const rank = space.length
  const out = pooled.shape
  const apart = [...out, ...new Array<number>(rank).fill(1)]
  const chosen = equal(reshape(index, apart), tapPositions(pool, space, out))
  let sum = where(chosen, reshape(dy, apart), constant(0, dy.dtype))
  // The last dimension is that of the taps of `d`: those of later dimensions are gone.
  for (let d = rank - 1; d >= 0; d--) sum = foldedAlong(sum, d + 2, alongs[d]!, pool.low[d]!, space[d]!)
  return add(base, reshape(sum, base.shape))
}

/** Where tap k of window w lies, as a flat index into space: [1, 1, ...w, ...k]. */
function tapPositions({ kernel, stride, low, dilation }: Pool, space: Shape, out: Shape): Node {
  const rank = space.length
  const strides = stridesOf(space)
  const total = 2 + 2 * rank
  const along = (length: number, dim: number, factor: number): Node => {
    const shape = new Array<number>(total).fill(1).with(dim, length)
    return mul(reshape(iota(length), shape), constant(factor, 'int32'))
  }
  const origin = low.reduce((sum, n, d) => sum - n * strides[d]!, 0)
  let position = constant(origin, 'int32')
  for (let d = 0; d < rank; d++) {
    position = add(position, along(out[d + 2]!, d + 2, stride[d]! * strides[d]!))
    position = add(position, along(kernel[d]!, 2 + rank + d, dilation[d]! * strides[d]!))
  }
  return position
}
