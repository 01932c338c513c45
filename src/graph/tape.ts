import { type Attrs, type Node, type Op, record, type Recorder, withRecorder } from './node.ts'
import { constantOp, scalarOp } from './ops/leaves.ts'

/** Thrown where equations that are gone through again are not those that were recorded. */
export class Otherwise {}

/**
 * Equations that are recorded once and gone through again for their numbers alone: whoever computes learning rates and bias
 * corrections on the way gets the nodes of the first time, and no graph is made.
 */
export class Tape {
  /** Nodes of the numbers that may change, in the order in which {@link repeat} gives their values. */
  readonly scalars: Node[] = []
  private readonly nodes: Node[] = []
  private position = 0
  private values: number[] = []

  /** Runs `fn` and remembers what it records. May be called several times; the parts follow each other. */
  record<T>(fn: () => T): T {
    const recorder: Recorder = (op, inputs, attrs) => {
      const node = withRecorder(undefined, () => record(op, inputs, attrs))
      this.nodes.push(node)
      if (node.op === scalarOp) this.scalars.push(node)
      return node
    }
    return withRecorder(recorder, fn)
  }

  /**
   * Runs `fn`, which must do what the function that was recorded did, and returns the numbers it comes upon. Throws
   * {@link Otherwise} where it does not.
   */
  repeat(fn: () => void): readonly number[] {
    this.position = 0
    this.values = []
    withRecorder(this.known, fn)
    if (this.position !== this.nodes.length) throw new Otherwise()
    return this.values
  }

  private readonly known: Recorder = (op: Op, _: readonly Node[], attrs: Attrs): Node => {
    const node = this.nodes[this.position++]
    if (node?.op !== op) throw new Otherwise()
    if (op === scalarOp) this.values.push((attrs as { value: number }).value)
    else if (op === constantOp && (attrs as { value: number }).value !== (node.attrs as { value: number }).value)
      throw new Otherwise()
    return node
  }
}
