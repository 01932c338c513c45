import type { Node } from '../graph/node.ts'
import type { Kernel } from './kernels.ts'
import type { View } from './views.ts'
import { readsIn } from './walk.ts'

/** Nodes that a kernel leaves in memory for others, or keeps to itself. */
export function resultsOf(kernel: Kernel): readonly Node[] {
  if (kernel.kind === 'group') return kernel.members.map(({ node }) => node)
  return kernel.kind === 'whole' ? [kernel.node, ...kernel.others] : [kernel.node]
}

const known = new WeakMap<Kernel, ReadonlySet<Node>>()

/** Stored nodes that a kernel reads, its own results left out. */
export function readsOf(kernel: Kernel): ReadonlySet<Node> {
  let reads = known.get(kernel)
  if (!reads) {
    reads = findReads(kernel)
    known.set(kernel, reads)
  }
  return reads
}

function findReads(kernel: Kernel): ReadonlySet<Node> {
  if (kernel.kind === 'whole') return new Set(resultsOf(kernel).flatMap(({ inputs }) => inputs))
  if (kernel.kind === 'nest') return new Set(readsIn(kernel.body).map(({ node }) => node))
  if (kernel.kind === 'product') {
    const { source, epilogue } = kernel
    const others = epilogue ? readsIn(epilogue).map(({ node }) => node) : []
    return new Set([...source.inputs, ...others.filter((node) => node !== source)])
  }
  const own = new Set(resultsOf(kernel))
  return new Set(kernel.members.flatMap((member) => [...readsOf(member)]).filter((node) => !own.has(node)))
}

/** Kernels that may run at the same time, one group behind the other. Kernels come producers first; views are read where their sources lie. */
export function phasesOf(kernels: readonly Kernel[], views: ReadonlyMap<Node, View> = new Map()): Kernel[][] {
  const level = new Map<Node, number>()
  const phases: Kernel[][] = []
  for (const kernel of kernels) {
    let phase = 0
    for (const node of readsOf(kernel)) phase = Math.max(phase, (level.get(views.get(node)?.source ?? node) ?? -1) + 1)
    for (const node of resultsOf(kernel)) level.set(node, phase)
    const group = phases[phase]
    if (group) group.push(kernel)
    else phases[phase] = [kernel]
  }
  return phases
}
