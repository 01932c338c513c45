import { ValueError } from '../../../core/errors.ts'
import { type Attrs, expand, type Node } from '../../../graph/node.ts'
import { postorder } from '../../../graph/walk.ts'

/**
 * The extent of a dimension: a number, or a multiple of the batch size, of which `times` says how many samples' worth it has. Which it
 * is shows in two recordings of the same program at two batch sizes.
 */
export type Extent = number | { readonly times: number }

export const isBatch = (extent: Extent): extent is { readonly times: number } => typeof extent !== 'number'

export const sameExtent = (a: Extent, b: Extent): boolean => (isBatch(a) ? isBatch(b) && a.times === b.times : a === b)

/** Attributes that hold shapes; what depends on the batch in them is found by looking at the node's own shape. */
const shaped: ReadonlySet<string> = new Set(['reshape', 'broadcast', 'slice', 'iota', 'buffer', 'scan'])

/** Two recordings of one program, node by node. */
export class Trace {
  /** Of each node of the first recording the same one of the second. */
  private readonly twins = new Map<Node, Node>()
  private readonly batch: number

  /** `batch` is the batch size of the first recording. */
  constructor(batch: number) {
    this.batch = batch
  }

  /** Says that two nodes are the same one, and throws where they cannot be. */
  pair(a: Node, b: Node): Node {
    const known = this.twins.get(a)
    if (known && known !== b) throw differs(`${a.op.name} is recorded in another order`)
    if (!known) {
      this.check(a, b)
      this.twins.set(a, b)
    }
    return a
  }

  private check(a: Node, b: Node): void {
    const { name } = a.op
    if (
      a.op !== b.op ||
      a.dtype !== b.dtype ||
      a.inputs.length !== b.inputs.length ||
      a.shape.length !== b.shape.length
    )
      throw differs(`${name} becomes ${b.op.name}`)
    if (!shaped.has(name) && textOf(a.attrs) !== textOf(b.attrs))
      throw differs(`${name} becomes ${textOf(b.attrs)} from ${textOf(a.attrs)}`)
  }

  twin(a: Node): Node {
    return this.twins.get(a)!
  }

  /** The shape of a node of the first recording. */
  extents(a: Node): Extent[] {
    return a.shape.map((_, d) => this.extent(a, ({ shape }) => shape[d]!))
  }

  /** A size that `of` reads in a node and in its twin. */
  extent<A extends Attrs>(a: Node<A>, of: (node: Node<A>) => number): Extent {
    const [size, other] = [of(a), of(this.twin(a as Node) as Node<A>)]
    if (size === other) return size
    const times = size / this.batch
    if (times * (this.batch + 1) !== other) throw differs(`a size ${size} becomes ${other}`)
    return { times }
  }

  /**
   * The nodes that lead to `roots`, producers first: those that `isKnown` takes as they are, and of the others what they are written
   * out to. `leads` says where a node's value comes from.
   */
  order(roots: readonly Node[], isKnown: (node: Node) => boolean): Node[] {
    return postorder(roots, (node) => this.sources(node, isKnown))
  }

  /** What a node is computed from: its inputs, or what it is written out to. */
  sources(node: Node, isKnown: (node: Node) => boolean): readonly Node[] {
    if (node.value) return []
    const twin = this.twin(node)
    if (isKnown(node)) return node.inputs.map((input, i) => this.pair(input, twin.inputs[i]!))
    if (!node.op.decompose) throw new ValueError('exportOnnx', `'${node.op.name}' is not supported`)
    return [this.pair(expand(node), expand(twin))]
  }
}

const textOf = (attrs: Attrs): string => JSON.stringify(attrs)

function differs(problem: string): ValueError {
  return new ValueError(
    'exportOnnx',
    `what is computed depends on the batch size (${problem}); pass { dynamicBatch: false } for a model of one batch size`,
  )
}
