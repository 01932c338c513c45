import { type Program, rewrite } from './canonical.ts'
import { lowerConvolution } from './convolutions.ts'
import { lowerMatmul } from './matmuls.ts'
import type { Packing } from './operands.ts'

/** The program with matrix products and convolutions in the form that product kernels compute. */
export function lowerProducts(program: Program, packing: Packing): Program {
  return rewrite(
    program,
    (node, inputs) => lowerMatmul(node, inputs, packing) ?? lowerConvolution(node, inputs, packing),
  )
}
