import { sameShape, type Shape } from '../core/shape.ts'
import { type Node, record } from '../graph/node.ts'
import { broadcastTo, type Padding, permute, type Range, reshape } from '../graph/ops/views.ts'
import { argPool, type Pool, spaceOf, type Window } from '../graph/ops/windows.ts'

/**
 * Keeps the results of convolutions in the order in which they are computed, pixels first and channels last: the permutation that gives
 * users their order is moved behind maps, reductions and views, where it mostly meets the next convolution and vanishes.
 */
export class Layouts {
  /** Permutations that may be moved. */
  private readonly movable = new Set<Node>()

  /** Allows a permutation to be moved. */
  add(node: Node): Node {
    if (node.op.name === 'permute') this.movable.add(node)
    return node
  }

  /** The node with a movable permutation of its inputs moved behind it; undefined where there is none or it must stay. */
  move(node: Node, inputs: readonly Node[]): Node | undefined {
    const leader = inputs.findIndex((input) => this.movable.has(input))
    if (leader < 0) return undefined
    const mover = node.op.kind === 'elementwise' ? moveBehindMap : movers[node.op.name]
    const moved = mover?.(node, inputs, leader)
    return moved && this.add(moved)
  }
}

type Mover = (node: Node, inputs: readonly Node[], leader: number) => Node | undefined

const orderOf = (permuted: Node): readonly number[] => (permuted.attrs as { order: readonly number[] }).order

function inverse(order: readonly number[]): number[] {
  return order.map((_, d) => order.indexOf(d))
}

/** All inputs of full rank are read in the order of the leader. */
const moveBehindMap: Mover = (node, inputs, leader) => {
  const order = orderOf(inputs[leader]!)
  const back = inverse(order)
  if (!sameShape(inputs[leader]!.shape, node.shape)) return undefined
  const arranged = inputs.map((input) => {
    const missing = node.shape.length - input.shape.length
    if (input.shape.length === 0) return input
    return permuted(reshape(input, [...new Array<number>(missing).fill(1), ...input.shape]), back)
  })
  return permute(record(node.op, arranged, node.attrs), order)
}

/** A permutation of what may itself be permuted or broadcast. */
function permuted(x: Node, order: readonly number[]): Node {
  if (x.op.name === 'permute')
    return permute(
      x.inputs[0]!,
      order.map((d) => orderOf(x)[d]!),
    )
  if (x.op.name !== 'broadcast') return permute(x, order)
  const source = x.inputs[0]!
  const missing = x.shape.length - source.shape.length
  const aligned = reshape(source, [...new Array<number>(missing).fill(1), ...source.shape])
  return broadcastTo(
    permuted(aligned, order),
    order.map((d) => x.shape[d]!),
  )
}

const movers: Readonly<Record<string, Mover>> = {
  reduce(node, [x]) {
    const order = orderOf(x!)
    const { kind, dims } = node.attrs as { kind: string; dims: readonly number[] }
    const inner = dims.map((d) => order[d]!)
    const kept = order.filter((_, d) => !dims.includes(d))
    const ranks = [...kept].sort((p, q) => p - q)
    const reduced = record(node.op, [x!.inputs[0]!], { kind, dims: inner } as never)
    return permute(
      reduced,
      kept.map((d) => ranks.indexOf(d)),
    )
  },
  pad: (node, [x]) => moveDims(node, x!, 'pads', (node.attrs as { pads: readonly Padding[] }).pads),
  slice: (node, [x]) => moveDims(node, x!, 'ranges', (node.attrs as { ranges: readonly Range[] }).ranges),
  window(node, [x]) {
    const order = orderOf(x!)
    const attrs = node.attrs as Window
    const moved = record(node.op, [x!.inputs[0]!], { ...attrs, dim: order[attrs.dim]! } as never)
    return permute(moved, [...order, order.length])
  },
  argPool(node, [x]) {
    const order = orderOf(x!)
    const attrs = node.attrs as Pool
    const dims = spaceOf(attrs, order.length).map((dim) => order[dim]!)
    if (dims.includes(order.length - 1)) return undefined
    return permute(argPool(x!.inputs[0]!, { ...attrs, dims }), order)
  },
  gather(node, inputs) {
    const [x, index] = inputs as [Node, Node]
    if (x.op.name !== 'permute' || index.op.name !== 'permute') return undefined
    const order = orderOf(x)
    if (!sameShape(orderOf(index), order)) return undefined
    const attrs = node.attrs as { dim: number }
    const dim = order[attrs.dim]!
    return permute(record(node.op, [x.inputs[0]!, index.inputs[0]!], { ...attrs, dim } as never), order)
  },
  broadcast(node, [x]) {
    const order = orderOf(x!)
    if (order.length !== node.shape.length) return undefined
    const extents = inverse(order).map((d) => node.shape[d]!)
    return permute(broadcastTo(x!.inputs[0]!, extents), order)
  },
  barrier: (node, [x]) => permute(record(node.op, [x!.inputs[0]!], node.attrs), orderOf(x!)),
  reshape: (node, [x]) => moveBehindReshape(x!, node.shape),
}

/** Settings for each dimension. */
function moveDims<T>(node: Node, x: Node, name: string, list: readonly T[]): Node {
  const order = orderOf(x)
  const arranged = inverse(order).map((d) => list[d]!)
  return permute(record(node.op, [x.inputs[0]!], { [name]: arranged }), order)
}

/** Joining or splitting dimensions that are neighbours in either order. */
function moveBehindReshape(x: Node, wanted: Shape): Node | undefined {
  const source = x.inputs[0]!
  const order = orderOf(x)
  const solid = source.shape.flatMap((n, d) => (n === 1 ? [] : [d]))
  const blocks = matchingDims(x.shape, wanted)
  /** For each block: where its first dimension stands in memory, and the dimensions that it becomes. */
  const placed = blocks.map(({ from, to }) => {
    const places = from.filter((d) => x.shape[d] !== 1).map((d) => solid.indexOf(order[d]!))
    return { places, to }
  })
  for (const { places } of placed)
    if (places.some((place, i) => i > 0 && place !== places[i - 1]! + 1)) return undefined
  const inMemory = [...placed].sort((p, q) => (p.places[0] ?? -1) - (q.places[0] ?? -1))
  const dims = inMemory.flatMap(({ to }) => to)
  const arranged = reshape(
    source,
    dims.map((d) => wanted[d]!),
  )
  return permute(arranged, inverse(dims))
}

/** Shortest runs of dimensions of both shapes that have equal sizes. */
function matchingDims(shape: Shape, wanted: Shape): { readonly from: number[]; readonly to: number[] }[] {
  const blocks: { from: number[]; to: number[] }[] = []
  let [i, j] = [0, 0]
  while (i < shape.length || j < wanted.length) {
    const block = { from: [] as number[], to: [] as number[] }
    let [p, q] = [1, 1]
    do {
      if (j >= wanted.length || (i < shape.length && p <= q && !(p === q && block.from.length > 0))) {
        p *= shape[i]!
        block.from.push(i++)
      } else {
        q *= wanted[j]!
        block.to.push(j++)
      }
    } while (p !== q)
    blocks.push(block)
  }
  return blocks
}
