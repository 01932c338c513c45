import { sizeOf } from '../core/shape.ts'
import type { Node } from '../graph/node.ts'
import { type Affine, affineKey, type Condition, conditionKey } from './affine.ts'
import type { Expression } from './expression.ts'
import type { Kernel, Nest } from './kernels.ts'

/** What a kernel computes, whatever arrays it is given. */
export interface Identity {
  /** Equal for kernels that one piece of code serves. */
  readonly text: string
  /** The arrays and run-time numbers that it is given, in an order that the text fixes. */
  readonly slots: readonly Node[]
}

export function identityOf(kernel: Kernel): Identity {
  const writer = new IdentityWriter()
  writer.kernel(kernel)
  return { text: writer.parts.join(''), slots: [...writer.slots.keys()] }
}

/** Writes each array, and each expression that is used more than once, where it appears first; later it is a number. */
class IdentityWriter {
  readonly parts: string[] = []
  readonly slots = new Map<Node, number>()
  private readonly expressions = new Map<Expression, number>()

  kernel(kernel: Kernel): void {
    if (kernel.kind === 'group') {
      this.put(`group ${kernel.rowAxes}`)
      for (const nest of kernel.members) {
        this.put(kernel.local.has(nest.node) ? ';local ' : ';')
        this.nest(nest)
      }
    } else if (kernel.kind === 'nest') this.nest(kernel)
    else if (kernel.kind === 'product') {
      this.put(`product ${JSON.stringify(kernel.product)}`)
      for (const node of [kernel.source, ...kernel.source.inputs, kernel.node]) this.slot(node)
      if (kernel.epilogue) this.expression(kernel.epilogue)
    } else {
      for (const node of [kernel.node, ...kernel.others]) {
        this.put(`${node.op.name} ${JSON.stringify(node.attrs)}`)
        for (const operand of [...node.inputs, node]) {
          this.slot(operand)
          this.put(`[${operand.shape}]`)
        }
      }
    }
  }

  private put(text: string): void {
    this.parts.push(text)
  }

  private nest({ node, extents, resultAxes, reduce, body }: Nest): void {
    this.put(`nest ${reduce ?? 'map'}[${extents}]${resultAxes}`)
    this.slot(node)
    this.expression(body)
  }

  private slot(node: Node): void {
    const known = this.slots.get(node)
    if (known !== undefined) {
      this.put(`$${known}`)
      return
    }
    this.slots.set(node, this.slots.size)
    this.put(`$${node.dtype}${sizeOf(node.shape)}`)
  }

  private affine(a: Affine): void {
    this.put(`(${affineKey(a)})`)
  }

  private conditions(list: readonly Condition[]): void {
    for (const condition of list) this.put(`{${conditionKey(condition)}}`)
  }

  private expression(e: Expression): void {
    const known = this.expressions.get(e)
    if (known !== undefined) {
      this.put(`#${known}`)
      return
    }
    this.expressions.set(e, this.expressions.size)
    this.put(`<${e.kind}`)
    switch (e.kind) {
      case 'load':
        this.slot(e.node)
        this.affine(e.at)
        this.conditions(e.valid)
        break
      case 'gather':
        this.slot(e.node)
        this.affine(e.base)
        this.put(`${e.stride}<${e.size}${JSON.stringify(e.use)}`)
        this.affine(e.position)
        this.conditions(e.valid)
        this.expression(e.index)
        break
      case 'number':
        this.put(Object.is(e.value, -0) ? '-0' : `${e.value}`)
        this.put(e.dtype)
        break
      case 'argument':
        this.slot(e.node)
        break
      case 'position':
        this.affine(e.at)
        this.put(e.dtype)
        break
      case 'random':
        this.slot(e.key)
        this.put(`${e.stream}`)
        this.affine(e.at)
        break
      case 'apply':
        this.put(`${e.node.op.name}${JSON.stringify(e.node.attrs)}${e.node.dtype}`)
        for (const input of e.node.inputs) this.put(`,${input.dtype}`)
        for (const arg of e.args) this.expression(arg)
        break
      case 'guard':
        this.conditions(e.conditions)
        this.expression(e.value)
        this.expression(e.otherwise)
        break
    }
    this.put('>')
  }
}
