import { stridesOf } from '../core/shape.ts'
import type { Node } from '../graph/node.ts'
import type { Kernel, Nest } from './kernels.ts'
import { resultsOf } from './phases.ts'

/** A node whose elements are a run of another's, from element `offset` on: it is read there. */
export interface View {
  readonly source: Node
  readonly offset: number
}

/** Kernels without those that only copy a run of what another kernel stores, and the views that take their place. */
export interface WithoutCopies {
  readonly kernels: readonly Kernel[]
  readonly views: ReadonlyMap<Node, View>
}

/** What is `kept` has memory of its own, which nothing else refers to. Kernels come producers first. */
export function withoutCopies(kernels: readonly Kernel[], kept: ReadonlySet<Node>): WithoutCopies {
  const views = new Map<Node, View>()
  const stored = new Set<Node>()
  const others = kernels.filter((kernel) => {
    const view = kernel.kind === 'nest' && !kept.has(kernel.node) ? runOf(kernel) : undefined
    if (view && stored.has(view.source)) {
      const below = views.get(view.source)
      views.set(kernel.node, below ? { source: below.source, offset: below.offset + view.offset } : view)
    }
    for (const node of resultsOf(kernel)) if (!kept.has(node) && !isLocal(kernel, node)) stored.add(node)
    return kernel.kind !== 'nest' || !views.has(kernel.node)
  })
  return { kernels: others, views }
}

function isLocal(kernel: Kernel, node: Node): boolean {
  return kernel.kind === 'group' && kernel.local.has(node)
}

/** What a nest copies element for element, in the order in which it lies in memory. */
function runOf({ node, extents, reduce, body }: Nest): View | undefined {
  if (reduce || body.kind !== 'load' || body.valid.length > 0 || body.node.dtype !== node.dtype) return undefined
  const strides = stridesOf(extents)
  const isRun = extents.every((extent, axis) => extent === 1 || body.at.terms[axis] === strides[axis])
  return isRun ? { source: body.node, offset: body.at.offset } : undefined
}
