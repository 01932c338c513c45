import { allocate, type TypedArray } from '../../core/dtype.ts'
import { sizeOf } from '../../core/shape.ts'
import type { Node } from '../../graph/node.ts'
import { buffer } from '../../graph/ops/leaves.ts'
import { runSteps, type ScanAttrs } from '../../graph/ops/scan.ts'
import { argumentsOf } from '../../schedule/canonical.ts'
import { ResultMemory } from './result-memory.ts'

/** A plan of one step, from its leaves to its roots. */
export interface StepPlan {
  run(
    given: { leaves: readonly TypedArray[]; numbers: readonly number[]; held: readonly boolean[] },
    memory: ResultMemory,
  ): TypedArray[]
}

/** Computes a scan by repeating a plan of its body: what is compiled does not grow with the number of steps. */
export class ScanPlan {
  private readonly attrs: ScanAttrs
  private readonly step: StepPlan
  /** Which parameter each leaf of the step is. */
  private readonly leaves: readonly number[]
  private readonly held: readonly boolean[]
  private readonly memory = new ResultMemory()

  constructor({ attrs }: Node<ScanAttrs>, makePlan: (roots: readonly Node[]) => StepPlan) {
    this.attrs = attrs
    const { body } = attrs
    const parameters = body.parameters.map(({ shape, dtype }) => buffer(allocate(dtype, sizeOf(shape)), shape, dtype))
    const roots = body.instantiate(parameters)
    this.leaves = argumentsOf(roots).leaves.map((leaf) => parameters.indexOf(leaf))
    this.step = makePlan(roots)
    this.held = roots.map(() => false)
  }

  /** Writes all results, one behind the other, to `out`. */
  run(inputs: readonly TypedArray[], out: TypedArray): void {
    const { attrs, step, leaves, held, memory } = this
    memory.begin()
    // The results of a step are read by the next one; after that their memory can be used again.
    let last: readonly TypedArray[] = []
    const giveBack = (): void => {
      for (const [i, array] of last.entries()) memory.giveBack(array, attrs.body.results[i]!.dtype)
    }
    runSteps<TypedArray>(attrs, inputs, out, (parameters) => {
      const results = step.run({ leaves: leaves.map((i) => parameters[i]!), numbers: [], held }, memory)
      giveBack()
      last = results
      return results
    })
    giveBack()
  }
}
