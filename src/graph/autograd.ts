import { GradError } from '../core/errors.ts'
import { formatShape, sameShape } from '../core/shape.ts'
import { expand, type Node, withGrad } from './node.ts'
import { add } from './ops/arithmetic.ts'
import { postorder } from './walk.ts'

/**
 * What the derivative of a node flows to: its inputs, or its decomposition where the op names no derivative of its own.
 * Nothing flows through a leaf, not even through one that was assigned a recorded value.
 */
function sources(node: Node): readonly Node[] {
  if (node.op.kind === 'leaf') return []
  if (node.op.derivative || !node.op.decompose) return node.inputs
  return [expand(node)]
}

/** Nodes that lead from `roots` to something that requires a gradient, consumers before producers. */
function consumersFirst(roots: readonly Node[], until: ReadonlySet<Node>): Node[] {
  return postorder(roots, (node) => {
    if (!node.requiresGrad) return undefined
    return until.has(node) ? [] : sources(node)
  }).reverse()
}

/**
 * Reverse-mode differentiation. Returns the cotangent of every node between `roots` and its leaves, given those of the
 * roots. With `createGraph` the cotangents can be differentiated again. The walk does not go below the nodes `until`.
 */
export function backpropagate(
  roots: readonly Node[],
  seeds: readonly Node[],
  createGraph: boolean,
  until: ReadonlySet<Node> = new Set(),
): Map<Node, Node> {
  const cotangents = new Map<Node, Node>()
  const accumulate = (node: Node, dy: Node): void => {
    const before = cotangents.get(node)
    cotangents.set(node, before ? add(before, dy) : dy)
  }
  const order = consumersFirst(roots, until)
  withGrad(createGraph, () => {
    for (const [i, root] of roots.entries()) accumulate(root, seeds[i]!)
    for (const node of order) {
      const dy = cotangents.get(node)
      if (!dy || until.has(node)) continue
      if (node.released) throw releasedError(node)
      const { op } = node
      const into = sources(node)
      for (let i = 0; i < into.length; i++) {
        const source = into[i]!
        if (!source.requiresGrad) continue
        const dx = op.derivative ? op.derivative(node, dy, i) : dy
        if (!dx) continue
        if (!sameShape(dx.shape, source.shape) || dx.dtype !== source.dtype) {
          throw new GradError(
            op.name,
            `the derivative has ${dx.dtype} ${formatShape(dx.shape)}, but input ${i} has ${source.dtype} ${formatShape(source.shape)}`,
          )
        }
        accumulate(source, dx)
      }
    }
  })
  return cotangents
}

function releasedError(node: Node): GradError {
  return new GradError(
    'backward',
    `the graph of this ${node.op.name} result was released by an earlier backward(); pass { retainGraph: true } to that call`,
  )
}
