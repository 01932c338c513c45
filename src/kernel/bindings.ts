import { type DType, isFloating } from '../core/dtype.ts'
import type { Node } from '../graph/node.ts'
import { Affine } from '../lane/affine.ts'
import type { LaneBuilder } from '../lane/builder.ts'
import { type BufferParameter, elementBytes, type ElementType, type ScalarParameter } from '../lane/program.ts'
import { sizeOf } from '../core/shape.ts'

/** Elements between the working memory of one thread and of the next: what one reads ahead the other does not write. */
const apart = 528

/** What a kernel's argument block holds, cell by cell. */
export type Binding =
  /** Address of a node's elements. */
  | { readonly kind: 'buffer'; readonly node: Node }
  /** Address of working memory, so many bytes for each thread. */
  | { readonly kind: 'scratch'; readonly bytes: number }
  /** A number given at run time. */
  | { readonly kind: 'scalar'; readonly node: Node }
  /** Address of the plan's error cell. */
  | { readonly kind: 'error' }

/** How elements lie in memory; undefined for dtypes that lane code does not compute. */
export function elementType(dtype: DType): ElementType | undefined {
  return elementTypes[dtype]
}

const elementTypes: Readonly<Partial<Record<DType, ElementType>>> = {
  float32: 'f32',
  float16: 'f16',
  bfloat16: 'bf16',
  int32: 'i32',
  uint8: 'u8',
  bool: 'u8',
}

/** A request that lane code cannot express; the kernel is computed otherwise. */
export class Unsupported {
  readonly reason: string

  constructor(reason: string) {
    this.reason = reason
  }
}

const start = Affine.of(0)

/** Declares parameters as kernels come to need them, each once. */
export class Arguments {
  readonly bindings: Binding[] = []
  private readonly b: LaneBuilder
  private readonly buffers = new Map<Node, BufferParameter>()
  private readonly offsets = new Map<Node, Affine>()
  private readonly scalars = new Map<Node, ScalarParameter>()
  private reports = false

  constructor(b: LaneBuilder) {
    this.b = b
  }

  buffer(node: Node): BufferParameter {
    const known = this.buffers.get(node)
    if (known) return known
    const type = elementType(node.dtype)
    if (!type) throw new Unsupported(`${node.dtype} elements`)
    const made = this.b.buffer(`${node.op.name}${node.id}`, type, sizeOf(node.shape))
    this.buffers.set(node, made)
    this.bindings.push({ kind: 'buffer', node })
    return made
  }

  /** Where the first element of a node lies in its buffer. */
  offset(node: Node): Affine {
    return this.offsets.get(node) ?? start
  }

  /** Says that a node's elements lie in a buffer from `offset` on, from now on. */
  place(node: Node, buffer: BufferParameter, offset: Affine): void {
    this.buffers.set(node, buffer)
    this.offsets.set(node, offset)
  }

  scalar(node: Node): ScalarParameter {
    const known = this.scalars.get(node)
    if (known) return known
    if (node.dtype === 'float64' || node.dtype === 'bool') throw new Unsupported(`${node.dtype} numbers`)
    const made = this.b.scalar(`scalar${node.id}`, isFloating(node.dtype) ? 'f32' : 'i32')
    this.scalars.set(node, made)
    this.bindings.push({ kind: 'scalar', node })
    return made
  }

  /** A result that lives in working memory of `length` elements, a row, instead of memory of its own. */
  local(node: Node, length: number): void {
    const type = elementType(node.dtype)
    if (!type) throw new Unsupported(`${node.dtype} elements`)
    this.buffers.set(node, this.scratch(`row${node.id}`, type, length))
  }

  /** Working memory of one thread. */
  scratch(name: string, type: ElementType, length: number): BufferParameter {
    const stride = Math.ceil(length / 16) * 16 + apart
    this.bindings.push({ kind: 'scratch', bytes: stride * elementBytes[type] })
    return this.b.buffer(name, type, length, stride)
  }

  errorCell(): void {
    if (this.reports) return
    this.reports = true
    this.b.errorCell()
    this.bindings.push({ kind: 'error' })
  }
}
