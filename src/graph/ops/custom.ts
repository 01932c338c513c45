import { backpropagate } from '../autograd.ts'
import { type Attrs, isGradEnabled, Node, noAttrs, type Op, record, withGrad } from '../node.ts'
import { postorder } from '../walk.ts'
import { allAtOnce, type Cotangents } from './cotangents.ts'
import { constant } from './leaves.ts'
import { detach } from './logic.ts'

interface Custom {
  /** From dy, the arguments and the value to the cotangent of each argument; undefined where it has none. */
  readonly backward: (dy: Node, args: readonly Node[], value: Node) => Cotangents
}

/** The first input is the value; the others are the arguments that the given derivative speaks of. */
export const customOp: Op<Custom> = {
  name: 'custom',
  kind: 'view',
  infer: ([value]) => ({ shape: value!.shape, dtype: value!.dtype }),
  evaluate: (_, [value]) => value!,
  derivative(node, dy, i) {
    if (i === 0) return undefined
    return allAtOnce(node, dy, () => node.attrs.backward(dy, node.inputs.slice(1), node))[i - 1]
  },
}

/** A value whose derivative by `args` is given by hand. */
export function custom(value: Node, args: readonly Node[], backward: Custom['backward']): Node {
  return record(customOp, [detach(value), ...args], { backward })
}

/**
 * A value whose history is recorded again when its derivative is taken, so that nothing between its inputs and itself is
 * kept in between (Chen et al., "Training deep nets with sublinear memory cost", 2016). The first input is the value; the
 * others are all that its history reads from outside.
 */
export const checkpointOp: Op<Attrs> = {
  name: 'checkpoint',
  kind: 'view',
  infer: ([value]) => ({ shape: value!.shape, dtype: value!.dtype }),
  evaluate: (_, [value]) => value!,
  derivative(node, dy, i) {
    if (i === 0) return undefined
    return allAtOnce(node, dy, () => differentiateAgain(node, dy))[i - 1]
  },
}

/** The value of `fn`, recorded now and, for its derivative, again: a copy of its history, random keys and all. */
export function checkpointed(fn: () => Node): Node {
  const { id: start } = constant(0)
  const value = fn()
  if (!value.requiresGrad || value.id < start) return value
  const outside: Node[] = []
  postorder([value], (node) => {
    if (node.id > start && !node.value) return node.inputs
    outside.push(node)
    return undefined
  })
  return record(checkpointOp, [detach(value), ...outside], noAttrs)
}

/**
 * Cotangents of what a checkpoint reads from outside. The copy reads it through barriers that wait for dy: so it is neither
 * merged with the first recording nor computed before it is needed.
 */
function differentiateAgain(node: Node, dy: Node): Cotangents {
  const [detached, ...outside] = node.inputs as [Node, ...Node[]]
  const value = detached.inputs[0]!
  const barriers = withGrad(true, () => outside.map((x) => record(barrierOp, [x, dy], noAttrs)))
  const copies = new Map(outside.map((x, i) => [x, barriers[i]!]))
  for (const original of postorder([value], (x) => (copies.has(x) ? undefined : x.inputs))) {
    const { op, inputs, attrs, requiresGrad } = original
    const copy =
      inputs.length === 0
        ? original
        : new Node(
            op,
            inputs.map((x) => copies.get(x)!),
            attrs,
            original,
            requiresGrad,
          )
    copies.set(original, copy)
  }
  const cotangents = backpropagate([copies.get(value)!], [dy], isGradEnabled(), new Set(barriers))
  return barriers.map((barrier) => cotangents.get(barrier))
}

/** The first input, once the others are known; equal expressions before and after it are not merged. */
export const barrierOp: Op<Attrs> = {
  name: 'barrier',
  kind: 'view',
  infer: ([x]) => ({ shape: x!.shape, dtype: x!.dtype }),
  evaluate: (_, [x]) => x!,
  derivative: (_, dy, i) => (i === 0 ? dy : undefined),
}
