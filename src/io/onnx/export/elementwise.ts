import { convertValues, type DType, isFloating, toStorage, type TypedArray } from '../../../core/dtype.ts'
import { type Conversion, type Conversions, converted, type Given } from './conversion.ts'
import { elementTypes } from './writer.ts'

/** Ops that are one node of ONNX. */
const direct: Readonly<Record<string, string>> = {
  abs: 'Abs',
  acos: 'Acos',
  acosh: 'Acosh',
  add: 'Add',
  asin: 'Asin',
  asinh: 'Asinh',
  atan: 'Atan',
  atanh: 'Atanh',
  ceil: 'Ceil',
  cos: 'Cos',
  cosh: 'Cosh',
  div: 'Div',
  erf: 'Erf',
  exp: 'Exp',
  floor: 'Floor',
  hardSwish: 'HardSwish',
  le: 'LessOrEqual',
  log: 'Log',
  lt: 'Less',
  maximum: 'Max',
  minimum: 'Min',
  mish: 'Mish',
  mul: 'Mul',
  neg: 'Neg',
  pow: 'Pow',
  reciprocal: 'Reciprocal',
  relu: 'Relu',
  round: 'Round',
  selu: 'Selu',
  sigmoid: 'Sigmoid',
  sign: 'Sign',
  sin: 'Sin',
  sinh: 'Sinh',
  softsign: 'Softsign',
  sqrt: 'Sqrt',
  sub: 'Sub',
  tan: 'Tan',
  tanh: 'Tanh',
  where: 'Where',
}

/** Ops whose name depends on whether they work on truth values or on bits. */
const logical: Readonly<Record<string, readonly [ofBools: string, ofBits: string]>> = {
  and: ['And', 'BitwiseAnd'],
  or: ['Or', 'BitwiseOr'],
  xor: ['Xor', 'BitwiseXor'],
}

const names = (given: Given): string[] => given.inputs.map(({ name }) => name)

/** A number in the dtype of the node. */
function number({ node, writer }: Given, value: number, dtype: DType = node.dtype): string {
  return writer.scalar(stored(value, dtype), dtype)
}

function stored(value: number, dtype: DType): TypedArray {
  return toStorage(convertValues([value], dtype), dtype)
}

/** Comparisons of truth values, which ONNX has for numbers only. */
const equal = (given: Given): string => given.writer.add('Equal', names(given))

/** ⌊a / b⌋; ONNX divides integers towards zero. */
function floorDivide(given: Given): string {
  const { node, writer } = given
  if (isFloating(node.dtype)) return writer.add('Floor', [writer.add('Div', names(given))])
  const [a, b] = names(given) as [string, string]
  return writer.add('Div', [writer.add('Sub', [a, writer.add('Mod', [a, b])]), b])
}

/** a − b · ⌊a / b⌋ */
function remainder(given: Given): string {
  const { node, writer } = given
  const [a, b] = names(given) as [string, string]
  if (!isFloating(node.dtype)) return writer.add('Mod', [a, b])
  return writer.add('Sub', [a, writer.add('Mul', [b, writer.add('Floor', [writer.add('Div', [a, b])])])])
}

function truncated(given: Given): string {
  const { writer } = given
  const [x] = names(given) as [string]
  return writer.add('Mul', [writer.add('Sign', [x]), writer.add('Floor', [writer.add('Abs', [x])])])
}

/** ONNX has no logarithm and no power of 2 or 10, and none near 0. */
const composed: Readonly<Record<string, (given: Given, x: string) => string>> = {
  erfc: (given, x) => given.writer.add('Sub', [number(given, 1), given.writer.add('Erf', [x])]),
  exp2: (given, x) => given.writer.add('Pow', [number(given, 2), x]),
  expm1: (given, x) => given.writer.add('Sub', [given.writer.add('Exp', [x]), number(given, 1)]),
  log10: (given, x) => given.writer.add('Div', [given.writer.add('Log', [x]), number(given, Math.LN10)]),
  log1p: (given, x) => given.writer.add('Log', [given.writer.add('Add', [x, number(given, 1)])]),
  log2: (given, x) => given.writer.add('Div', [given.writer.add('Log', [x]), number(given, Math.LN2)]),
  rsqrt: (given, x) => given.writer.add('Reciprocal', [given.writer.add('Sqrt', [x])]),
}

const same: Conversion = { write: ({ inputs }) => inputs[0]!.name }

/** Elementwise ops and numbers. */
export const elementwise: Conversions = {
  ...Object.fromEntries(
    Object.entries(direct).map(([op, name]): [string, Conversion] => [
      op,
      { write: (given) => given.writer.add(name, names(given)) },
    ]),
  ),
  ...Object.fromEntries(
    Object.entries(logical).map(([op, [bools, bits]]): [string, Conversion] => [
      op,
      { write: (given) => given.writer.add(given.node.dtype === 'bool' ? bools : bits, names(given)) },
    ]),
  ),
  ...Object.fromEntries(
    Object.entries(composed).map(([op, write]): [string, Conversion] => [
      op,
      { write: (given) => write(given, given.inputs[0]!.name) },
    ]),
  ),
  barrier: same,
  cast: converted(({ inputs, node, writer }) =>
    writer.add('Cast', [inputs[0]!.name], { to: elementTypes[node.dtype] }),
  ),
  checkpoint: same,
  constant: converted<{ value: number }>((given) => number(given, given.node.attrs.value)),
  custom: same,
  detach: same,
  eq: { write: equal },
  floorDivide: { write: floorDivide },
  fmod: { write: (given) => given.writer.add('Mod', names(given), { fmod: 1 }) },
  hardSigmoid: {
    write: ({ inputs, writer }) =>
      writer.add('HardSigmoid', [inputs[0]!.name], { alpha: { float: 1 / 6 }, beta: { float: 0.5 } }),
  },
  ne: { write: (given) => given.writer.add('Not', [equal(given)]) },
  remainder: { write: remainder },
  scalar: converted<{ value: number }>((given) => number(given, given.node.attrs.value)),
  trunc: { write: truncated },
}
