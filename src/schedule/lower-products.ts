import { lowerAttention } from './attention.ts'
import { type Program, rewrite } from './canonical.ts'
import { lowerConvolution } from './convolutions.ts'
import { Layouts } from './layouts.ts'
import { poolGradient } from './lowering/windows.ts'
import { lowerMatmul } from './matmuls.ts'
import type { Packing } from './operands.ts'

/**
 * The program with matrix products and convolutions in the form that product kernels compute, attention in that of chain
 * kernels, and what lies between convolutions in their order.
 */
export function lowerProducts(program: Program, packing: Packing): Program {
  const layouts = new Layouts()
  return rewrite(program, (node, inputs) => {
    const convolved = lowerConvolution(node, inputs, packing)
    if (convolved) return layouts.add(convolved)
    // While it can be seen that the index comes from windows: later a permutation may lie in between.
    if (node.op.name === 'scatter') return poolGradient(node, inputs)
    return lowerMatmul(node, inputs, packing) ?? lowerAttention(node, inputs, packing) ?? layouts.move(node, inputs)
  })
}
