/** On the stack: everything that the node below this mark needs has been listed. */
const finished = Symbol('finished')

/**
 * The nodes that `below` leads to from `roots`, each after all that it leads to. Where `below` gives undefined the walk ends,
 * and the node is not listed. Without recursion: graphs may be thousands of nodes deep.
 */
export function postorder<N extends object>(roots: readonly N[], below: (node: N) => readonly N[] | undefined): N[] {
  const order: N[] = []
  const seen = new Set<N>()
  const stack: (N | typeof finished)[] = roots.toReversed()
  while (stack.length > 0) {
    const top = stack.pop()!
    if (top === finished) {
      order.push(stack.pop() as N)
      continue
    }
    if (seen.has(top)) continue
    seen.add(top)
    const next = below(top)
    if (!next) continue
    stack.push(top, finished)
    for (const node of next) stack.push(node)
  }
  return order
}
