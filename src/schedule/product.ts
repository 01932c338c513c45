import { allocateValues, type Values } from '../core/dtype.ts'
import { sizeOf } from '../core/shape.ts'
import { type Node, type Op, record } from '../graph/node.ts'
import { type Affine, type Condition, evaluate, holds } from './affine.ts'
import type { Expression } from './expression.ts'

/**
 * The one form that matrix products and convolutions are brought into before kernels are made:
 *
 *     result[i] = Σ_k a[A(i, k)] · b[B(i, k)]
 *
 * where A and B are affine in the result's axes i and the summed axes k. Lanes run along the last axis of the result, on
 * which a does not depend; b is read there in panels.
 */
export interface Product {
  /** The axes of the result, then the summed ones. */
  readonly extents: readonly number[]
  readonly resultAxes: number
  readonly a: Affine
  /** Its term of the last result axis is 1 and holds inside a panel. */
  readonly b: Affine
  readonly panel: Panel
  /** Terms for which one of these does not hold are left out: a is zero there, as padding is. */
  readonly valid: readonly Condition[]
}

/** Element j along the lanes is found `⌊j / width⌋ · step + j mod width` elements further on. */
export interface Panel {
  readonly width: number
  readonly step: number
}

/** A product as machine code computes it, and what is done to each element before it is stored. */
export interface ProductKernel {
  readonly kind: 'product'
  /** The stored result. */
  readonly node: Node
  /** The product itself; its inputs are a and b. */
  readonly source: Node<Product>
  readonly product: Product
  /** The result over the product's result axes, which reads `source` where it stands; undefined: the product itself. */
  readonly epilogue: Expression | undefined
}

/** What an array of products looks like in the graph of a plan. It is never recorded by users. */
export const productOp: Op<Product> = {
  name: 'product',
  kind: 'contract',
  infer: ([a], { extents, resultAxes }) => ({ shape: extents.slice(0, resultAxes), dtype: a!.dtype }),
  evaluate({ attrs, dtype }, [a, b]) {
    const { extents, resultAxes, panel, valid } = attrs
    const out = allocateValues(dtype, sizeOf(extents.slice(0, resultAxes)))
    const multiply = dtype === 'int32' || dtype === 'uint8' ? Math.imul : (x: number, y: number): number => x * y
    const inner = sizeOf(extents.slice(resultAxes))
    const index = new Int32Array(extents.length)
    const lane = resultAxes - 1
    for (let i = 0; i < out.length; i++) {
      let sum = 0
      for (let k = 0; k < inner; k++) {
        const j = index[lane]!
        const skip = Math.floor(j / panel.width) * (panel.step - panel.width)
        if (valid.every((condition) => holds(condition, index)))
          sum += multiply(a![evaluate(attrs.a, index)]!, b![evaluate(attrs.b, index) + skip]!)
        advance(index, extents)
      }
      out[i] = sum
    }
    return out as Values
  },
}

function advance(index: Int32Array, extents: readonly number[]): void {
  for (let d = extents.length - 1; d >= 0; d--) {
    if (++index[d]! < extents[d]!) return
    index[d] = 0
  }
}

export function product(a: Node, b: Node, attrs: Product): Node {
  return record(productOp, [a, b], attrs)
}

export function isProduct(node: Node): node is Node<Product> {
  return node.op.name === productOp.name
}
