import { emitX64, lanesOf } from '../../codegen/x64/emit.ts'
import type { Node } from '../../graph/node.ts'
import { type Binding, Unsupported } from '../../kernel/bindings.ts'
import { groupCode, type KernelCode, nestCode } from '../../kernel/nest.ts'
import { productCode } from '../../kernel/product.ts'
import type { TileLimits } from '../../kernel/product-schedule.ts'
import { wholeCode } from '../../kernel/whole.ts'
import type { LaneProgram } from '../../lane/program.ts'
import { BoundsError } from '../../lane/verify.ts'
import type { IndexUse } from '../../schedule/expression.ts'
import { identityOf } from '../../schedule/identity.ts'
import type { Kernel } from '../../schedule/kernels.ts'
import type { InstructionSet } from './cpu.ts'
import { threadPool } from './thread-pool.ts'

/** Pieces of code that are kept; the one not used for longest goes first. */
const keptCode = 4096

/** A kernel in machine code, and the arrays that it is given. */
export interface CompiledKernel {
  readonly code: MachineCode
  readonly bindings: readonly Binding[]
}

/** Made when it is asked for first: many a kernel is only tried. */
export class MachineCode {
  /** How many times the kernel is called in a run. */
  readonly chunks: number
  private program: LaneProgram | undefined
  private readonly set: InstructionSet
  private made: Uint8Array | undefined

  constructor(program: LaneProgram, set: InstructionSet) {
    this.program = program
    this.set = set
    this.chunks = program.chunks
  }

  get bytes(): Uint8Array {
    this.made ??= emitX64(this.program!, this.set)
    this.program = undefined
    return this.made
  }
}

/** A binding to whatever a kernel has at a place among its slots. */
type SlotBinding =
  | { readonly kind: 'buffer' | 'scalar'; readonly slot: number }
  | Extract<Binding, { kind: 'scratch' | 'error' }>

/** Code by what it computes, for kernels with any arrays. */
interface Entry {
  readonly code: MachineCode
  readonly bindings: readonly SlotBinding[]
}

/**
 * The kernels compiled so far, for one instruction set. Kernels that compute the same from different arrays share their code:
 * the layers of a deep network, training and evaluation.
 */
export class KernelLibrary {
  readonly set: InstructionSet
  /** What the op numbers in reports of bad indices stand for. */
  readonly indexUses: IndexUse[] = []
  private readonly entries = new Map<string, Entry | undefined>()

  private readonly limits: TileLimits | undefined

  /** `limits`: tiles of products, where they are not the largest. */
  constructor(set: InstructionSet, limits?: TileLimits) {
    this.set = set
    this.limits = limits
  }

  /** The kernel in machine code; undefined where lane code has no way to say it. */
  compile(kernel: Kernel): CompiledKernel | undefined {
    const { text, slots } = identityOf(kernel)
    // How a product is cut into chunks depends on who shares them.
    const key = kernel.kind === 'product' ? `${threadPool().threads} ${text}` : text
    let entry = this.entries.get(key)
    if (entry) this.entries.delete(key)
    else if (this.entries.has(key)) return undefined
    else entry = this.make(kernel, slots)
    this.entries.set(key, entry)
    if (this.entries.size > keptCode) this.entries.delete(this.entries.keys().next().value!)
    if (!entry) return undefined
    const bindings = entry.bindings.map(
      (binding): Binding => ('slot' in binding ? { kind: binding.kind, node: slots[binding.slot]! } : binding),
    )
    return { code: entry.code, bindings }
  }

  private make(kernel: Kernel, slots: readonly Node[]): Entry | undefined {
    try {
      const { program, bindings } = this.laneCode(kernel)
      const positions = new Map(slots.map((node, slot) => [node, slot]))
      return {
        code: new MachineCode(program, this.set),
        bindings: bindings.map((binding) =>
          'node' in binding ? { kind: binding.kind, slot: positions.get(binding.node)! } : binding,
        ),
      }
    } catch (refusal) {
      if (refusal instanceof Unsupported || refusal instanceof BoundsError) return undefined
      throw refusal
    }
  }

  private laneCode(kernel: Kernel): KernelCode {
    const lanes = lanesOf(this.set)
    if (kernel.kind === 'whole') return wholeCode(kernel.node, lanes, this, kernel.others)
    if (kernel.kind === 'product') return productCode(kernel, lanes, this, this.limits, threadPool().threads)
    return kernel.kind === 'nest' ? nestCode(kernel, lanes, this) : groupCode(kernel, lanes, this)
  }

  numberOf(use: IndexUse): number {
    const known = this.indexUses.findIndex(({ op, counted }) => op === use.op && counted === use.counted)
    return known >= 0 ? known : this.indexUses.push(use) - 1
  }
}
