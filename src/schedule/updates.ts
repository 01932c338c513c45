import type { Node } from '../graph/node.ts'
import { assignOp } from '../graph/ops/leaves.ts'
import { writeAtOp } from '../graph/ops/write-at.ts'
import { isPlaceholder } from './canonical.ts'
import type { Kernel } from './kernels.ts'
import { readsOf } from './phases.ts'
import type { View } from './views.ts'

/*
 * New versions of leaves that differ from the last in a few rows. Their kernels write those rows alone; the rest of the memory
 * has to hold the last version already, which costs nothing where it is the memory of that version.
 */

/** A result whose memory holds the value of a leaf when its kernel begins. */
export interface Update {
  readonly leaf: Node
  readonly result: Node
  /**
   * Whether the memory may be that of the leaf: nothing else reads it, and once it is written to the run cannot fail any more,
   * so that a failed run has changed no leaf.
   */
  readonly inPlace: boolean
}

/** Recorded nodes that are updates: what is assigned is a leaf with a part of it replaced. */
export function recordedUpdates(roots: readonly Node[]): ReadonlySet<Node> {
  const updates = new Set<Node>()
  for (const { op, inputs, value } of roots) {
    const [given] = inputs
    if (!value && op === assignOp && given!.op === writeAtOp && given!.inputs[0]!.value) updates.add(given!)
  }
  return updates
}

function isUpdate(node: Node): boolean {
  return node.op === writeAtOp && isPlaceholder(node.inputs[0]!)
}

/** `mayFail`: whether a kernel may end the run with an error. */
export function updatesIn(
  phases: readonly (readonly Kernel[])[],
  targets: readonly Node[],
  views: ReadonlyMap<Node, View>,
  mayFail: (kernel: Kernel) => boolean,
): Update[] {
  const readers = new Map<Node, number>()
  for (const kernel of phases.flat()) {
    for (const node of readsOf(kernel)) {
      const stored = views.get(node)?.source ?? node
      readers.set(stored, (readers.get(stored) ?? 0) + 1)
    }
  }
  const lastFailing = phases.findLastIndex((kernels) =>
    kernels.some((kernel) => !isUpdate(kernel.node) && mayFail(kernel)),
  )
  return phases.flatMap((kernels, phase) =>
    kernels.flatMap(({ node: result }): Update[] => {
      if (!isUpdate(result)) return []
      const leaf = result.inputs[0]!
      const inPlace = phase > lastFailing && readers.get(leaf) === 1 && !targets.includes(leaf)
      return [{ leaf, result, inPlace }]
    }),
  )
}
