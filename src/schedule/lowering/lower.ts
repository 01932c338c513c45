import { sizeOf } from '../../core/shape.ts'
import { type Node, record, withGrad } from '../../graph/node.ts'
import { isPlaceholder, merged, type Program, producersFirst } from '../canonical.ts'
import { labelsAsGather, scatterOfOne, scatterPrepared } from './indices.ts'
import { argReduceAsReductions, reduceInParts, reduceWidened } from './reductions.ts'
import { foldAsSum, padInnerAsReshape } from './windows.ts'

/** The same value written with ops that loop nests compute, or undefined where the node should stay as it is. */
export type Lowering = (node: Node) => Node | undefined

/** In order: the first that applies is taken, and its result is lowered again. */
const lowerings: Readonly<Record<string, readonly Lowering[]>> = {
  reduce: [reduceWidened, reduceInParts],
  argReduce: [argReduceAsReductions],
  labels: [labelsAsGather],
  scatter: [scatterOfOne, scatterPrepared],
  pad: [padInnerAsReshape],
  fold: [foldAsSum],
}

/**
 * Rewrites ops that have no loop nest of their own into ops that have one, and long reductions into two short ones. What is
 * left of the kinds named in the table is computed by kernels of their own.
 */
export function lower(program: Program): Program {
  const done = new Map<Node, Node>()
  const unique = new Map<string, Node>()
  const finished = (node: Node): Node => {
    const known = done.get(node)
    if (known) return known
    const made = isPlaceholder(node) ? node : rebuilt(node)
    done.set(node, made)
    return made
  }
  const rebuilt = (node: Node): Node => {
    if (node.op.name === 'scalar') return node
    const inputs = node.inputs.map(finished)
    const same = inputs.every((input, i) => input === node.inputs[i])
    const current = same ? node : record(node.op, inputs, node.attrs)
    const isEmpty = sizeOf(current.shape) === 0 || inputs.some(({ shape }) => sizeOf(shape) === 0)
    for (const lowering of isEmpty ? [] : (lowerings[node.op.name] ?? [])) {
      const lowered = lowering(current)
      if (lowered) return finished(lowered)
    }
    return merged(current, inputs, unique)
  }
  // Producers come first, so that recursion goes no deeper than what one lowering adds.
  withGrad(false, () => program.order.forEach(finished))
  const targets = program.targets.map(finished)
  return { ...program, targets, order: producersFirst(targets) }
}
