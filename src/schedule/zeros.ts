import { sameShape, stridesOf } from '../core/shape.ts'
import type { Node } from '../graph/node.ts'
import type { Padding, Range } from '../graph/ops/views.ts'

/** Positions `start ≤ i < stop` of each dimension. */
type Box = readonly { readonly start: number; readonly stop: number }[]

/** Views whose elements are looked for in their inputs: for each input, the box in which all of a box of the result lies. */
const sources: Readonly<Record<string, (node: Node, box: Box) => [input: Node, box: Box][]>> = {
  reshape: (node, box) => [[node.inputs[0]!, reshaped(node, box)]],
  permute(node, box) {
    const { order } = node.attrs as { readonly order: readonly number[] }
    return [[node.inputs[0]!, order.map((_, d) => box[order.indexOf(d)]!)]]
  },
  broadcast(node, box) {
    const [x] = node.inputs as [Node]
    const lead = box.length - x.shape.length
    return [[x, x.shape.map((extent, d) => (extent === 1 ? { start: 0, stop: 1 } : box[d + lead]!))]]
  },
  slice(node, box) {
    const { ranges } = node.attrs as { readonly ranges: readonly Range[] }
    const inside = box.map(({ start, stop }, d) => {
      const { start: first, step } = ranges[d]!
      return { start: first + start * step, stop: first + (stop - 1) * step + 1 }
    })
    return [[node.inputs[0]!, inside]]
  },
  pad(node, box) {
    const [x] = node.inputs as [Node]
    const { pads } = node.attrs as { readonly pads: readonly Padding[] }
    const inside = box.map(({ start, stop }, d) => {
      const { low, inner } = pads[d]!
      return {
        start: Math.max(0, Math.ceil((start - low) / (inner + 1))),
        stop: Math.min(x.shape[d]!, Math.floor((stop - 1 - low) / (inner + 1)) + 1),
      }
    })
    return [[x, inside]]
  },
  concat(node, box) {
    const { dim } = node.attrs as { readonly dim: number }
    let before = 0
    return node.inputs.map((x) => {
      const extent = x.shape[dim]!
      const { start, stop } = box[dim]!
      const own = { start: Math.max(0, start - before), stop: Math.min(extent, stop - before) }
      before += extent
      return [x, box.with(dim, own)]
    })
  },
  add: (node, box) =>
    node.inputs.every(({ shape }) => sameShape(shape, node.shape)) ? node.inputs.map((x) => [x, box]) : [],
}

/** What many sums share is looked at for each of them: after so many nodes nothing is certain. */
const mostSteps = 256

/** Whether every element of `x` is certain to be +0, as most of a gradient is that flows into a few elements only. */
export function isZero(x: Node): boolean {
  let steps = 0
  const isZeroWithin = (node: Node, box: Box): boolean => {
    if (box.some(({ start, stop }) => start >= stop)) return true
    if (node.op.name === 'constant') return Object.is((node.attrs as { value: number }).value, 0)
    if (++steps > mostSteps) return false
    const from = sources[node.op.name]?.(node, box) ?? []
    return from.length > 0 && from.every(([input, inside]) => isZeroWithin(input, inside))
  }
  return isZeroWithin(
    x,
    x.shape.map((stop) => ({ start: 0, stop })),
  )
}

/** The smallest box of the input of a reshape that holds all that lies between the first and the last element of a box. */
function reshaped({ shape, inputs }: Node, box: Box): Box {
  const [x] = inputs as [Node]
  const at = (index: readonly number[]): number =>
    stridesOf(shape).reduce((sum, stride, d) => sum + stride * index[d]!, 0)
  let first = at(box.map(({ start }) => start))
  let last = at(box.map(({ stop }) => stop - 1))
  let isFixed = true
  return stridesOf(x.shape).map((stride, d) => {
    if (!isFixed) return { start: 0, stop: x.shape[d]! }
    const [low, high] = [Math.floor(first / stride), Math.floor(last / stride)]
    isFixed = low === high
    first -= low * stride
    last -= high * stride
    return { start: low, stop: high + 1 }
  })
}
