import type { Node } from '../../../graph/node.ts'
import type { Extent } from './trace.ts'
import type { Value, Writer } from './writer.ts'

/** A node on its way into the file: what it is given there, and the shape that it must have. */
export interface Given<A extends object = object> {
  readonly node: Node<A>
  readonly inputs: readonly Value[]
  readonly extents: readonly Extent[]
  /** A number that `of` reads in the node, which may follow the batch size. */
  readonly extent: (of: (node: Node<A>) => number) => Extent
  readonly writer: Writer
}

/** How an op is said in ONNX. */
export interface Conversion {
  /** Whether this node can be said; what cannot is written out to other ops. Default: every node. */
  readonly takes?: (node: Node) => boolean
  /** Adds nodes and returns the name of the value. */
  readonly write: (given: Given) => string
}

/** Conversions by the names of our ops. */
export type Conversions = Readonly<Record<string, Conversion>>

/** A conversion that reads the attributes of its op, `A`. */
export function converted<A extends object>(
  write: (given: Given<A>) => string,
  takes?: (node: Node<A>) => boolean,
): Conversion {
  // The table has each conversion under the name of the op whose attributes it reads.
  return { write: write as Conversion['write'], ...(takes && { takes: takes as (node: Node) => boolean }) }
}
