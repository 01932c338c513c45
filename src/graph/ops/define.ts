import { allocateValues, type Category, categoryOf, type DType, type Values } from '../../core/dtype.ts'
import { DTypeError } from '../../core/errors.ts'
import { broadcastShapes, sizeOf } from '../../core/shape.ts'
import { type Attrs, type Node, noAttrs, type Op, record, type TensorType } from '../node.ts'
import { broadcastValues } from './broadcasting.ts'
import { cast } from './logic.ts'
import { widened } from './precision.ts'
import { sumTo } from './reduce.ts'

/** A function that records one op; `op` is its entry in the table. */
export interface Unary {
  (x: Node): Node
  readonly op: Op
}
export interface Binary {
  (a: Node, b: Node): Node
  readonly op: Op
}

type ResultDType = (input: DType) => DType

/* Only hoisted functions in this file: the ops and their derivatives refer to each other in cycles. */

function same(dtype: DType): DType {
  return dtype
}

/** Throws a {@link DTypeError} unless `dtype` is of one of the categories that the op takes. */
function checkCategory(name: string, dtype: DType, accepts: readonly Category[]): void {
  if (accepts.includes(categoryOf(dtype))) return
  const wanted = accepts.map((category) => (category === 'bool' ? 'bool' : `${category} dtype`)).join(' or ')
  throw new DTypeError(name, `expects ${wanted}, received ${dtype}; convert with .to()`)
}

export interface UnaryDefinition {
  /** Writes f(x) to y. */
  readonly evaluate: (x: Values, y: Values) => void
  /** dx from x, y = f(x) and dy; none for functions that are constant almost everywhere or not real-valued. */
  readonly derivative?: (x: Node, y: Node, dy: Node) => Node
  /** Which dtypes are taken; floating ones only, unless said otherwise. */
  readonly accepts?: readonly Category[]
  readonly result?: ResultDType
}

/** Defines an elementwise function of one argument. */
export function unary(
  name: string,
  { evaluate, derivative, accepts = ['floating'], result = same }: UnaryDefinition,
): Unary {
  const op: Op = {
    name,
    kind: 'elementwise',
    infer([x]) {
      checkCategory(name, x!.dtype, accepts)
      return { shape: x!.shape, dtype: result(x!.dtype) }
    },
    evaluate(node, [x]) {
      const y = allocateValues(node.dtype, x!.length)
      evaluate(x!, y)
      return y
    },
    ...(derivative && { derivative: (node: Node, dy: Node) => derivative(node.inputs[0]!, node, dy) }),
  }
  return Object.assign((x: Node) => record(op, [x], noAttrs), { op })
}

export interface BinaryDefinition {
  /** Writes f(a, b) to y; `sa` and `sb` are the steps of a and b: 0 for a single element, 1 for all of them. */
  readonly evaluate: (a: Values, b: Values, y: Values, sa: number, sb: number) => void
  /** The cotangents of a and b before they are summed to the inputs' shapes. */
  readonly derivative?: readonly [
    (a: Node, b: Node, dy: Node, y: Node) => Node,
    (a: Node, b: Node, dy: Node, y: Node) => Node,
  ]
  /** Which dtypes are taken; all of them, unless said otherwise. */
  readonly accepts?: readonly Category[]
  /** The name that errors give: the method the user called. Default: the op's own. */
  readonly label?: string
  readonly result?: ResultDType
}

/** Shape and dtype rule of elementwise ops: equal dtypes, NumPy broadcasting. */
export function inferElementwise(name: string, inputs: readonly Node[]): TensorType {
  const { dtype } = inputs[0]!
  let { shape } = inputs[0]!
  for (let i = 1; i < inputs.length; i++) {
    const other = inputs[i]!
    if (other.dtype !== dtype) {
      throw new DTypeError(name, `operands must share one dtype, received ${dtype} and ${other.dtype}`)
    }
    shape = broadcastShapes(name, shape, other.shape)
  }
  return { shape, dtype }
}

/** Defines an elementwise function of two arguments that broadcast. */
export function binary(
  name: string,
  { evaluate, derivative, accepts, label = name, result = same }: BinaryDefinition,
): Binary {
  const op: Op = {
    name,
    kind: 'elementwise',
    infer(inputs) {
      const { shape, dtype } = inferElementwise(label, inputs)
      if (accepts) checkCategory(label, dtype, accepts)
      return { shape, dtype: result(dtype) }
    },
    evaluate(node, [a, b]) {
      const y = allocateValues(node.dtype, sizeOf(node.shape))
      const [x, sx] = operand(node, 0, a!)
      const [z, sz] = operand(node, 1, b!)
      evaluate(x, z, y, sx, sz)
      return y
    },
    ...(derivative && {
      derivative(node: Node, dy: Node, i: number) {
        const [a, b] = node.inputs as [Node, Node]
        return sumTo(derivative[i as 0 | 1](a, b, dy, node), node.inputs[i]!.shape)
      },
    }),
  }
  return Object.assign((a: Node, b: Node) => record(op, [a, b], noAttrs), { op })
}

/** Input `i` and the step to read it with, repeated to the output's shape unless it is a single element. */
export function operand<A extends Attrs>(node: Node<A>, i: number, values: Values): [Values, number] {
  if (values.length === 1) return [values, 0]
  return [broadcastValues(values, node.inputs[i]!.shape, node.shape), 1]
}

export interface CompositeDefinition {
  /** The value, written with other ops. */
  readonly decompose: (...inputs: Node[]) => Node
  /** The cotangents of the inputs before they are summed to the inputs' shapes, where they are better than what follows. */
  readonly derivative?: readonly ((inputs: readonly Node[], dy: Node, y: Node) => Node)[]
}

/** Defines an elementwise function of broadcast floating inputs by its decomposition. */
export function composite(
  name: string,
  { decompose, derivative }: CompositeDefinition,
): ((...inputs: Node[]) => Node) & { readonly op: Op } {
  const op: Op = {
    name,
    kind: 'composite',
    infer(inputs) {
      const type = inferElementwise(name, inputs)
      checkCategory(name, type.dtype, ['floating'])
      return type
    },
    decompose: (inputs) => cast(decompose(...inputs.map(widened)), inputs[0]!.dtype),
    ...(derivative && {
      derivative: (node: Node, dy: Node, i: number) =>
        sumTo(derivative[i]!(node.inputs, dy, node), node.inputs[i]!.shape),
    }),
  }
  return Object.assign((...inputs: Node[]) => record(op, inputs, noAttrs), { op })
}
