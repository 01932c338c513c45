import { isFloating } from '../core/dtype.ts'
import { DTypeError, GradError, ShapeError, ValueError } from '../core/errors.ts'
import { formatShape, sameShape } from '../core/shape.ts'
import { backpropagate } from '../graph/autograd.ts'
import { isGradEnabled, Node, withGrad } from '../graph/node.ts'
import { checkpointed, custom } from '../graph/ops/custom.ts'
import { constant } from '../graph/ops/leaves.ts'
import { cast, detach } from '../graph/ops/logic.ts'
import { broadcastTo, reshapeOp, zeros } from '../graph/ops/views.ts'
import { postorder } from '../graph/walk.ts'
import { wrap } from './base.ts'
import { Tensor } from './tensor.ts'

/**
 * Runs `fn` without recording for gradients, and returns its result. `fn` must be synchronous: what an asynchronous function
 * does after its first `await` would be recorded after all, so one is refused with a {@link GradError}.
 */
export function noGrad<T>(fn: () => T): T {
  return synchronous('noGrad', withGrad(false, fn))
}

/** Runs `fn` recording for gradients, inside {@link noGrad} too, and returns its result. `fn` must be synchronous. */
export function enableGrad<T>(fn: () => T): T {
  return synchronous('enableGrad', withGrad(true, fn))
}

function synchronous<T>(op: string, result: T): T {
  if (typeof result !== 'object' || result === null || !('then' in result)) return result
  // What it still does is not waited for, so that its own failure must not end the process.
  Promise.resolve(result).catch(() => undefined)
  throw new GradError(
    op,
    `expects a synchronous function, received one that returns a promise: after its first await it would run outside of ${op}; wrap the computation between the awaits instead`,
  )
}

function tensorOf(op: string, value: unknown): Tensor {
  if (value instanceof Tensor) return value
  throw new GradError(op, `expects a function that returns one tensor, received ${typeof value}`)
}

type Arguments = readonly unknown[]

/** A fresh variable with the value of `x`: differentiation stops here, and goes on to x where an outer one asks. */
function variableFor(op: string, x: unknown, position: number): Tensor {
  if (!(x instanceof Tensor)) {
    throw new ValueError(op, `argument ${position} is to be differentiated by, but is no tensor (${typeof x})`)
  }
  if (!isFloating(x.dtype)) {
    throw new DTypeError(op, `argument ${position} is to be differentiated by, but is ${x.dtype}; floating dtypes only`)
  }
  return wrap(new Node(reshapeOp, [x.node], { shape: x.shape }, x.node, true))
}

/** Whether y was computed from other leaves that require gradients, beside the variables. */
function readsMore(y: Node, variables: ReadonlySet<Node>): boolean {
  const history = postorder([y], (node) => {
    if (!node.requiresGrad) return undefined
    return variables.has(node) ? [] : node.inputs
  })
  return history.some((node) => {
    if (variables.has(node)) return node.inputs[0]!.requiresGrad
    return node.slot !== undefined || !node.inputs.some((input) => input.requiresGrad)
  })
}

function checkScalar(op: string, y: Tensor): void {
  if (y.size === 1 && isFloating(y.dtype)) return
  throw new GradError(
    op,
    `expects a function that returns one floating number, received ${y.dtype} ${formatShape(y.shape)}; reduce it with sum() or mean()`,
  )
}

function differentiate<A extends Arguments>(
  op: string,
  fn: (...args: A) => Tensor,
  argNums: readonly number[],
  args: A,
): { value: Tensor; gradients: Tensor[] } {
  const given: unknown[] = [...args]
  const variables = argNums.map((i) => {
    const variable = variableFor(op, args[i], i)
    given[i] = variable
    return variable.node
  })
  const known = new Set(variables)
  const y = tensorOf(
    op,
    synchronous(
      op,
      withGrad(true, () => fn(...(given as unknown as A))),
    ),
  )
  checkScalar(op, y)
  const higher = isGradEnabled() && readsMore(y.node, known)
  const seed = broadcastTo(constant(1, y.dtype), y.shape)
  const cotangents = backpropagate([y.node], [seed], higher, known)
  return {
    value: higher ? y : wrap(detach(y.node)),
    gradients: variables.map((variable) => wrap(cotangents.get(variable) ?? zeros(variable))),
  }
}

export interface ArgNums<N> {
  /** Which arguments to differentiate by, counting from 0. One number gives one gradient, an array an array. Default 0. */
  readonly argNums?: N
}

/**
 * The gradient of `fn` as a function of the same arguments. `fn` returns one floating number; what is differentiated by are
 * floating tensors of any shape. Gradients by what `fn` does not read are zero. May be nested for higher derivatives.
 */
export function grad<A extends Arguments>(fn: (...args: A) => Tensor, options?: ArgNums<number>): (...args: A) => Tensor
export function grad<A extends Arguments>(
  fn: (...args: A) => Tensor,
  options: ArgNums<readonly number[]>,
): (...args: A) => Tensor[]
export function grad<A extends Arguments>(
  fn: (...args: A) => Tensor,
  { argNums = 0 }: ArgNums<number | readonly number[]> = {},
): (...args: A) => Tensor | Tensor[] {
  return (...args) => {
    if (typeof argNums === 'number') return differentiate('grad', fn, [argNums], args).gradients[0]!
    return differentiate('grad', fn, argNums, args).gradients
  }
}

/** As {@link grad}, with the value of `fn` in front: [value, gradient] or [value, gradients]. */
export function valueAndGrad<A extends Arguments>(
  fn: (...args: A) => Tensor,
  options?: ArgNums<number>,
): (...args: A) => [value: Tensor, gradient: Tensor]
export function valueAndGrad<A extends Arguments>(
  fn: (...args: A) => Tensor,
  options: ArgNums<readonly number[]>,
): (...args: A) => [value: Tensor, gradients: Tensor[]]
export function valueAndGrad<A extends Arguments>(
  fn: (...args: A) => Tensor,
  { argNums = 0 }: ArgNums<number | readonly number[]> = {},
): (...args: A) => [Tensor, Tensor | Tensor[]] {
  return (...args) => {
    const several = typeof argNums === 'object'
    const { value, gradients } = differentiate('valueAndGrad', fn, several ? argNums : [argNums], args)
    return [value, several ? gradients : gradients[0]!]
  }
}

export interface GradientsOptions {
  /** What flows into each output, shaped like it. Default: 1, for outputs of one element. */
  readonly gradOutputs?: readonly Tensor[]
  /** Record the gradients so that they can be differentiated again. Default false. */
  readonly createGraph?: boolean
  /** Allow another differentiation of the same outputs. Default: as `createGraph`. */
  readonly retainGraph?: boolean
  /** Give zeros for inputs that the outputs do not depend on, instead of an error. Default false. */
  readonly allowUnused?: boolean
}

/**
 * Σ over outputs of their gradients by each of `inputs`, which may be leaves or results, as `torch.autograd.grad`. Leaves
 * `grad` of every tensor alone.
 */
export function gradients(
  outputs: Tensor | readonly Tensor[],
  inputs: Tensor | readonly Tensor[],
  { gradOutputs, createGraph = false, retainGraph = createGraph, allowUnused = false }: GradientsOptions = {},
): Tensor[] {
  const roots = outputs instanceof Tensor ? [outputs] : outputs
  const wanted = inputs instanceof Tensor ? [inputs] : inputs
  if (gradOutputs && gradOutputs.length !== roots.length) {
    throw new ValueError(
      'gradients',
      `expects ${roots.length} gradOutputs, one for each output, received ${gradOutputs.length}`,
    )
  }
  const seeds = roots.map((root, i) => seedOf(root, gradOutputs?.[i], i))
  for (const [i, x] of wanted.entries()) {
    if (!x.requiresGrad)
      throw new GradError('gradients', `input ${i} does not require a gradient; call requireGrad() first`)
  }
  const cotangents = backpropagate(
    roots.map((root) => root.node),
    seeds,
    createGraph,
    wanted.length === 1 ? new Set([wanted[0]!.node]) : undefined,
  )
  const found = wanted.map((x, i) => {
    const dx = cotangents.get(x.node)
    if (dx || allowUnused) return dx ?? zeros(x.node)
    throw new GradError('gradients', `the outputs do not depend on input ${i}; pass { allowUnused: true } to get zeros`)
  })
  if (!retainGraph) for (const { node } of roots) if (!node.slot) node.released = true
  return found.map(wrap)
}

function seedOf(root: Tensor, given: Tensor | undefined, position: number): Node {
  if (!root.requiresGrad) {
    throw new GradError(
      'gradients',
      `no gradient flows to output ${position}: it was computed from nothing that requires one`,
    )
  }
  if (given) {
    if (sameShape(given.shape, root.shape)) return cast(given.node, root.dtype)
    throw new ShapeError(
      'gradients',
      `gradOutputs[${position}] has shape ${formatShape(given.shape)}, output ${position} has ${formatShape(root.shape)}`,
    )
  }
  if (root.size === 1) return broadcastTo(constant(1, root.dtype), root.shape)
  throw new GradError(
    'gradients',
    `output ${position} has shape ${formatShape(root.shape)}; reduce it with sum() or mean(), or pass gradOutputs`,
  )
}

/**
 * fn(...args), whose inner results are not kept for back-propagation but computed again when it needs them: about a third
 * more computation for memory that no longer grows with the depth of `fn` (Chen et al. 2016). Random numbers are the same
 * the second time. `fn` is called once, must be synchronous and return one tensor; it may read any tensor, not only `args`.
 */
export function checkpoint<A extends Arguments>(fn: (...args: A) => Tensor, ...args: A): Tensor {
  return wrap(checkpointed(() => tensorOf('checkpoint', synchronous('checkpoint', fn(...args))).node))
}

type Cotangent = Tensor | undefined

/**
 * A function of tensors with a derivative given by hand. `forward` computes the value (its operations are not
 * differentiated); `backward` gets the gradient dy that flows into the value, the arguments and the value, and gives the
 * gradient by each argument: undefined where there is none, one tensor when there is one argument. Write it with tensor
 * operations, and it can be differentiated again.
 */
export function customGrad<A extends readonly Tensor[]>(
  forward: (...args: A) => Tensor,
  backward: (dy: Tensor, args: A, value: Tensor) => Cotangent | readonly Cotangent[],
): (...args: A) => Tensor {
  return (...args) => {
    const value = noGrad(() => tensorOf('customGrad', forward(...args)))
    const derivative = (dy: Node, inputs: readonly Node[], y: Node): (Node | undefined)[] => {
      const found = backward(wrap(dy), inputs.map(wrap) as unknown as A, wrap(y))
      const list = found instanceof Tensor || found === undefined ? [found] : found
      if (list.length !== inputs.length) {
        throw new GradError('customGrad', `backward gave ${list.length} gradients for ${inputs.length} arguments`)
      }
      return list.map((dx) => dx?.node)
    }
    return wrap(
      custom(
        value.node,
        args.map((x) => x.node),
        derivative,
      ),
    )
  }
}
