import { toStorage, toValues, type TypedArray, type Values } from '../core/dtype.ts'
import { StaleError } from '../core/errors.ts'
import { expand, type Node } from './node.ts'
import { postorder } from './walk.ts'

/** What has to be evaluated before a node can be. */
export function dependencies(node: Node): readonly Node[] {
  if (node.stale) throw staleError()
  return node.op.evaluate ? node.inputs : [expand(node)]
}

/** For what reads a value that was given up. */
export function staleError(): StaleError {
  return new StaleError(
    'realize',
    'this tensor was recorded from parameters that have been updated more than once since, or from a tensor that was disposed of, and their old values are gone; read it (await t.data()) or realize(t) before the next update or dispose(), or record it again',
  )
}

/** Unrealised nodes below `roots`, producers before consumers. */
export function evaluationOrder(roots: readonly Node[]): Node[] {
  return postorder(roots, (node) => (node.value ? undefined : dependencies(node)))
}

/**
 * The reference interpreter: evaluates `roots` op by op, in plain TypeScript, straight from the op table. It is the oracle
 * that every compiled target is tested against, and the target of last resort. Changes no node; either there is a value for
 * every root or an error is thrown.
 */
export function interpret(roots: readonly Node[]): TypedArray[] {
  const order = evaluationOrder(roots)
  const results = new Map<Node, Values>()
  const readers = new Map<Node, number>()
  for (const node of order) for (const input of dependencies(node)) readers.set(input, (readers.get(input) ?? 0) + 1)
  const wanted = new Set(roots)
  // A result that would be the memory of a leaf gets memory of its own: the leaf may move on without it.
  const borrowed = new Set<ArrayBufferLike>()

  const read = (node: Node): Values => {
    const known = results.get(node)
    if (known) return known
    const values = toValues(node.value!, node.dtype)
    borrowed.add(values.buffer)
    results.set(node, values)
    return values
  }

  for (const node of order) {
    const inputs = dependencies(node).map(read)
    const values = node.op.evaluate ? node.op.evaluate(node, inputs) : inputs[0]!
    results.set(node, roundHalf(values, node))
    for (const input of dependencies(node)) {
      const left = readers.get(input)! - 1
      readers.set(input, left)
      if (left === 0 && !wanted.has(input)) results.delete(input)
    }
  }
  return roots.map((root) => {
    if (root.value) return root.value
    const stored = toStorage(results.get(root)!, root.dtype)
    return borrowed.has(stored.buffer) ? stored.slice() : stored
  })
}

/** Half-precision results are rounded after every operation, as if they had been stored. */
export function roundHalf(values: Values, { dtype, op }: Node): Values {
  if ((dtype !== 'float16' && dtype !== 'bfloat16') || op.kind === 'view') return values
  return toValues(toStorage(values, dtype), dtype)
}
