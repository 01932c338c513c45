import { isFloating } from '../../../core/dtype.ts'
import { einsum } from '../../../tensor/einsum.ts'
import { arange } from '../../../tensor/creation.ts'
import { onesLike } from '../../../tensor/creation.ts'
import type { Tensor } from '../../../tensor/tensor.ts'
import { elementwise } from '../../graphs/elementwise.ts'
import { numberOf } from '../../graphs/known.ts'
import type { Attributes } from '../attributes.ts'
import { activations } from './activations.ts'
import { listOf, type Operation, type Operations } from './operation.ts'

type Binary = (a: Tensor, b: Tensor, attributes: Attributes) => Tensor

/** Integers are divided towards zero. */
const divide: Binary = (a, b) => a.div(b, isFloating(a.dtype) ? {} : { roundingMode: 'trunc' })

const shift: Binary = (a, b, attributes) =>
  attributes.text('direction', '') === 'LEFT' ? a.bitwiseLeftShift(b) : a.bitwiseRightShift(b)

const binary: Readonly<Record<string, Binary>> = {
  Add: (a, b) => a.add(b),
  And: (a, b) => a.logicalAnd(b),
  BitShift: shift,
  BitwiseAnd: (a, b) => a.bitwiseAnd(b),
  BitwiseOr: (a, b) => a.bitwiseOr(b),
  BitwiseXor: (a, b) => a.bitwiseXor(b),
  Div: divide,
  Equal: (a, b) => a.eq(b),
  Greater: (a, b) => a.gt(b),
  GreaterOrEqual: (a, b) => a.ge(b),
  Less: (a, b) => a.lt(b),
  LessOrEqual: (a, b) => a.le(b),
  Mod: (a, b, attributes) => (attributes.flag('fmod') ? a.fmod(b) : a.remainder(b)),
  Mul: (a, b) => a.mul(b),
  Or: (a, b) => a.logicalOr(b),
  // The result has the dtype of the base.
  Pow: (a, b) => a.pow(b).to(a.dtype),
  Sub: (a, b) => a.sub(b),
  Xor: (a, b) => a.logicalXor(b),
}

const variadic: Readonly<Record<string, (a: Tensor, b: Tensor) => Tensor>> = {
  Max: (a, b) => a.maximum(b),
  Min: (a, b) => a.minimum(b),
  Sum: (a, b) => a.add(b),
}

type Reduce = (x: Tensor, dims: number[], options: { keepdim: boolean }) => Tensor

const bounds = { float32: Number.POSITIVE_INFINITY, int32: 2 ** 31 - 1, uint8: 255, bool: 1 }

/** The extreme of no elements is the worst there is. */
function extreme(x: Tensor, dims: number[], keepdim: boolean, sign: 1 | -1): Tensor {
  if (dims.every((dim) => x.shape[dim]! > 0)) return sign > 0 ? x.amax(dims, { keepdim }) : x.amin(dims, { keepdim })
  const high = isFloating(x.dtype) ? bounds.float32 : bounds[x.dtype as 'int32' | 'uint8' | 'bool']
  const low = isFloating(x.dtype) ? -high : x.dtype === 'int32' ? -high - 1 : 0
  const empty = x.to('float32').sum(dims, { keepdim })
  return onesLike(empty)
    .mul(sign > 0 ? low : high)
    .to(x.dtype)
}

const product: Reduce = (x, dims, { keepdim }) =>
  dims.toSorted((a, b) => a - b).reduceRight((y, dim) => y.prod(dim, { keepdim }), x)

const reductions: Readonly<Record<string, Reduce>> = {
  ReduceL1: (x, dims, options) => x.abs().sum(dims, options).to(x.dtype),
  ReduceL2: (x, dims, options) => x.square().sum(dims, options).sqrt().to(x.dtype),
  ReduceLogSum: (x, dims, options) => x.sum(dims, options).log(),
  ReduceLogSumExp: (x, dims, options) => x.logSumExp(dims, options),
  ReduceMax: (x, dims, { keepdim }) => extreme(x, dims, keepdim, 1),
  ReduceMean: (x, dims, options) => x.mean(dims, options),
  ReduceMin: (x, dims, { keepdim }) => extreme(x, dims, keepdim, -1),
  ReduceProd: product,
  ReduceSum: (x, dims, options) => x.sum(dims, options),
  ReduceSumSquare: (x, dims, options) => x.square().sum(dims, options),
}

function reduction(reduce: Reduce): Operation {
  return ([x, axes], attributes) => {
    const given = listOf(axes, attributes, 'axes') ?? []
    if (given.length === 0 && attributes.flag('noop_with_empty_axes')) return reduce(x!, [], { keepdim: true })
    const dims = given.map((axis) => (axis < 0 ? axis + x!.rank : axis))
    return reduce(x!, dims.length === 0 ? x!.shape.map((_, d) => d) : dims, {
      keepdim: attributes.flag('keepdims', true),
    })
  }
}

/** Where the extreme is; of several equal ones the first, or the last. */
function position(of: (x: Tensor, dim: number, keepdim: boolean) => Tensor): Operation {
  return ([x], attributes) => {
    const axis = attributes.number('axis', 0)
    const dim = axis < 0 ? axis + x!.rank : axis
    const keepdim = attributes.flag('keepdims', true)
    if (!attributes.flag('select_last_index')) return of(x!, dim, keepdim)
    return of(x!.flip(dim), dim, keepdim)
      .neg()
      .add(x!.shape[dim]! - 1)
  }
}

const transposedIf = (x: Tensor, turn: boolean): Tensor => (turn ? x.transpose(0, 1) : x)

/** alpha · A · B + beta · C */
const gemm: Operation = ([a, b, c], attributes) => {
  const [alpha, beta] = [attributes.number('alpha', 1), attributes.number('beta', 1)]
  const y = transposedIf(a!, attributes.flag('transA')).matmul(transposedIf(b!, attributes.flag('transB')))
  const scaled = alpha === 1 ? y : y.mul(alpha)
  return c ? scaled.add(beta === 1 ? c : c.mul(beta)) : scaled
}

/** Products of integers less their zero points, which are numbers or one for each row of a and column of b. */
const integerProduct: Operation = ([a, b, zeroA, zeroB]) => {
  const shifted = (x: Tensor, zero: Tensor | undefined, column: boolean): Tensor => {
    const wide = x.to('int32')
    if (!zero) return wide
    const point = zero.to('int32')
    return wide.sub(column && point.rank === 1 && point.size > 1 ? point.reshape(-1, 1) : point)
  }
  return shifted(a!, zeroA, true).matmul(shifted(b!, zeroB, false))
}

/** Sums or products of all elements up to each one. */
function cumulative(along: (x: Tensor, dim: number) => Tensor, neutral: number): Operation {
  return ([x, axis], attributes) => {
    const given = numberOf(axis!)
    const dim = given < 0 ? given + x!.rank : given
    const turned = attributes.flag('reverse') ? x!.flip(dim) : x!
    const shifted = attributes.flag('exclusive') ? delayed(turned, dim, neutral) : turned
    const y = along(shifted, dim)
    return attributes.flag('reverse') ? y.flip(dim) : y
  }
}

/** Every element one place further on; `first` comes in. */
function delayed(x: Tensor, dim: number, first: number): Tensor {
  const before = x.narrow(dim, 0, x.shape[dim]! - 1)
  const margins = x.shape.flatMap((_, d) => (x.rank - 1 - d === dim ? [1, 0] : [0, 0]))
  return before.pad(margins, { value: first })
}

const clip: Operation = ([x, low, high], attributes) => {
  const bound = (input: Tensor | undefined, name: string): Tensor | number | undefined =>
    input ?? (attributes.has(name) ? attributes.number(name) : undefined)
  const [min, max] = [bound(low, 'min'), bound(high, 'max')]
  const raised = min === undefined ? x! : x!.maximum(min)
  return max === undefined ? raised : raised.minimum(max)
}

const isInfinite: Operation = ([x], attributes) => {
  const [positive, negative] = [attributes.flag('detect_positive', true), attributes.flag('detect_negative', true)]
  if (positive && negative) return x!.isInf()
  if (positive) return x!.isPosInf()
  return negative ? x!.isNegInf() : x!.isInf().logicalAnd(x!.isNan())
}

/** 1 for the first largest element along `axis`, 0 for the others. */
const hardmax: Operation = ([x], attributes) => {
  const axis = attributes.number('axis', attributes.opset < 13 ? 1 : -1)
  const dim = axis < 0 ? axis + x!.rank : axis
  const places = arange(x!.shape[dim]!, { dtype: 'int32' }).reshape(x!.shape.map((n, d) => (d === dim ? n : 1)))
  return places.eq(x!.argMax(dim, { keepdim: true })).to(x!.dtype)
}

/** Before version 13 everything from `axis` on was one dimension. */
function softmaxLike(along: (x: Tensor, dim: number) => Tensor): Operation {
  return ([x], attributes) => {
    if (attributes.opset >= 13) return along(x!, attributes.number('axis', -1))
    const axis = attributes.number('axis', 1)
    const start = axis < 0 ? axis + x!.rank : axis
    return along(x!.flatten(start), start).reshape(x!.shape)
  }
}

/** Arithmetic, comparisons, reductions, products and activations. */
export const arithmetic: Operations = {
  ...Object.fromEntries(Object.entries(elementwise).map(([name, f]): [string, Operation] => [name, ([x]) => f(x!)])),
  ...Object.fromEntries(
    Object.entries(activations).map(([name, f]): [string, Operation] => [name, ([x], own) => f(x!, own)]),
  ),
  ...Object.fromEntries(
    Object.entries(binary).map(([name, f]): [string, Operation] => [name, ([a, b], own) => f(a!, b!, own)]),
  ),
  ...Object.fromEntries(
    Object.entries(variadic).map(([name, f]): [string, Operation] => [name, (inputs) => inputs.reduce(f)]),
  ),
  ...Object.fromEntries(Object.entries(reductions).map(([name, f]): [string, Operation] => [name, reduction(f)])),
  ArgMax: position((x, dim, keepdim) => x.argMax(dim, { keepdim })),
  ArgMin: position((x, dim, keepdim) => x.argMin(dim, { keepdim })),
  BitwiseNot: ([x]) => x!.bitwiseNot(),
  Clip: clip,
  CumProd: cumulative((x, dim) => x.cumprod(dim), 1),
  CumSum: cumulative((x, dim) => x.cumsum(dim), 0),
  Einsum: (inputs, attributes) => einsum(attributes.text('equation', ''), ...inputs),
  Gemm: gemm,
  Hardmax: hardmax,
  IsInf: isInfinite,
  IsNaN: ([x]) => x!.isNan(),
  LogSoftmax: softmaxLike((x, dim) => x.logSoftmax(dim)),
  MatMul: ([a, b]) => a!.matmul(b!),
  MatMulInteger: integerProduct,
  Mean: (inputs) => inputs.reduce((a, b) => a.add(b)).div(inputs.length),
  Not: ([x]) => x!.logicalNot(),
  PRelu: ([x, slope]) => x!.maximum(0).add(x!.minimum(0).mul(slope!)),
  Softmax: softmaxLike((x, dim) => x.softmax(dim)),
  Where: ([condition, a, b]) => a!.where(condition!, b!),
}
