import {
  allocate,
  bytesPerElement,
  type DType,
  toStorage,
  toValues,
  type TypedArray,
  type Values,
} from '../../core/dtype.ts'
import { sizeOf } from '../../core/shape.ts'
import { emitX64, lanesOf } from '../../codegen/x64/emit.ts'
import type { Node } from '../../graph/node.ts'
import { outOfRange } from '../../graph/ops/index-range.ts'
import { Unsupported } from '../../kernel/bindings.ts'
import { productCode } from '../../kernel/product.ts'
import { packingOf } from '../../kernel/product-schedule.ts'
import { groupCode, type KernelCode, nestCode } from '../../kernel/nest.ts'
import { wholeCode } from '../../kernel/whole.ts'
import { canonicalize, isPlaceholder } from '../../schedule/canonical.ts'
import type { IndexUse } from '../../schedule/expression.ts'
import { runKernel } from '../../schedule/interpret-kernels.ts'
import { type Group, type Kernel, makeKernels } from '../../schedule/kernels.ts'
import { fuse } from '../../schedule/fusion.ts'
import { lower } from '../../schedule/lowering/lower.ts'
import { attachEpilogues } from '../../schedule/epilogues.ts'
import { type Lifetime, planMemory } from '../../schedule/memory.ts'
import { lowerProducts } from '../../schedule/lower-products.ts'
import { phasesOf, readsOf, resultsOf } from '../../schedule/phases.ts'
import { ArgumentCells, type Place } from './argument-cells.ts'
import type { InstructionSet } from './cpu.ts'
import { addressOf, alignedArray, alignedBytes, CodePages } from './memory.ts'
import { type KernelCall, PlanTable } from './plan-table.ts'
import { threadPool } from './thread-pool.ts'

/** Kernels whose work all threads together are worth less than this stay on the calling thread. */
const sharedElements = 65536

/** A part of a plan: phases of machine code in one native call, or one kernel that the interpreter computes. */
type Segment =
  | { readonly kind: 'native'; readonly table: PlanTable; readonly threads: number }
  | { readonly kind: 'routine'; readonly kernel: Exclude<Kernel, Group> }

/**
 * Everything that one structure of graph needs to run: machine code, argument blocks, arena. Leaves, run-time numbers and
 * results are bound anew at each run, by their position.
 */
export class Plan {
  private readonly segments: Segment[] = []
  /** Names of the ops that the interpreter computes between native segments. */
  readonly routines: string[] = []
  private readonly indexUses: IndexUse[] = []
  private readonly workingMemory: Uint8Array[] = []
  private readonly arena: Uint8Array<ArrayBuffer>
  private readonly offsets: ReadonlyMap<Node, number>
  /** Nodes stored outside the arena, by position: leaves, then results. */
  private readonly sources: ReadonlyMap<Node, number>
  private readonly results: readonly Node[]
  private readonly scalars: ReadonlyMap<Node, number>
  /** Where the value of each root is found. */
  private readonly targets: readonly number[]
  private readonly cells: ArgumentCells

  constructor(roots: readonly Node[], set: InstructionSet) {
    const program = lower(lowerProducts(canonicalize(roots), packingOf(lanesOf(set))))
    const results = new Set(program.targets.filter((node) => !isPlaceholder(node)))
    this.results = [...results]
    this.sources = new Map([...program.leaves, ...results].map((node, i) => [node, i]))
    this.scalars = new Map(program.scalars.map((node, i) => [node, i]))
    this.targets = program.targets.map((node) => this.sources.get(node)!)
    this.cells = new ArgumentCells(
      (node) => this.placeOf(node),
      (scalar) => this.scalars.get(scalar)!,
      (bytes) => this.scratch(bytes),
    )
    const code = new Map<Kernel, KernelCode | undefined>()
    const compiles = (kernel: Kernel): boolean => {
      if (!code.has(kernel)) code.set(kernel, this.compile(kernel, set))
      return code.get(kernel) !== undefined
    }
    const single = attachEpilogues(makeKernels(program).kernels, results, compiles)
    // What lane code cannot say together is computed one by one.
    const kernels = fuse(single, results, compiles).flatMap((kernel): readonly Kernel[] =>
      compiles(kernel) || kernel.kind !== 'group' ? [kernel] : kernel.members,
    )
    kernels.forEach(compiles)
    const phases = phasesOf(kernels)
    const memory = planMemory(lifetimes(phases, results))
    this.arena = alignedBytes(memory.bytes)
    this.offsets = memory.offsets
    this.assemble(phases, code, set)
  }

  private assemble(
    phases: readonly Kernel[][],
    codes: ReadonlyMap<Kernel, KernelCode | undefined>,
    set: InstructionSet,
  ): void {
    let pending: { code: KernelCode; kernel: Kernel }[][] = []
    const flush = (): void => {
      if (pending.length > 0) this.segments.push(this.nativeSegment(pending, set))
      pending = []
    }
    for (const phase of phases) {
      const native: { code: KernelCode; kernel: Kernel }[] = []
      const routines: Exclude<Kernel, Group>[] = []
      for (const kernel of phase) {
        const code = codes.get(kernel)
        if (code) native.push({ code, kernel })
        else if (kernel.kind === 'group') throw new Error(`a group of ${kernel.members.length} kernels has no code`)
        else routines.push(kernel)
      }
      if (native.length > 0) pending.push(native)
      if (routines.length > 0) flush()
      for (const kernel of routines) {
        this.segments.push({ kind: 'routine', kernel })
        this.routines.push(kernel.node.op.name)
      }
    }
    flush()
  }

  private compile(kernel: Kernel, set: InstructionSet): KernelCode | undefined {
    const labels = { numberOf: (use: IndexUse) => this.indexUses.push(use) - 1 }
    try {
      if (kernel.kind === 'whole') return wholeCode(kernel.node, lanesOf(set), labels)
      if (kernel.kind === 'product') return productCode(kernel, lanesOf(set), labels)
      return kernel.kind === 'nest' ? nestCode(kernel, lanesOf(set), labels) : groupCode(kernel, lanesOf(set), labels)
    } catch (refusal) {
      if (refusal instanceof Unsupported) return undefined
      throw refusal
    }
  }

  private nativeSegment(phases: readonly { code: KernelCode; kernel: Kernel }[][], set: InstructionSet): Segment {
    const calls = phases.map((phase) =>
      phase.map(({ code: { program, bindings } }): KernelCall => {
        const code = new CodePages(emitX64(program, set))
        return { code, offset: 0, argumentBlock: this.cells.block(bindings), chunks: program.chunks }
      }),
    )
    const table = new PlanTable(calls)
    this.cells.reportTo(table.errorCell)
    const work = Math.max(...phases.flat().map(({ kernel }) => workOf(kernel)))
    return { kind: 'native', table, threads: work < sharedElements ? 1 : threadPool().threads }
  }

  /** Address of working memory for every thread. */
  private scratch(bytes: number): number {
    const memory = alignedBytes(bytes * threadPool().threads)
    this.workingMemory.push(memory)
    return addressOf(memory)
  }

  /** Leaves come first among the addresses of a run, then results. */
  private placeOf(node: Node): Place {
    const source = this.sources.get(node)
    if (source !== undefined) return { source }
    const offset = this.offsets.get(node)
    // An address that is not a number would be written to all the same.
    if (offset === undefined) throw new Error(`${node.op.name} of [${node.shape}] is read but stored nowhere`)
    return { address: addressOf(this.arena) + offset }
  }

  /**
   * Values of the roots. Leaves and numbers are given in the order in which the roots that the plan was made from have them.
   */
  run(leaves: readonly TypedArray[], numbers: readonly number[]): TypedArray[] {
    const arrays = [...leaves, ...this.results.map((node) => allocateAligned(node.dtype, sizeOf(node.shape)))]
    const addresses = arrays.map(addressOf)
    this.cells.write(addresses, numbers)
    for (const segment of this.segments) {
      if (segment.kind === 'routine') this.runRoutine(segment.kernel, arrays, numbers)
      else {
        const outcome = threadPool().runSync(segment.table, segment.threads)
        if (outcome.status === 'failed') {
          const { index, position, size } = outcome.error
          const { op, counted } = this.indexUses[outcome.error.op]!
          throw outOfRange(op, counted, index, position, size)
        }
      }
    }
    return this.targets.map((source) => arrays[source]!)
  }

  private runRoutine(kernel: Exclude<Kernel, Group>, arrays: readonly TypedArray[], numbers: readonly number[]): void {
    const stored = (node: Node): TypedArray => arrays[this.sources.get(node)!] ?? this.inArena(node)
    const number = (scalar: Node): number => numbers[this.scalars.get(scalar)!]!
    const result = runKernel(kernel, (node): Values => toValues(stored(node), node.dtype), number)
    stored(kernel.node).set(toStorage(result, kernel.node.dtype))
  }

  private inArena(node: Node): TypedArray {
    const like = allocate(node.dtype, 0)
    const make = like.constructor as new (buffer: ArrayBuffer, offset: number, length: number) => TypedArray
    return new make(this.arena.buffer, this.arena.byteOffset + this.offsets.get(node)!, sizeOf(node.shape))
  }
}

/** Elements that a kernel walks through. */
function workOf(kernel: Kernel): number {
  if (kernel.kind === 'group') return kernel.members.reduce((sum, member) => sum + workOf(member), 0)
  if (kernel.kind === 'product') return sizeOf(kernel.product.extents)
  return sizeOf(kernel.kind === 'nest' ? kernel.extents : kernel.node.shape)
}

function allocateAligned(dtype: DType, length: number): TypedArray {
  const make = allocate(dtype, 0).constructor as unknown as Parameters<typeof alignedArray<TypedArray>>[0]
  return alignedArray(make, length)
}

function lifetimes(phases: readonly Kernel[][], results: ReadonlySet<Node>): Lifetime<Node>[] {
  const first = new Map<Node, number>()
  const last = new Map<Node, number>()
  const local = new Set(phases.flat().flatMap((kernel) => (kernel.kind === 'group' ? [...kernel.local] : [])))
  phases.forEach((kernels, phase) => {
    for (const kernel of kernels) {
      for (const node of resultsOf(kernel)) {
        first.set(node, phase)
        last.set(node, phase)
      }
      for (const node of readsOf(kernel)) last.set(node, phase)
    }
  })
  return [...first]
    .filter(([node]) => !results.has(node) && !local.has(node))
    .map(([owner, phase]) => ({
      owner,
      bytes: sizeOf(owner.shape) * bytesPerElement(owner.dtype),
      first: phase,
      last: last.get(owner)!,
    }))
}
