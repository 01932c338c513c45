import { isGradEnabled, type Node } from '../node.ts'

/** The cotangent of each input; undefined where it has none. */
export type Cotangents = readonly (Node | undefined)[]

interface Cached {
  readonly dy: Node
  readonly createGraph: boolean
  readonly cotangents: Cotangents
}

const cache = new WeakMap<object, Cached>()

/** The cotangents of all inputs at once, for ops whose derivative is asked input by input but worked out in one go. */
export function allAtOnce(node: object, dy: Node, compute: () => Cotangents): Cotangents {
  const createGraph = isGradEnabled()
  const known = cache.get(node)
  if (known?.dy === dy && known.createGraph === createGraph) return known.cotangents
  const cotangents = compute()
  cache.set(node, { dy, createGraph, cotangents })
  return cotangents
}
