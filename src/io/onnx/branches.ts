import type { Tensor } from '../../tensor/tensor.ts'
import { numberOf } from '../graphs/known.ts'
import { type Edge, type Step, Steps } from '../graphs/steps.ts'
import type { GraphProto } from './onnx-pb.ts'

/** A graph and those that lie in its nodes. They cannot lie deep in one another: a file may nest messages a hundred deep. */
export function graphsIn(graph: GraphProto): GraphProto[] {
  const attributes = graph.node.flatMap(({ attribute }) => attribute)
  const inside = attributes.flatMap(({ g, graphs }) => (g ? [g, ...graphs] : graphs))
  return [graph, ...inside.flatMap(graphsIn)]
}

/** A graph whose names have been found. */
export interface Branch {
  readonly steps: ReadonlyMap<string, Step>
  readonly outputs: readonly Edge[]
}

/**
 * The step for an `If`: it carries out the branch that its condition, read while recording, asks for. Branches see the values around
 * them: those that they use are inputs of the step.
 */
export function conditional(name: string, condition: Edge, ifTrue: Branch, ifFalse: Branch): Step {
  const seen = outsideOf([ifTrue, ifFalse])
  const [whenTrue, whenFalse] = [new Steps(ifTrue.steps), new Steps(ifFalse.steps)]
  return {
    name,
    op: 'If',
    inputs: [condition, ...seen],
    compute([decisive, ...given]) {
      const values = new Map<string, Tensor[]>()
      for (const [i, { node, output }] of seen.entries()) {
        const outputs = values.get(node) ?? []
        outputs[output] = given[i]!
        values.set(node, outputs)
      }
      return numberOf(decisive!) ? whenTrue.run(values, ifTrue.outputs) : whenFalse.run(values, ifFalse.outputs)
    },
  }
}

/** What branches use that none of their own steps gives, each once. */
function outsideOf(branches: readonly Branch[]): Edge[] {
  const found = new Map<string, Edge>()
  for (const { steps, outputs } of branches) {
    for (const edge of [...[...steps.values()].flatMap(({ inputs }) => inputs), ...outputs])
      if (edge && !steps.has(edge.node)) found.set(`${edge.output} ${edge.node}`, edge)
  }
  return [...found.values()]
}
