import { isFloating } from '../../core/dtype.ts'
import { DTypeError, ShapeError } from '../../core/errors.ts'
import { formatShape, sameShape, sizeOf } from '../../core/shape.ts'
import { type Node, type Op, record } from '../node.ts'
import { add, div, mul, neg, sub } from './arithmetic.ts'
import { logSoftmax, softmax } from './composite.ts'
import { outOfRange } from './index-range.ts'
import { gather } from './indexing.ts'
import { constant, iota } from './leaves.ts'
import { cast, equal, notEqual, where } from './logic.ts'
import { sumKept } from './normalization.ts'
import { widened } from './precision.ts'
import { reduce } from './reduce.ts'
import { broadcastTo, reshape } from './views.ts'

/** How the losses of the samples are joined. */
export type Reduction = 'mean' | 'sum' | 'none'

/** Σ of all elements, their mean, or the elements themselves. The mean of nothing is NaN. */
export function reduceLoss(losses: Node, reduction: Reduction): Node {
  if (reduction === 'none') return losses
  const total = reduce(losses, 'sum', [...losses.shape.keys()])
  return reduction === 'sum' ? total : mul(total, constant(1 / sizeOf(losses.shape), total.dtype))
}

interface Labels {
  readonly classes: number
  /** A label that stands for "no class", where there is one. */
  readonly ignoreIndex: number | undefined
  /** The name that errors give. */
  readonly label: string
}

/**
 * Class labels, checked when the data is looked at: 0 ≤ label < classes. `ignoreIndex` becomes 0, so that what comes out can
 * always be used as an index.
 */
export const labelsOp: Op<Labels> = {
  name: 'labels',
  kind: 'elementwise',
  infer([target], { label }) {
    checkLabelType(label, target!)
    return { shape: target!.shape, dtype: 'int32' }
  },
  evaluate(node, [target]) {
    const { classes, ignoreIndex, label } = node.attrs
    const out = new Int32Array(target!.length)
    for (let i = 0; i < out.length; i++) {
      const value = target![i]!
      if (value === ignoreIndex) continue
      if (value < 0 || value >= classes) throw outOfRange(label, 'classes', value, i, classes)
      out[i] = value
    }
    return out
  },
}

function checkLabelType(op: string, target: Node): void {
  if (target.dtype === 'int32' || target.dtype === 'uint8') return
  throw new DTypeError(op, `class labels must be int32 or uint8, received ${target.dtype}`)
}

/** See {@link labelsOp}; without `ignoreIndex` every label counts. */
export function checkedLabels(target: Node, attrs: Omit<Labels, 'ignoreIndex'> & Partial<Labels>): Node {
  return record(labelsOp, [target], { ignoreIndex: undefined, ...attrs })
}

export interface ClassLoss {
  readonly reduction: Reduction
  readonly ignoreIndex: number
  /** 0 to 1: this share of the target is spread evenly over all classes (Szegedy et al. 2016). */
  readonly labelSmoothing: number
}

/** Shapes and dtypes of x [N, C, ...], target [N, ...] and an optional weight [C]. */
function checkClassLoss(op: string, [x, target, weight]: readonly Node[]): void {
  const classes = x!.shape[1]!
  if (!isFloating(x!.dtype)) throw new DTypeError(op, `expects a floating input, received ${x!.dtype}`)
  checkLabelType(op, target!)
  const expected = [x!.shape[0]!, ...x!.shape.slice(2)]
  if (!sameShape(target!.shape, expected)) {
    throw new ShapeError(
      op,
      `input [N, C, ...] ${formatShape(x!.shape)} takes class labels of shape ${formatShape(expected)}, received ${formatShape(target!.shape)}`,
    )
  }
  if (weight && (weight.shape.length !== 1 || weight.shape[0] !== classes)) {
    throw new ShapeError(
      op,
      `weight holds one number a class: expected [${classes}], received ${formatShape(weight.shape)}`,
    )
  }
  if (weight && weight.dtype !== x!.dtype) {
    throw new DTypeError(op, `input is ${x!.dtype}, weight is ${weight.dtype}; convert one with .to(dtype)`)
  }
}

interface Targets {
  /** Labels with a class dimension of size 1: [N, 1, ...]. */
  readonly index: Node
  /** Which samples count. */
  readonly valid: Node
  /** The weight of each sample's class, 0 for ignored ones. */
  readonly weights: Node
}

/** Everything about the targets has the shape [N, 1, ...]. */
function readTargets(op: string, x: Node, target: Node, weight: Node | undefined, ignoreIndex: number): Targets {
  const classes = x.shape[1]!
  const checked = checkedLabels(target, { classes, ignoreIndex, label: op })
  const column = x.shape.with(1, 1)
  const valid = reshape(notEqual(cast(target, 'int32'), constant(ignoreIndex, 'int32')), column)
  const one = constant(1, x.dtype)
  const each = weight
    ? reshape(gather(weight, reshape(checked, [sizeOf(column)]), 0, op), column)
    : broadcastTo(one, column)
  return { index: reshape(checked, column), valid, weights: where(valid, each, constant(0, x.dtype)) }
}

/** Losses [N, 1, ...] to the result; a mean is weighted by the samples' weights. */
function joined(losses: Node, weights: Node, reduction: Reduction): Node {
  if (reduction === 'none') return reshape(losses, [losses.shape[0]!, ...losses.shape.slice(2)])
  const total = reduceLoss(losses, 'sum')
  return reduction === 'sum' ? total : div(total, reduceLoss(weights, 'sum'))
}

function classLossType(
  [x, target]: readonly Node[],
  { reduction }: ClassLoss,
): { shape: readonly number[]; dtype: Node['dtype'] } {
  return { shape: reduction === 'none' ? target!.shape : [], dtype: x!.dtype }
}

/** Minus the input at the label, times the class's weight: x [N, C, ...] log-probabilities, target [N, ...], weight [C]. */
export const nllLossOp: Op<ClassLoss> = {
  name: 'nllLoss',
  kind: 'composite',
  infer(inputs, attrs) {
    checkClassLoss('nllLoss', inputs)
    return classLossType(inputs, attrs)
  },
  decompose([x, target, weight], { reduction, ignoreIndex }) {
    const wide = widened(x!)
    const { index, valid, weights } = readTargets('nllLoss', wide, target!, weight && widened(weight), ignoreIndex)
    const picked = neg(mul(gather(wide, index, 1, 'nllLoss'), weights))
    return cast(joined(where(valid, picked, constant(0, wide.dtype)), weights, reduction), x!.dtype)
  },
}

export function nllLoss(x: Node, target: Node, weight: Node | undefined, attrs: ClassLoss): Node {
  return record(nllLossOp, weight ? [x, target, weight] : [x, target], attrs)
}

/**
 * −Σ_c q_c w_c ln softmax(x)_c with q the (smoothed) label: x [N, C, ...] logits, target [N, ...], weight [C].
 * The derivative by x is (softmax(x) · Σ_c q_c w_c − q ∘ w) · dy / count.
 */
export const crossEntropyOp: Op<ClassLoss> = {
  name: 'crossEntropy',
  kind: 'composite',
  infer(inputs, attrs) {
    checkClassLoss('crossEntropy', inputs)
    return classLossType(inputs, attrs)
  },
  decompose([x, target, weight], { reduction, ignoreIndex, labelSmoothing }) {
    const wide = widened(x!)
    const classWeight = weight && widened(weight)
    const { index, valid, weights } = readTargets('crossEntropy', wide, target!, classWeight, ignoreIndex)
    const logits = logSoftmax(wide, 1)
    let losses = mul(gather(logits, index, 1, 'crossEntropy'), weights)
    if (labelSmoothing > 0) {
      const spread = sumKept(classWeight ? mul(logits, alongClasses(classWeight, wide)) : logits, [1])
      const share = labelSmoothing / wide.shape[1]!
      losses = add(mul(losses, constant(1 - labelSmoothing, wide.dtype)), mul(spread, constant(share, wide.dtype)))
    }
    return cast(joined(where(valid, neg(losses), constant(0, wide.dtype)), weights, reduction), x!.dtype)
  },
  derivative(node, dy, i) {
    if (i > 0) return undefined
    const [x, target, weight] = node.inputs as [Node, Node, Node?]
    const { reduction, ignoreIndex, labelSmoothing } = node.attrs
    const wide = widened(x)
    const classWeight = weight && widened(weight)
    const { index, valid, weights } = readTargets('crossEntropy', wide, target, classWeight, ignoreIndex)
    const g = widened(dy)
    const each = reduction === 'none' ? reshape(g, weights.shape) : g
    const scale = reduction === 'mean' ? div(each, reduceLoss(weights, 'sum')) : each
    const classes = wide.shape[1]!
    const numbers = reshape(iota(classes), alongShape(wide))
    const onehot = cast(equal(numbers, index), wide.dtype)
    const p = softmax(wide, 1)
    if (labelSmoothing === 0) return cast(mul(sub(p, onehot), mul(weights, scale)), x.dtype)
    const share = constant(labelSmoothing / classes, wide.dtype)
    const own = mul(weights, constant(1 - labelSmoothing, wide.dtype))
    const evenly = classWeight ? mul(alongClasses(classWeight, wide), share) : share
    const total = add(
      own,
      classWeight ? mul(reduceLoss(classWeight, 'sum'), share) : constant(labelSmoothing, wide.dtype),
    )
    const q = add(mul(onehot, own), evenly)
    const dx = mul(sub(mul(p, total), q), scale)
    return cast(where(valid, dx, constant(0, wide.dtype)), x.dtype)
  },
}

function alongShape(x: Node): number[] {
  return x.shape.map((n, d) => (d === 1 ? n : 1))
}

/** weight [C] shaped to broadcast over x [N, C, ...]. */
function alongClasses(weight: Node, x: Node): Node {
  return reshape(weight, alongShape(x))
}

export function crossEntropy(x: Node, target: Node, weight: Node | undefined, attrs: ClassLoss): Node {
  return record(crossEntropyOp, weight ? [x, target, weight] : [x, target], attrs)
}
