import { type Program, rewrite } from './canonical.ts'
import { lowerMatmul } from './matmuls.ts'
import type { Packing } from './operands.ts'

/** The program with matrix products in the form that product kernels compute. */
export function lowerProducts(program: Program, packing: Packing): Program {
  return rewrite(program, (node, inputs) => lowerMatmul(node, inputs, packing))
}
