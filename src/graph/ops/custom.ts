import type { Attrs, Node, Op } from '../node.ts'
import { Node as GraphNode } from '../node.ts'

interface Custom {
  /** From dy to the cotangent of argument i; undefined where it has none. */
  readonly backward: (dy: Node, i: number) => Node | undefined
}

/** The first input is the value; the others are the arguments that the given derivative speaks of. */
export const customOp: Op<Custom> = {
  name: 'custom',
  kind: 'view',
  infer: ([value]) => ({ shape: value!.shape, dtype: value!.dtype }),
  evaluate: (_, [value]) => value!,
  derivative: (node, dy, i) => (i === 0 ? undefined : node.attrs.backward(dy, i - 1)),
}

/** A value whose derivative by `args` is given by hand. */
export function custom(value: Node, args: readonly Node[], backward: Custom['backward']): Node {
  const requiresGrad = args.some((arg) => arg.requiresGrad)
  return new GraphNode<Custom>(customOp, [value, ...args], { backward }, value, requiresGrad)
}

interface Checkpoint {
  /** Records the value again; its nodes are evaluated anew and not shared with the first recording. */
  readonly again: () => Node
}

/**
 * A value whose history is recorded again when its derivative is taken, so that nothing between its inputs and itself is
 * kept in between (Chen et al., "Training deep nets with sublinear memory cost", 2016).
 */
export const checkpointOp: Op<Checkpoint> = {
  name: 'checkpoint',
  kind: 'view',
  infer: ([value]) => ({ shape: value!.shape, dtype: value!.dtype }),
  evaluate: (_, [value]) => value!,
  decompose: (_inputs, attrs: Checkpoint) => attrs.again(),
}

export function checkpointed(value: Node, again: () => Node): Node {
  return new GraphNode<Checkpoint>(checkpointOp, [value], { again }, value, value.requiresGrad)
}

/** The same value, tagged so that equal expressions before and after it are not merged. */
export const barrierOp: Op<Attrs> = {
  name: 'barrier',
  kind: 'view',
  infer: ([x]) => ({ shape: x!.shape, dtype: x!.dtype }),
  evaluate: (_, [x]) => x!,
  derivative: (_, dy) => dy,
}
