/** Computes graphs kernel by kernel, products as lane code: by the lane interpreter, or by the processor between guard pages. */
import { lanesOf } from '../../src/codegen/x64/emit.ts'
import type { InstructionSet } from '../../src/codegen/x64/register-file.ts'
import { allocate, toStorage, toValues, type Values } from '../../src/core/dtype.ts'
import { sizeOf } from '../../src/core/shape.ts'
import type { Node } from '../../src/graph/node.ts'
import { productCode } from '../../src/kernel/product.ts'
import { packingOf, type TileLimits } from '../../src/kernel/product-schedule.ts'
import { type Binding, interpret } from '../../src/lane/interpret.ts'
import { verifyBounds } from '../../src/lane/verify.ts'
import { argumentsOf, canonicalize } from '../../src/schedule/canonical.ts'
import { attachEpilogues } from '../../src/schedule/epilogues.ts'
import { runKernel } from '../../src/schedule/interpret-kernels.ts'
import { makeKernels } from '../../src/schedule/kernels.ts'
import { lowerProducts } from '../../src/schedule/lower-products.ts'
import type { ProductKernel } from '../../src/schedule/product.ts'
import { runNative } from './run-lane.ts'

export interface Machine {
  readonly set: InstructionSet
  /** By machine code instead of the lane interpreter. */
  readonly native: boolean
  readonly side?: 'start' | 'end'
  readonly limits?: TileLimits
}

export interface Outcome {
  /** Values of the roots. */
  readonly values: Values[]
  /** How many kernels were products, and how many of these have an epilogue. */
  readonly products: number
  readonly epilogues: number
}

const labels = { numberOf: () => 0 }

export function runProducts(roots: readonly Node[], machine: Machine): Outcome {
  const lanes = lanesOf(machine.set)
  const recorded = canonicalize(roots)
  argumentsOf(roots).leaves.forEach(({ value }, i) => {
    recorded.leaves[i]!.value = value
  })
  const program = lowerProducts(recorded, packingOf(lanes))
  const kernels = attachEpilogues(makeKernels(program).kernels, new Set(program.targets))
  const results = new Map<Node, Values>()
  const read = (node: Node): Values => results.get(node) ?? toValues(node.value!, node.dtype)
  for (const kernel of kernels) {
    if (kernel.kind === 'group') throw new Error('nothing was grouped')
    results.set(kernel.node, kernel.kind === 'product' ? runProduct(kernel, machine, read) : runKernel(kernel, read))
  }
  const products = kernels.filter((kernel) => kernel.kind === 'product')
  return {
    values: program.targets.map(read),
    products: products.length,
    epilogues: products.filter(({ epilogue }) => epilogue).length,
  }
}

function runProduct(kernel: ProductKernel, machine: Machine, read: (node: Node) => Values): Values {
  const { program, bindings } = productCode(kernel, lanesOf(machine.set), labels, machine.limits)
  verifyBounds(program)
  const out = allocate(kernel.node.dtype, sizeOf(kernel.node.shape))
  const arrays = bindings.map((binding): Binding => {
    if (binding.kind === 'scalar') return (binding.node.attrs as { value: number }).value
    if (binding.kind === 'scratch') return new Float32Array((binding.bytes / 4) * threadsAtMost)
    if (binding.kind !== 'buffer') return null
    if (binding.node === kernel.node) return out as Float32Array
    return toStorage(read(binding.node), binding.node.dtype) as Float32Array
  })
  if (machine.native) runNative(program, machine.set, arrays, machine.side)
  else interpret(program, arrays)
  return toValues(out, kernel.node.dtype)
}

const threadsAtMost = 8
