import { expand, type Node } from '../../src/graph/node.ts'
import { setDevice } from '../../src/runtime/device.ts'
import type { Tensor } from '../../src/tensor/tensor.ts'
import { isGradientChecked } from './cases.ts'
import type { GoldenCase } from './format.ts'
import { resolveCall, runCase, weighted } from './run.ts'

/** Which parts of the library a set of goldens holds. */
export interface Observation {
  /** Names of ops whose values are compared: in outputs, gradients and buffers, decompositions included. */
  readonly recorded: Set<string>
  /** Names of ops whose derivative is compared with central differences. */
  readonly differentiated: Set<string>
  /** Names of ops whose second derivative is. */
  readonly differentiatedTwice: Set<string>
  /** The functions, methods and classes that the goldens call. */
  readonly called: Set<unknown>
}

/** Everything below `roots`, the meaning of composites included. */
function* everythingBelow(roots: Iterable<Node>): Iterable<Node> {
  const seen = new Set<Node>()
  const stack = [...roots]
  while (stack.length > 0) {
    const node = stack.pop()!
    if (seen.has(node)) continue
    seen.add(node)
    yield node
    stack.push(...node.inputs)
    if (node.op.decompose && node.inputs.length > 0) stack.push(expand(node))
  }
}

/** The nodes that back-propagation from `root` passes: composites with a derivative of their own are not taken apart. */
function* differentiableBelow(root: Node): Iterable<Node> {
  const seen = new Set<Node>()
  const stack = [root]
  while (stack.length > 0) {
    const node = stack.pop()!
    if (seen.has(node) || !node.requiresGrad) continue
    seen.add(node)
    yield node
    if (node.op.derivative || !node.op.decompose) stack.push(...node.inputs)
    else stack.push(expand(node))
  }
}

function addOps(names: Set<string>, nodes: Iterable<Node>): void {
  for (const { op } of nodes) names.add(op.name)
}

/** Records the graphs of all cases, without computing them, and notes what they consist of. */
export async function observe(cases: Iterable<GoldenCase>): Promise<Observation> {
  // What little is computed on the way needs no plan.
  setDevice('reference')
  const seen: Observation = {
    recorded: new Set(),
    differentiated: new Set(),
    differentiatedTwice: new Set(),
    called: new Set(),
  }
  for (const golden of cases) await observeCase(golden, seen)
  return seen
}

async function observeCase(golden: GoldenCase, seen: Observation): Promise<void> {
  seen.called.add(resolveCall(golden))
  const { inputs, module, outputs } = await runCase(golden)
  const results: Tensor[] = [...outputs]
  const variables: Tensor[] = [...inputs]
  if (module) {
    variables.push(...[...module.namedParameters()].map(([, parameter]) => parameter))
    results.push(...[...module.namedBuffers()].map(([, buffer]) => buffer))
  }
  const total = golden.grads ? weighted(outputs) : undefined
  if (total) {
    if (isGradientChecked(golden)) {
      addOps(seen.differentiated, differentiableBelow(total.node))
      if (golden.smooth) addOps(seen.differentiatedTwice, differentiableBelow(total.node))
    }
    const twice = isGradientChecked(golden) && golden.smooth === true
    total.backward(undefined, { createGraph: twice })
    for (const { grad } of variables) {
      if (!grad) continue
      results.push(grad)
      // The second derivative of the case is the first of what only its gradient consists of.
      if (twice) addOps(seen.differentiated, differentiableBelow(grad.node))
    }
  }
  addOps(seen.recorded, everythingBelow(results.map(({ node }) => node)))
}
