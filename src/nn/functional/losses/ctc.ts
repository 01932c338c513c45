import { DTypeError, IndexError, ShapeError, ValueError } from '../../../core/errors.ts'
import { formatShape } from '../../../core/shape.ts'
import type { Node } from '../../../graph/node.ts'
import { add, div, maximum, mul, neg, sub } from '../../../graph/ops/arithmetic.ts'
import { gather } from '../../../graph/ops/indexing.ts'
import { buffer, constant, iota } from '../../../graph/ops/leaves.ts'
import { and, cast, detach, equal, less, lessEqual, notEqual, where } from '../../../graph/ops/logic.ts'
import { checkedLabels, reduceLoss } from '../../../graph/ops/loss.ts'
import { widened } from '../../../graph/ops/precision.ts'
import { exp, log } from '../../../graph/ops/transcendental.ts'
import { broadcastTo, concat, permute, reshape, sliceDim } from '../../../graph/ops/views.ts'
import { cumulative } from '../../../graph/ops/cumulative.ts'
import { wrap } from '../../../tensor/base.ts'
import type { Tensor } from '../../../tensor/tensor.ts'
import { checkFloating, checkReduction, type LossOptions } from './reduction.ts'

export interface CtcOptions extends LossOptions {
  /** The class that stands for "no label". Default 0. */
  readonly blank?: number
  /** Let samples whose target does not fit into their input count as 0 instead of infinity. Default false. */
  readonly zeroInfinity?: boolean
}

/** One length a sample: int32 [N], or plain numbers. */
export type Lengths = Tensor | readonly number[]

const op = 'ctcLoss'

/** Stands for ln 0: far below every log-probability of a path, and finite, so that differences of two are 0 and not NaN. */
const impossible = -1e30

/**
 * Connectionist temporal classification (Graves et al. 2006): −ln of the total probability of all alignments of each target
 * with its input. logProbs [T, N, C] (or [T, C]) are log-probabilities over classes; targets [N, S] or all targets one after
 * the other [Σ lengths], int32 without blanks. The mean divides each loss by its target's length first.
 */
export function ctcLoss(
  logProbs: Tensor,
  targets: Tensor,
  inputLengths: Lengths,
  targetLengths: Lengths,
  { blank = 0, reduction = 'mean', zeroInfinity = false }: CtcOptions = {},
): Tensor {
  checkReduction(op, reduction)
  checkFloating(op, logProbs)
  if (logProbs.rank !== 2 && logProbs.rank !== 3) {
    throw new ShapeError(op, `expects logProbs [T, N, C] or [T, C], received ${formatShape(logProbs.shape)}`)
  }
  const single = logProbs.rank === 2
  const [t, n, c] = (single ? logProbs.shape.toSpliced(1, 0, 1) : logProbs.shape) as [number, number, number]
  if (!Number.isInteger(blank) || blank < 0 || blank >= c) {
    throw new IndexError(op, `blank ${blank} is out of range for ${c} classes: expected 0 to ${c - 1}`)
  }
  const inputs = lengthsNode('inputLengths', inputLengths, n, t)
  const outputs = lengthsNode('targetLengths', targetLengths, n, undefined)
  const padded = paddedTargets(targets, targetLengths, outputs, n, single)
  const losses = alignmentLoss(reshape(widened(logProbs.node), [t, n, c]), padded, inputs, outputs, blank)
  const infinite = less(constant(-impossible / 2, losses.dtype), losses)
  const missing = constant(zeroInfinity ? 0 : Number.POSITIVE_INFINITY, losses.dtype)
  const each = where(infinite, missing, losses)
  return wrap(cast(joined(each, outputs, reduction, single), logProbs.dtype))
}

function joined(each: Node, outputs: Node, reduction: 'mean' | 'sum' | 'none', single: boolean): Node {
  if (reduction === 'none') return single ? reshape(each, []) : each
  if (reduction === 'sum') return reduceLoss(each, 'sum')
  const lengths = cast(maximum(outputs, constant(1, 'int32')), each.dtype)
  return reduceLoss(div(each, lengths), 'mean')
}

function lengthsNode(name: string, lengths: Lengths, n: number, longest: number | undefined): Node {
  if (Array.isArray(lengths)) {
    const list = lengths as readonly number[]
    if (list.some((length) => !Number.isInteger(length) || length < 0 || length > (longest ?? length))) {
      throw new ValueError(
        op,
        `${name} must be whole numbers from 0 to ${longest ?? 'S'}, received ${formatShape(list)}`,
      )
    }
    if (list.length !== n)
      throw new ShapeError(op, `${name} must hold ${n} lengths, one a sample, received ${list.length}`)
    return buffer(Int32Array.from(list), [n], 'int32')
  }
  const { node } = lengths as Tensor
  if (node.dtype !== 'int32') throw new DTypeError(op, `${name} must be int32, received ${node.dtype}`)
  if (node.shape.length > 1 || (node.shape[0] ?? 1) !== n) {
    throw new ShapeError(op, `${name} must hold ${n} lengths, one a sample, received ${formatShape(node.shape)}`)
  }
  return reshape(node, [n])
}

/** Targets as rows [N, S]; what lies beyond a target's length is whatever follows it. */
function paddedTargets(targets: Tensor, given: Lengths, lengths: Node, n: number, single: boolean): Node {
  if (targets.dtype !== 'int32' && targets.dtype !== 'uint8') {
    throw new DTypeError(op, `targets must be int32, received ${targets.dtype}`)
  }
  const node = cast(targets.node, 'int32')
  const known = Array.isArray(given) ? (given as readonly number[]) : undefined
  const longest = known ? Math.max(0, ...known) : targets.size
  if (targets.rank === 2 || single) {
    const rows = reshape(node, targets.rank === 2 ? targets.shape : [1, targets.size])
    if (rows.shape[0] !== n || (known && longest > rows.shape[1]!)) {
      throw new ShapeError(
        op,
        `targets must be [${n}, S] with S ≥ ${longest}, or all of them in a row; received ${formatShape(targets.shape)}`,
      )
    }
    return rows
  }
  const total = known?.reduce((sum, length) => sum + length, 0)
  if (targets.rank !== 1 || (total !== undefined && total > targets.size)) {
    throw new ShapeError(op, `targets of ${total} labels in all do not fit ${formatShape(targets.shape)}`)
  }
  const ends = cumulative(lengths, 'sum', 0)
  const starts = reshape(sub(ends, lengths), [n, 1])
  const places = add(starts, reshape(iota(longest), [1, longest]))
  if (targets.size === 0) return broadcastTo(constant(0, 'int32'), [n, longest])
  const inside = where(
    less(places, constant(targets.size, 'int32')),
    places,
    broadcastTo(constant(0, 'int32'), places.shape),
  )
  return reshape(gather(node, reshape(inside, [n * longest]), 0, op), [n, longest])
}

/** −ln P of each sample, [N]; above −{@link impossible} / 2 where there is no alignment. */
function alignmentLoss(logProbs: Node, targets: Node, inputs: Node, outputs: Node, blank: number): Node {
  const [t, n, c] = logProbs.shape as [number, number, number]
  const s = targets.shape[1]!
  const column = (x: Node): Node => reshape(x, [n, 1])
  const within = less(reshape(iota(s), [1, s]), column(outputs))
  const blanks = constant(blank, 'int32')
  const labels = checkedLabels(where(within, targets, blanks), { classes: c, label: op })
  // A blank before, between and after all labels: blank, l₁, blank, l₂ ... blank.
  const gap = broadcastTo(blanks, [n, s, 1])
  const states = 2 * s + 1
  const pairs = reshape(concat([gap, reshape(labels, [n, s, 1])], 2), [n, 2 * s])
  const path = concat([pairs, broadcastTo(blanks, [n, 1])], 1)
  const skips = skippable(path, blanks, n, states)
  const steps = gather(permute(logProbs, [1, 0, 2]), reshape(path, [n, 1, states]), 2, op)
  const dead = constant(impossible, steps.dtype)
  const at = (time: number): Node => reshape(sliceDim(steps, 1, time, time + 1), [n, states])
  const numbers = reshape(iota(states), [1, states])
  if (t === 0) return reshape(where(equal(outputs, constant(0, 'int32')), constant(0, steps.dtype), neg(dead)), [n])
  let alpha = where(less(numbers, constant(2, 'int32')), at(0), dead)
  for (let time = 1; time < t; time++) {
    const next = add(at(time), logSum(alpha, shifted(alpha, 1, dead), where(skips, shifted(alpha, 2, dead), dead)))
    alpha = where(less(constant(time, 'int32'), column(inputs)), floored(next, dead), alpha)
  }
  const last = mul(column(outputs), constant(2, 'int32'))
  const ending = gather(alpha, last, 1, op)
  const before = gather(alpha, maximum(sub(last, constant(1, 'int32')), constant(0, 'int32')), 1, op)
  const labelled = where(equal(last, constant(0, 'int32')), dead, before)
  const unstarted = and(equal(column(inputs), constant(0, 'int32')), notEqual(last, constant(0, 'int32')))
  const total = where(unstarted, dead, logSum(ending, labelled, broadcastTo(dead, [n, 1])))
  const nothing = and(equal(column(inputs), constant(0, 'int32')), equal(last, constant(0, 'int32')))
  return reshape(neg(where(nothing, constant(0, total.dtype), total)), [n])
}

/** Whether a state may be reached from the one two before: a label that differs from the one before it. */
function skippable(path: Node, blank: Node, n: number, states: number): Node {
  const two = Math.min(2, states)
  const none = broadcastTo(blank, [n, two])
  const earlier = concat([none, sliceDim(path, 1, 0, states - two)], 1)
  return and(notEqual(path, blank), notEqual(path, earlier))
}

/** Moved by `steps` states, {@link impossible} coming in. */
function shifted(alpha: Node, steps: number, dead: Node): Node {
  const [n, states] = alpha.shape as [number, number]
  const count = Math.min(steps, states)
  return concat([broadcastTo(dead, [n, count]), sliceDim(alpha, 1, 0, states - count)], 1)
}

/** ln(eᵃ + eᵇ + eᶜ) without overflow. */
function logSum(a: Node, b: Node, c: Node): Node {
  const highest = detach(maximum(maximum(a, b), c))
  const share = (x: Node): Node => exp(sub(x, highest))
  return add(highest, log(add(add(share(a), share(b)), share(c))))
}

/** No lower than `dead`, so that impossible states stay equal; no derivative passes there. */
function floored(x: Node, dead: Node): Node {
  return where(lessEqual(x, dead), dead, x)
}
