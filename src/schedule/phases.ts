import type { Node } from '../graph/node.ts'
import type { Expression } from './expression.ts'
import type { Kernel } from './kernels.ts'

/** Stored nodes that a kernel reads. */
export function readsOf(kernel: Kernel): ReadonlySet<Node> {
  if (kernel.kind === 'whole') return new Set(kernel.node.inputs)
  const found = new Set<Node>()
  const seen = new Set<Expression>()
  const visit = (e: Expression): void => {
    if (seen.has(e)) return
    seen.add(e)
    if (e.kind === 'load' || e.kind === 'gather') found.add(e.node)
    if (e.kind === 'random') found.add(e.key)
    if (e.kind === 'gather') visit(e.index)
    else if (e.kind === 'apply') e.args.forEach(visit)
    else if (e.kind === 'guard') {
      visit(e.value)
      visit(e.otherwise)
    }
  }
  visit(kernel.body)
  return found
}

/** Kernels that may run at the same time, one group behind the other. Kernels come producers first. */
export function phasesOf(kernels: readonly Kernel[]): Kernel[][] {
  const level = new Map<Node, number>()
  const phases: Kernel[][] = []
  for (const kernel of kernels) {
    let phase = 0
    for (const node of readsOf(kernel)) phase = Math.max(phase, (level.get(node) ?? -1) + 1)
    level.set(kernel.node, phase)
    const group = phases[phase]
    if (group) group.push(kernel)
    else phases[phase] = [kernel]
  }
  return phases
}
