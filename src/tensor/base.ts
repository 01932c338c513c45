import {
  allocate,
  type DType,
  isFloating,
  type Operand,
  resultType,
  type TypedArray,
  toValues,
  type Values,
} from '../core/dtype.ts'
import { ShapeError } from '../core/errors.ts'
import { formatShape, type Shape, sizeOf } from '../core/shape.ts'
import type { Node } from '../graph/node.ts'
import { scalar } from '../graph/ops/leaves.ts'
import { cast } from '../graph/ops/logic.ts'
import { refuseToRead } from '../runtime/capture.ts'
import { rememberResult, realizeNodes } from '../runtime/realize.ts'
import type { Tensor } from './tensor.ts'

/** Nested arrays of numbers (booleans for bool tensors), as deep as the tensor has dimensions. */
export type NestedArray = number | boolean | NestedArray[]

/** What arithmetic methods take beside a tensor. */
export type TensorLike = Tensor | number

let construct: (node: Node) => Tensor

/** Called once by the module of the class {@link Tensor}, which this base cannot import. */
export function setConstructor(make: (node: Node) => Tensor): void {
  construct = make
}

/** A tensor that holds `node`. */
export function wrap(node: Node): Tensor {
  rememberResult(node)
  return construct(node)
}

/** Operands as nodes of their common dtype; numbers become scalars that may change from step to step. */
export function promote(...operands: readonly TensorLike[]): Node[] {
  return promoteTo(commonDType(operands), ...operands)
}

function commonDType(operands: readonly TensorLike[]): DType {
  const [first] = operands
  // By far the most frequent: tensors of one floating dtype, and numbers, which change no such dtype.
  if (typeof first === 'object' && isFloating(first.dtype)) {
    const { dtype } = first
    if (operands.every((x) => typeof x === 'number' || x.dtype === dtype)) return dtype
  }
  return resultType(...operands.map((x): Operand => (typeof x === 'number' ? x : x.node)))
}

export function promoteTo(dtype: DType, ...operands: readonly TensorLike[]): Node[] {
  return operands.map((x) => (typeof x === 'number' ? scalar(x, dtype) : cast(x.node, dtype)))
}

/** What every tensor knows about itself, and how its values come out. */
export abstract class TensorBase {
  /** The recorded computation, or the current version of a leaf. */
  declare node: Node

  constructor(node: Node) {
    node.held = true
    if (node.op.kind === 'leaf') node.cell ??= this
    this.node = node
  }

  get shape(): Shape {
    return this.node.shape
  }

  get dtype(): DType {
    return this.node.dtype
  }

  /** Number of dimensions. */
  get rank(): number {
    return this.node.shape.length
  }

  /** Number of elements. */
  get size(): number {
    return sizeOf(this.node.shape)
  }

  /** Whether the value has been computed. */
  get isRealized(): boolean {
    return this.node.value !== undefined
  }

  protected get self(): Tensor {
    return this as unknown as Tensor
  }

  /** The stored elements; computes them first where needed. */
  private stored(): TypedArray {
    refuseToRead()
    if (!this.node.value) realizeNodes([this.node])
    return this.node.value!
  }

  /** A copy of the elements in row-major order, as numbers. float16 and bfloat16 come as Float32Array. */
  dataSync(): Values {
    const stored = this.stored()
    const values = toValues(stored, this.dtype)
    return values === stored ? values.slice() : values
  }

  /** A copy of the elements in row-major order. float16 and bfloat16 come as Float32Array. */
  async data(): Promise<Values> {
    return this.dataSync()
  }

  /** The one element of a tensor of size 1. Throws a {@link ShapeError} for any other size. */
  itemSync(): number {
    if (this.size !== 1) {
      throw new ShapeError(
        'item',
        `expects a tensor of one element, received shape ${formatShape(this.shape)}; use data() or toArray()`,
      )
    }
    return toValues(this.stored(), this.dtype)[0]!
  }

  /** The one element of a tensor of size 1. Throws a {@link ShapeError} for any other size. */
  async item(): Promise<number> {
    return this.itemSync()
  }

  /** Nested arrays; a plain number for a scalar. bool gives booleans. */
  toArraySync(): NestedArray {
    const values = this.dataSync()
    const { shape, dtype } = this
    let at = 0
    const build = (d: number): NestedArray => {
      if (d === shape.length) {
        const value = values[at++]!
        return dtype === 'bool' ? value !== 0 : value
      }
      return Array.from({ length: shape[d]! }, () => build(d + 1))
    }
    return build(0)
  }

  /** Nested arrays; a plain number for a scalar. bool gives booleans. */
  async toArray(): Promise<NestedArray> {
    return this.toArraySync()
  }
}

/** Zero-filled storage for `shape`. */
export function storageFor(shape: Shape, dtype: DType): TypedArray {
  return allocate(dtype, sizeOf(shape))
}

/** Computes several tensors, and everything pending, in one go. */
export async function realize(...tensors: readonly Tensor[]): Promise<void> {
  realizeNodes(tensors.map((x) => x.node))
}
