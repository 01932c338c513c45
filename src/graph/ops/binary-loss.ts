import { type Node, noAttrs, type Op, record } from '../node.ts'
import { abs, add, div, maximum, mul, neg, sub } from './arithmetic.ts'
import { constant } from './leaves.ts'
import { cast } from './logic.ts'
import { widened } from './precision.ts'
import { sumTo } from './reduce.ts'
import { exp, log, log1p, sigmoid } from './transcendental.ts'

const one = (x: Node): Node => constant(1, x.dtype)

/** ln x, but no less than −100, so that a probability of 0 costs much instead of everything. */
function boundedLog(x: Node): Node {
  return maximum(log(x), constant(-100, x.dtype))
}

/**
 * Binary cross-entropy of probabilities x against y, element by element: −y ln x − (1 − y) ln(1 − x), logarithms bounded by
 * −100. The derivative by x is (x − y) / max(x (1 − x), 1e-12).
 */
export const bceOp: Op = {
  name: 'bce',
  kind: 'composite',
  infer: ([x]) => ({ shape: x!.shape, dtype: x!.dtype }),
  decompose([x, y]) {
    const [p, t] = [widened(x!), widened(y!)]
    const positive = mul(t, boundedLog(p))
    const negative = mul(sub(one(t), t), maximum(log1p(neg(p)), constant(-100, p.dtype)))
    return cast(neg(add(positive, negative)), x!.dtype)
  },
  derivative(node, dy, i) {
    const [x, y] = node.inputs as [Node, Node]
    const [p, t, g] = [widened(x), widened(y), widened(dy)]
    if (i === 1) return cast(mul(g, sub(maximum(log1p(neg(p)), constant(-100, p.dtype)), boundedLog(p))), y.dtype)
    const spread = maximum(mul(p, sub(one(p), p)), constant(1e-12, p.dtype))
    return cast(mul(g, div(sub(p, t), spread)), x.dtype)
  },
}

export function bce(x: Node, y: Node): Node {
  return record(bceOp, [x, y], noAttrs)
}

/**
 * Binary cross-entropy of σ(x) against y, element by element, without overflow:
 * (1 − y) x + (1 + (p − 1) y) · ln(1 + e⁻ˣ), p the weight of positive samples (1 when absent), which broadcasts.
 */
export const bceWithLogitsOp: Op = {
  name: 'bceWithLogits',
  kind: 'composite',
  infer: ([x]) => ({ shape: x!.shape, dtype: x!.dtype }),
  decompose([x, y, p]) {
    const [wide, target] = [widened(x!), widened(y!)]
    const negative = mul(sub(constant(1, wide.dtype), target), wide)
    return cast(add(negative, mul(positiveScale(target, p), logOnePlusExpMinus(wide))), x!.dtype)
  },
  derivative(node, dy, i) {
    const [x, y, p] = node.inputs as [Node, Node, Node?]
    const [wide, target, g] = [widened(x), widened(y), widened(dy)]
    const one = constant(1, wide.dtype)
    if (i === 0) {
      const slope = sub(sub(one, target), mul(positiveScale(target, p), sigmoid(neg(wide))))
      return cast(mul(g, slope), x.dtype)
    }
    const tail = logOnePlusExpMinus(wide)
    if (i === 1) return cast(mul(g, p ? sub(mul(sub(widened(p), one), tail), wide) : neg(wide)), y.dtype)
    return cast(sumTo(mul(g, mul(target, tail)), p!.shape), p!.dtype)
  },
}

/** 1 + (p − 1) y */
function positiveScale(y: Node, p: Node | undefined): Node {
  const one = constant(1, y.dtype)
  return p ? add(one, mul(sub(widened(p), one), y)) : one
}

/** ln(1 + e⁻ˣ) = max(−x, 0) + ln(1 + e^{−|x|}) */
function logOnePlusExpMinus(x: Node): Node {
  return add(maximum(neg(x), constant(0, x.dtype)), log1p(exp(neg(abs(x)))))
}

export function bceWithLogits(x: Node, y: Node, p: Node | undefined): Node {
  return record(bceWithLogitsOp, p ? [x, y, p] : [x, y], noAttrs)
}
