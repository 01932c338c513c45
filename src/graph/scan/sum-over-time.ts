import { sameShape } from '../../core/shape.ts'
import { type Node, record } from '../node.ts'
import { add } from '../ops/arithmetic.ts'
import { type Contraction, contract } from '../ops/contract.ts'
import { reduce } from '../ops/reduce.ts'

/** Where values of all steps [T, ...] and of invariants are found when the sum is made. */
export interface Stacks {
  /** A forward value that is kept at every step. */
  kept(node: Node): Node
  emitted(index: number): Node
  /** A value that is the same at every step. */
  invariant(node: Node): Node
}

export interface Step {
  /** Whether a value differs from step to step. */
  varies(node: Node): boolean
  isKept(node: Node): boolean
  /** Has the value given out at every step, under the number that is returned. */
  emit(node: Node): number
}

type Sum = (stacks: Stacks) => Node

/** Ops with Σ op(x) = op(Σ x). */
const linear: ReadonlySet<string> = new Set(['reshape', 'permute', 'slice', 'pad', 'flip', 'neg'])

/**
 * Sums over all steps as one operation on values of all steps: of a product of two, one product over time as well; of a sum,
 * one sum. So the gradient of a recurrent weight is a single large product instead of many small ones.
 */
export class SumOverTime {
  private readonly step: Step

  constructor(step: Step) {
    this.step = step
  }

  /** How Σₜ node comes out, or undefined where it has to be summed step by step. */
  of(node: Node): Sum | undefined {
    const { op, inputs, attrs } = node
    const [a, b] = inputs as [Node, Node]
    if (op.name === 'add' && sameShape(a.shape, node.shape) && sameShape(b.shape, node.shape)) {
      const [left, right] = [this.of(a), this.of(b)]
      return left && right && ((stacks) => add(left(stacks), right(stacks)))
    }
    if (linear.has(op.name)) {
      const inner = this.of(a)
      return inner && ((stacks) => record(op, [inner(stacks)], attrs))
    }
    if (op.name === 'mul') return this.scaled(node, a, b) ?? this.scaled(node, b, a)
    if (op.name === 'reduce') return this.total(a, attrs as { kind: string; dims: readonly number[] })
    if (op.name === 'contract') return this.product(a, b, attrs as Contraction)
    return undefined
  }

  private scaled(node: Node, x: Node, factor: Node): Sum | undefined {
    if (this.step.varies(factor) || !sameShape(x.shape, node.shape)) return undefined
    const inner = this.of(x)
    return inner && ((stacks) => record(node.op, [inner(stacks), stacks.invariant(factor)], node.attrs))
  }

  private total(x: Node, { kind, dims }: { kind: string; dims: readonly number[] }): Sum | undefined {
    if (kind !== 'sum') return undefined
    const values = this.stack(x)
    return (stacks) => reduce(values(stacks), 'sum', [0, ...dims.map((d) => d + 1)])
  }

  private product(a: Node, b: Node, { batch, reduce: reduced }: Contraction): Sum | undefined {
    const [left, right] = [this.step.varies(a), this.step.varies(b)]
    if (left && right) {
      const [x, y] = [this.stack(a), this.stack(b)]
      const later = (dims: readonly number[]): number[] => dims.map((d) => d + 1)
      const attrs = {
        batch: [later(batch[0]), later(batch[1])],
        reduce: [
          [0, ...later(reduced[0])],
          [0, ...later(reduced[1])],
        ],
      } as const
      return (stacks) => contract(x(stacks), y(stacks), attrs)
    }
    const inner = this.of(left ? a : b)
    if (!inner) return undefined
    return (stacks) =>
      left
        ? contract(inner(stacks), stacks.invariant(b), { batch, reduce: reduced })
        : contract(stacks.invariant(a), inner(stacks), { batch, reduce: reduced })
  }

  /** The values of all steps [T, ...]. */
  private stack(node: Node): Sum {
    if (this.step.isKept(node)) return (stacks) => stacks.kept(node)
    const index = this.step.emit(node)
    return (stacks) => stacks.emitted(index)
  }
}
