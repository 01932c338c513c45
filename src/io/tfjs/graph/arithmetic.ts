import { isFloating } from '../../../core/dtype.ts'
import * as F from '../../../nn/functional/activations.ts'
import { onesLike, zerosLike } from '../../../tensor/creation.ts'
import { einsum } from '../../../tensor/einsum.ts'
import type { Tensor } from '../../../tensor/tensor.ts'
import { elementwise } from '../../graphs/elementwise.ts'
import { numberOf, numbersOf } from '../../graphs/known.ts'
import type { Attributes } from './attributes.ts'
import type { Operation, Operations } from './operation.ts'

type Unary = (x: Tensor) => Tensor
type Binary = (a: Tensor, b: Tensor) => Tensor

const unary: Readonly<Record<string, Unary>> = {
  ...elementwise,
  Elu: (x) => F.elu(x),
  Expm1: (x) => x.expm1(),
  IsFinite: (x) => x.isFinite(),
  IsInf: (x) => x.isInf(),
  IsNan: (x) => x.isNan(),
  Log1p: (x) => x.log1p(),
  LogSoftmax: (x) => x.logSoftmax(-1),
  LogicalNot: (x) => x.logicalNot(),
  OnesLike: (x) => onesLike(x),
  Relu6: (x) => F.relu6(x),
  Rsqrt: (x) => x.rsqrt(),
  Selu: (x) => F.selu(x),
  Softmax: (x) => x.softmax(-1),
  Square: (x) => x.square(),
  StopGradient: (x) => x.detach(),
  ZerosLike: (x) => zerosLike(x),
}

/** Whole numbers are divided without a rest. */
const divide: Binary = (a, b) => (isFloating(a.dtype) ? a.div(b) : a.floorDivide(b))

const add: Binary = (a, b) => a.add(b)

const binary: Readonly<Record<string, Binary>> = {
  Add: add,
  AddV2: add,
  Atan2: (a, b) => a.atan2(b),
  Div: divide,
  DivNoNan: (a, b) => a.div(b).maskedFill(b.eq(0), 0),
  Equal: (a, b) => a.eq(b),
  FloorDiv: (a, b) => a.floorDivide(b),
  FloorMod: (a, b) => a.remainder(b),
  Greater: (a, b) => a.gt(b),
  GreaterEqual: (a, b) => a.ge(b),
  Less: (a, b) => a.lt(b),
  LessEqual: (a, b) => a.le(b),
  LogicalAnd: (a, b) => a.logicalAnd(b),
  LogicalOr: (a, b) => a.logicalOr(b),
  Maximum: (a, b) => a.maximum(b),
  Minimum: (a, b) => a.minimum(b),
  Mul: (a, b) => a.mul(b),
  NotEqual: (a, b) => a.ne(b),
  Pow: (a, b) => a.pow(b),
  RealDiv: (a, b) => a.div(b),
  SquaredDifference: (a, b) => a.sub(b).square(),
  Sub: (a, b) => a.sub(b),
}

type Reduce = (x: Tensor, dims: number[], keepdim: boolean) => Tensor

const reductions: Readonly<Record<string, Reduce>> = {
  All: (x, dims, keepdim) => x.all(dims, { keepdim }),
  Any: (x, dims, keepdim) => x.any(dims, { keepdim }),
  Max: (x, dims, keepdim) => x.amax(dims, { keepdim }),
  Mean: (x, dims, keepdim) => x.mean(dims, { keepdim }),
  Min: (x, dims, keepdim) => x.amin(dims, { keepdim }),
  Prod: (x, dims, keepdim) => dims.toSorted((a, b) => a - b).reduceRight((y, dim) => y.prod(dim, { keepdim }), x),
  Sum: (x, dims, keepdim) => x.sum(dims, { keepdim }),
}

function reduction(reduce: Reduce): Operation {
  return ([x, axes], attributes) => {
    const dims = numbersOf(axes!).map((axis) => (axis < 0 ? axis + x!.rank : axis))
    // In TensorFlow no dimension is none, not all.
    return dims.length === 0 ? x! : reduce(x!, dims, attributes.flag('keep_dims'))
  }
}

function transposedIf(x: Tensor, turn: boolean): Tensor {
  return turn ? x.transpose(-2, -1) : x
}

function matmul(left: string, right: string): Operation {
  return ([a, b], attributes) =>
    transposedIf(a!, attributes.flag(left)).matmul(transposedIf(b!, attributes.flag(right)))
}

const product = matmul('transpose_a', 'transpose_b')
const batchProduct = matmul('adj_x', 'adj_y')

const activations: Readonly<Record<string, (x: Tensor, attributes: Attributes, slope: Tensor | undefined) => Tensor>> =
  {
    Elu: (x) => F.elu(x),
    LeakyRelu: (x, attributes) => F.leakyRelu(x, { negativeSlope: attributes.number('leakyrelu_alpha', 0.2) }),
    Prelu: (x, _, slope) => x.maximum(0).add(x.minimum(0).mul(slope!)),
    Relu: (x) => x.relu(),
    Relu6: (x) => F.relu6(x),
    Sigmoid: (x) => x.sigmoid(),
  }

/** What was fused behind a product or convolution: a bias and an activation. `rest` are the inputs behind the first two. */
export function fused(y: Tensor, rest: readonly Tensor[], attributes: Attributes): Tensor {
  const [bias, slope] = rest
  return attributes.texts('fused_ops').reduce((x, name) => {
    if (name === 'BiasAdd') return x.add(bias!)
    const activate = Object.hasOwn(activations, name) ? activations[name] : undefined
    if (activate) return activate(x, attributes, slope)
    throw attributes.fail(`fused ${name} is not supported`)
  }, y)
}

/** Sums or products of all elements up to each one. */
function cumulative(along: (x: Tensor, dim: number) => Tensor): Operation {
  return ([x, axis], attributes) => {
    if (attributes.flag('exclusive')) throw attributes.fail('exclusive is not supported')
    const dim = numberOf(axis!)
    return attributes.flag('reverse') ? along(x!.flip(dim), dim).flip(dim) : along(x!, dim)
  }
}

/** Arithmetic, comparisons, reductions and products. */
export const arithmetic: Operations = {
  ...Object.fromEntries(Object.entries(unary).map(([name, f]): [string, Operation] => [name, ([x]) => f(x!)])),
  ...Object.fromEntries(Object.entries(binary).map(([name, f]): [string, Operation] => [name, ([a, b]) => f(a!, b!)])),
  ...Object.fromEntries(Object.entries(reductions).map(([name, f]): [string, Operation] => [name, reduction(f)])),
  AddN: (inputs) => inputs.reduce(add),
  ArgMax: ([x, axis]) => x!.argMax(numberOf(axis!)),
  ArgMin: ([x, axis]) => x!.argMin(numberOf(axis!)),
  BatchMatMul: batchProduct,
  BatchMatMulV2: batchProduct,
  BiasAdd: ([x, bias], attributes) =>
    attributes.text('data_format', 'NHWC') === 'NCHW' && x!.rank === 4
      ? x!.add(bias!.reshape(-1, 1, 1))
      : x!.add(bias!),
  ClipByValue: ([x, low, high]) => x!.maximum(low!).minimum(high!),
  Cumprod: cumulative((x, dim) => x.cumprod(dim)),
  Cumsum: cumulative((x, dim) => x.cumsum(dim)),
  Einsum: (inputs, attributes) => einsum(attributes.text('equation', ''), ...inputs),
  LeakyRelu: ([x], attributes) => F.leakyRelu(x!, { negativeSlope: attributes.number('alpha', 0.2) }),
  MatMul: product,
  Prelu: ([x, slope], attributes) => activations['Prelu']!(x!, attributes, slope),
  _FusedMatMul: ([a, b, ...rest], attributes) => fused(product([a!, b!], attributes) as Tensor, rest, attributes),
}
