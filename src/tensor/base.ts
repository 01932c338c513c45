/// <reference lib="esnext.disposable" preserve="true" />
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
import { hold, type Node } from '../graph/node.ts'
import { disposed, scalar } from '../graph/ops/leaves.ts'
import { cast } from '../graph/ops/logic.ts'
import { refuseToRead } from '../runtime/capture.ts'
import { awaitValue, letGo, realizeAside, realizeNodes, rememberResult } from '../runtime/realize.ts'
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
    node.held++
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

  /**
   * Lets go of the value now instead of when this tensor is garbage-collected: the next result of its size is computed into the same
   * memory, which is still in the caches. Never needed; worth it in a loop of large results. `using y = f(x)` does it at the end of a
   * block. Reading the tensor, or computing something recorded from it later than with the next realisation, throws a
   * {@link StaleError} from now on.
   */
  dispose(): void {
    const { node } = this
    this.node = disposed(node)
    if (node.cell !== this) letGo(node)
  }

  [Symbol.dispose](): void {
    this.dispose()
  }

  /** Whether the value has been computed. */
  get isRealized(): boolean {
    return this.node.value !== undefined
  }

  protected get self(): Tensor {
    return this as unknown as Tensor
  }

  /** The node with its value; computes it first where needed. */
  private computed(): Node {
    const { node } = this
    refuseToRead()
    if (!node.value) realizeNodes([node])
    return node
  }

  /** What `read` makes of the node with its value, which is computed first where needed, beside the program where it takes long. */
  private async awaited<T>(read: (node: Node) => T): Promise<T> {
    const { node } = this
    refuseToRead()
    if (!node.value) await awaitValue(kept(node))
    return read(node)
  }

  private checkItem(): void {
    if (this.size === 1) return
    throw new ShapeError(
      'item',
      `expects a tensor of one element, received shape ${formatShape(this.shape)}; use data() or toArray()`,
    )
  }

  /** A copy of the elements in row-major order, as numbers. float16 and bfloat16 come as Float32Array. */
  dataSync(): Values {
    return elementsOf(this.computed())
  }

  /** A copy of the elements in row-major order. float16 and bfloat16 come as Float32Array. */
  data(): Promise<Values> {
    return this.awaited(elementsOf)
  }

  /** The one element of a tensor of size 1. Throws a {@link ShapeError} for any other size. */
  itemSync(): number {
    this.checkItem()
    return itemOf(this.computed())
  }

  /** The one element of a tensor of size 1. Throws a {@link ShapeError} for any other size. */
  async item(): Promise<number> {
    this.checkItem()
    return this.awaited(itemOf)
  }

  /** Nested arrays; a plain number for a scalar. bool gives booleans. */
  toArraySync(): NestedArray {
    return nestedOf(this.computed())
  }

  /** Nested arrays; a plain number for a scalar. bool gives booleans. */
  toArray(): Promise<NestedArray> {
    return this.awaited(nestedOf)
  }
}

/** A node whose value is kept for the one who asked for it: a leaf may move on in the meantime, and further. */
function kept(node: Node): Node {
  return node.held > 0 ? node : hold(node)
}

function elementsOf({ value, dtype }: Node): Values {
  const values = toValues(value!, dtype)
  return values === value ? values.slice() : values
}

function itemOf({ value, dtype }: Node): number {
  return toValues(value!, dtype)[0]!
}

function nestedOf({ value, dtype, shape }: Node): NestedArray {
  const values = toValues(value!, dtype)
  let at = 0
  const build = (d: number): NestedArray => {
    if (d === shape.length) {
      const element = values[at++]!
      return dtype === 'bool' ? element !== 0 : element
    }
    return Array.from({ length: shape[d]! }, () => build(d + 1))
  }
  return build(0)
}

/** Zero-filled storage for `shape`. */
export function storageFor(shape: Shape, dtype: DType): TypedArray {
  return allocate(dtype, sizeOf(shape))
}

/** Computes several tensors, and everything pending, in one go. */
export async function realize(...tensors: readonly Tensor[]): Promise<void> {
  await realizeAside(tensors.map((x) => kept(x.node)))
}
