import type { DType } from '../core/dtype.ts'
import { type Node, record } from '../graph/node.ts'
import * as ops from '../graph/ops/arithmetic.ts'
import type { Binary } from '../graph/ops/define.ts'
import { scalarOp } from '../graph/ops/leaves.ts'

/*
 * Update equations, written as they stand in the papers: terms are nodes or numbers. Every number enters as an argument of
 * the run, 0 and 1 included, so that a learning rate that reaches 0 or a bias correction that reaches 1 changes no structure.
 */

/** A number that may differ from step to step. */
export function argument(value: number, dtype: DType): Node {
  return record(scalarOp, [], { value, dtype })
}

/** An operation of which one side may be a number. */
interface Formula {
  (a: Node, b: Node | number): Node
  (a: number, b: Node): Node
}

function formula(op: Binary): Formula {
  return (a: Node | number, b: Node | number): Node => {
    if (typeof a === 'number') return op(argument(a, (b as Node).dtype), b as Node)
    return op(a, typeof b === 'number' ? argument(b, a.dtype) : b)
  }
}

export const add: Formula = formula(ops.add)
export const sub: Formula = formula(ops.sub)
export const mul: Formula = formula(ops.mul)
export const div: Formula = formula(ops.div)
export const maximum: Formula = formula(ops.maximum)
export const minimum: Formula = formula(ops.minimum)

export const square = (x: Node): Node => ops.mul(x, x)

/** a + weight · (b − a) */
export function lerp(a: Node, b: Node, weight: number): Node {
  return add(a, mul(sub(b, a), weight))
}

/** The running mean β·mean + (1 − β)·x. */
export function decay(mean: Node, x: Node, beta: number): Node {
  return add(mul(mean, beta), mul(x, 1 - beta))
}

/** What to descend along: the gradient, negated where the objective is maximised, plus weightDecay · p (L2 penalty). */
export function descent(p: Node, grad: Node, options: { maximize: boolean; weightDecay?: number }): Node {
  const g = options.maximize ? ops.neg(grad) : grad
  return options.weightDecay ? add(g, mul(p, options.weightDecay)) : g
}
