import { allocateValues, type Category, convertValues, type DType, isFloating } from '../../core/dtype.ts'
import { DTypeError } from '../../core/errors.ts'
import { broadcastShapes, sizeOf } from '../../core/shape.ts'
import { type Attrs, type Node, noAttrs, type Op, record } from '../node.ts'
import { type Binary, binary, operand } from './define.ts'
import { constant } from './leaves.ts'
import { sumTo } from './reduce.ts'

/* Comparisons and logic give bool; bitwise operations and shifts keep their integer dtype; choice and conversion. */

const bool = (): DType => 'bool'
const discrete: readonly Category[] = ['bool', 'integer']

export const equal: Binary = binary('eq', {
  evaluate: (a, b, y, sa, sb) => {
    for (let i = 0; i < y.length; i++) y[i] = a[i * sa]! === b[i * sb]! ? 1 : 0
  },
  result: bool,
})

export const notEqual: Binary = binary('ne', {
  evaluate: (a, b, y, sa, sb) => {
    for (let i = 0; i < y.length; i++) y[i] = a[i * sa]! !== b[i * sb]! ? 1 : 0
  },
  result: bool,
})

export const less: Binary = binary('lt', {
  evaluate: (a, b, y, sa, sb) => {
    for (let i = 0; i < y.length; i++) y[i] = a[i * sa]! < b[i * sb]! ? 1 : 0
  },
  result: bool,
})

export const lessEqual: Binary = binary('le', {
  evaluate: (a, b, y, sa, sb) => {
    for (let i = 0; i < y.length; i++) y[i] = a[i * sa]! <= b[i * sb]! ? 1 : 0
  },
  result: bool,
})

export const greater: (a: Node, b: Node) => Node = (a, b) => less(b, a)

export const greaterEqual: (a: Node, b: Node) => Node = (a, b) => lessEqual(b, a)

/** Bitwise and; logical and of bools. */
export const and: Binary = binary('and', {
  evaluate: (a, b, y, sa, sb) => {
    for (let i = 0; i < y.length; i++) y[i] = a[i * sa]! & b[i * sb]!
  },
  accepts: discrete,
  label: 'bitwiseAnd',
})

/** Bitwise or; logical or of bools. */
export const or: Binary = binary('or', {
  evaluate: (a, b, y, sa, sb) => {
    for (let i = 0; i < y.length; i++) y[i] = a[i * sa]! | b[i * sb]!
  },
  accepts: discrete,
  label: 'bitwiseOr',
})

/** Bitwise exclusive or; logical exclusive or of bools. */
export const xor: Binary = binary('xor', {
  evaluate: (a, b, y, sa, sb) => {
    for (let i = 0; i < y.length; i++) y[i] = a[i * sa]! ^ b[i * sb]!
  },
  accepts: discrete,
  label: 'bitwiseXor',
})

export const logicalAnd: (a: Node, b: Node) => Node = (a, b) => and(toBool(a), toBool(b))

export const logicalOr: (a: Node, b: Node) => Node = (a, b) => or(toBool(a), toBool(b))

export const logicalXor: (a: Node, b: Node) => Node = (a, b) => xor(toBool(a), toBool(b))

export const logicalNot: (x: Node) => Node = (x) => xor(toBool(x), constant(1, 'bool'))

const toBool = (x: Node): Node => cast(x, 'bool')

/** Shifted by 32 or more, or by less than 0, every bit has left. */
const inRange = (bits: number): boolean => bits >= 0 && bits < 32

export const shiftLeft: Binary = binary('shiftLeft', {
  evaluate: (a, b, y, sa, sb) => {
    for (let i = 0; i < y.length; i++) y[i] = inRange(b[i * sb]!) ? a[i * sa]! << b[i * sb]! : 0
  },
  accepts: ['integer'],
  label: 'bitwiseLeftShift',
})

/** Arithmetic shift: copies the sign. */
export const shiftRight: Binary = binary('shiftRight', {
  evaluate: (a, b, y, sa, sb) => {
    for (let i = 0; i < y.length; i++) y[i] = a[i * sa]! >> (inRange(b[i * sb]!) ? b[i * sb]! : 31)
  },
  accepts: ['integer'],
  label: 'bitwiseRightShift',
})

/** Logical shift: fills with zeros. */
export const shiftRightLogical: Binary = binary('shiftRightLogical', {
  evaluate: (a, b, y, sa, sb) => {
    for (let i = 0; i < y.length; i++) y[i] = inRange(b[i * sb]!) ? a[i * sa]! >>> b[i * sb]! : 0
  },
  accepts: ['integer'],
})

/** Every bit inverted; the logical opposite of bools. */
export const bitwiseNot: (x: Node) => Node = (x) => xor(x, constant(x.dtype === 'bool' ? 1 : -1, x.dtype))

/** `condition ? a : b`, element by element; the condition is bool, a and b share a dtype, all three broadcast. */
export const whereOp: Op = {
  name: 'where',
  kind: 'elementwise',
  infer([condition, a, b]) {
    if (condition!.dtype !== 'bool')
      throw new DTypeError('where', `the condition must be bool, received ${condition!.dtype}`)
    if (a!.dtype !== b!.dtype) {
      throw new DTypeError('where', `both choices must share one dtype, received ${a!.dtype} and ${b!.dtype}`)
    }
    return { shape: broadcastShapes('where', condition!.shape, a!.shape, b!.shape), dtype: a!.dtype }
  },
  evaluate(node, inputs) {
    const y = allocateValues(node.dtype, sizeOf(node.shape))
    const [c, sc] = operand(node, 0, inputs[0]!)
    const [a, sa] = operand(node, 1, inputs[1]!)
    const [b, sb] = operand(node, 2, inputs[2]!)
    for (let i = 0; i < y.length; i++) y[i] = c[i * sc]! !== 0 ? a[i * sa]! : b[i * sb]!
    return y
  },
  derivative(node, dy, i) {
    if (i === 0) return undefined
    const zero = constant(0, node.dtype)
    const condition = node.inputs[0]!
    return sumTo(i === 1 ? where(condition, dy, zero) : where(condition, zero, dy), node.inputs[i]!.shape)
  },
}

export function where(condition: Node, a: Node, b: Node): Node {
  return record(whereOp, [condition, a, b], noAttrs)
}

/** Conversion between dtypes: to bool by `x ≠ 0`, to integers by truncation, to a narrower float by rounding. */
export const castOp: Op<{ dtype: DType }> = {
  name: 'cast',
  kind: 'elementwise',
  infer: ([x], { dtype }) => ({ shape: x!.shape, dtype }),
  evaluate: (node, [x]) => convertValues(x!, node.dtype),
  derivative: (node, dy) => (isFloating(node.dtype) ? cast(dy, node.inputs[0]!.dtype) : undefined),
}

export function cast(x: Node, dtype: DType): Node {
  return x.dtype === dtype ? x : record(castOp, [x], { dtype })
}

/** The value without its history: gradients stop here. */
export const detachOp: Op<Attrs> = {
  name: 'detach',
  kind: 'view',
  infer: ([x]) => ({ shape: x!.shape, dtype: x!.dtype }),
  evaluate: (_, [x]) => x!,
}

export function detach(x: Node): Node {
  if (!x.requiresGrad) return x
  const node = record(detachOp, [x], noAttrs)
  node.requiresGrad = false
  return node
}
