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
import { lanesOf } from '../../codegen/x64/emit.ts'
import type { Node, Op } from '../../graph/node.ts'
import { outOfRange } from '../../graph/ops/index-range.ts'
import { type ScanAttrs, scanOp } from '../../graph/ops/scan.ts'
import { packingOf } from '../../kernel/product-schedule.ts'
import { canonicalize, isPlaceholder } from '../../schedule/canonical.ts'
import { runKernel } from '../../schedule/interpret-kernels.ts'
import { joinChains } from '../../schedule/join-chains.ts'
import { type Group, type Kernel, makeKernels } from '../../schedule/kernels.ts'
import { fuse } from '../../schedule/fusion.ts'
import { lower } from '../../schedule/lowering/lower.ts'
import { attachEpilogues } from '../../schedule/epilogues.ts'
import type { Lifetime } from '../../schedule/memory.ts'
import { lowerProducts } from '../../schedule/lower-products.ts'
import { phasesOf, readsOf, resultsOf } from '../../schedule/phases.ts'
import { printPlan } from '../../schedule/print.ts'
import { type View, withoutCopies } from '../../schedule/views.ts'
import { lowerScans, runsByRows } from '../../schedule/scan-rows.ts'
import { recordedUpdates, updatesIn } from '../../schedule/updates.ts'
import type { Landing } from '../device.ts'
import { Arena, arena } from './arena.ts'
import { ArgumentCells, type Place } from './argument-cells.ts'
import type { CompiledKernel, KernelLibrary } from './kernel-library.ts'
import { addressOf, CodePages } from './memory.ts'
import { type KernelCall, type Outcome, PlanTable } from './plan-table.ts'
import type { ResultMemory } from './result-memory.ts'
import { ScanPlan } from './scan-plan.ts'
import { threadPool } from './thread-pool.ts'

/** Kernels whose work all threads together are worth less than this stay on the calling thread. */
const sharedElements = 65536

/** Runs that take longer go on beside the program. Handing one over costs up to 40 µs. */
const longMilliseconds = 4

/** Maps, reductions and products over fewer elements never take that long. */
const briefElements = 2 ** 19

/** What tests set otherwise. */
export interface PlanOptions {
  /** The memory of what lives during a run only. Default: one for the whole process. */
  readonly arena?: Arena
  /** From so many elements on a kernel makes its plan run on all threads. */
  readonly shared?: number
}

/** Where the value of a root is found, and whether a leaf, or a root before it, is found there too. */
interface Root {
  readonly source: number
  readonly dtype: DType
  readonly isLeaf: boolean
  readonly isRepeated: boolean
}

/**
 * What one run is given: leaves, numbers, and which roots are held by tensors, in the order in which the roots that the plan was
 * made from have them.
 */
export interface Given {
  readonly leaves: readonly TypedArray[]
  readonly numbers: readonly number[]
  readonly held: readonly boolean[]
  /** Leaves, by position, that nobody reads after this run: a result that updates one may take its memory. Default: none. */
  readonly yielded?: ReadonlySet<number>
}

/** A part of a plan: phases of machine code in one native call, a plan repeated over time, or one kernel that the interpreter computes. */
type Segment =
  | { readonly kind: 'native'; readonly table: PlanTable; readonly threads: number }
  | { readonly kind: 'scan'; readonly node: Node; readonly plan: ScanPlan }
  | { readonly kind: 'routine'; readonly kernel: Exclude<Kernel, Group> }

/** A result: its elements, and the position of the root that it is the value of. */
interface Result {
  readonly dtype: DType
  readonly length: number
  readonly root: number
}

/**
 * Everything that one structure of graph needs to run: machine code, argument blocks, arena. Leaves, run-time numbers and
 * results are bound anew at each run, by their position.
 */
export class Plan {
  private readonly segments: Segment[] = []
  /** Names of the ops that the interpreter computes between native segments. */
  readonly routines: string[] = []
  private readonly library: KernelLibrary
  private readonly arena: Arena
  private readonly shared: number
  /** Undefined for kernels that the interpreter computes; emptied when the plan is made. */
  private readonly compiled = new Map<Kernel, CompiledKernel | undefined>()
  /** Bytes of the arena that this plan needs, and where in it the working memory of the next kernel begins. */
  private arenaBytes = 0
  private scratchEnd = 0
  /** Whether it computes so much that it is worth a look at the clock. */
  private readonly mayBeLong: boolean
  /** How long the last run took, and the one before. */
  private milliseconds = 0
  private before = 0
  private readonly offsets: ReadonlyMap<Node, number>
  /** Nodes stored outside the arena, by position: leaves, then results. */
  private readonly sources: ReadonlyMap<Node, number>
  private readonly results: readonly Result[]
  private readonly scalars: ReadonlyMap<Node, number>
  private readonly roots: readonly Root[]
  private readonly cells: ArgumentCells
  /** Leaves by the position of the result that updates them. */
  private readonly updates: ReadonlyMap<number, { readonly leaf: number; readonly inPlace: boolean }>

  constructor(roots: readonly Node[], library: KernelLibrary, options: PlanOptions = {}) {
    const began = performance.now()
    this.library = library
    this.arena = options.arena ?? arena
    this.shared = options.shared ?? sharedElements
    const packing = packingOf(lanesOf(library.set))
    const recordedAsUpdates = recordedUpdates(roots)
    const recorded = canonicalize(roots, (node) => recordedAsUpdates.has(node) || runsByRows(node, packing))
    const program = lower(lowerProducts(lowerScans(recorded, packing), packing))
    const results = new Set(program.targets.filter((node) => !isPlaceholder(node)))
    this.results = Array.from(results, (node) => ({
      dtype: node.dtype,
      length: sizeOf(node.shape),
      root: program.targets.indexOf(node),
    }))
    this.sources = new Map([...program.leaves, ...results].map((node, i) => [node, i]))
    this.scalars = new Map(program.scalars.map((node, i) => [node, i]))
    this.roots = program.targets.map((node, i) => ({
      source: this.sources.get(node)!,
      dtype: node.dtype,
      isLeaf: isPlaceholder(node),
      isRepeated: program.targets.indexOf(node) !== i,
    }))
    this.cells = new ArgumentCells(
      (node) => this.placeOf(node),
      (scalar) => this.scalars.get(scalar)!,
      (bytes) => this.scratch(bytes),
    )
    const joined = this.joined(joinChains(makeKernels(program).kernels), results)
    const { kernels, views } = withoutCopies(joined, results)
    const phases = phasesOf(kernels, views)
    const mayFail = (kernel: Kernel): boolean =>
      this.compiled.get(kernel)?.bindings.some(({ kind }) => kind === 'error') ?? true
    this.updates = new Map(
      updatesIn(phases, program.targets, views, mayFail).map(({ leaf, result, inPlace }) => [
        this.sources.get(result)!,
        { leaf: this.sources.get(leaf)!, inPlace },
      ]),
    )
    const memory = this.arena.layOut(lifetimes(phases, results, views))
    this.offsets = withViews(memory.offsets, views)
    this.assemble(phases, memory.bytes)
    const all = phases.flat()
    const work = all.reduce((sum, kernel) => sum + workOf(kernel), 0)
    this.mayBeLong = work >= briefElements || all.some(({ kind }) => kind === 'whole')
    if (process.env['GRADUS_DEBUG']?.split(',').includes('plan')) this.print(phases, performance.now() - began)
    this.compiled.clear()
  }

  private print(phases: readonly Kernel[][], milliseconds: number): void {
    const chunksOf = (kernel: Kernel): number | undefined => this.compiled.get(kernel)?.code.chunks
    const { threads } = threadPool()
    process.stderr.write(`${printPlan({ phases, chunksOf, arenaBytes: this.arenaBytes, threads, milliseconds })}\n`)
  }

  /** Joins kernels as far as machine code can say what they compute together. */
  private joined(kernels: readonly Kernel[], results: ReadonlySet<Node>): Kernel[] {
    const { compiled } = this
    const compiles = (kernel: Kernel): boolean => {
      if (!compiled.has(kernel)) compiled.set(kernel, this.library.compile(kernel))
      return compiled.get(kernel) !== undefined
    }
    const single = attachEpilogues(kernels, results, compiles)
    const refused = new Set<Kernel>()
    while (true) {
      const fused = fuse(single, results, (nest) => !refused.has(nest))
      const failing = new Set(fused.filter((kernel): kernel is Group => kernel.kind === 'group' && !compiles(kernel)))
      const guilty = [...failing].flatMap(({ members }) => members).filter((member) => !compiles(member))
      // What cannot be said alone is left out of all groups; what cannot be said together is computed one by one.
      if (guilty.length === 0) {
        const chosen = fused.flatMap((kernel): readonly Kernel[] =>
          kernel.kind === 'group' && failing.has(kernel) ? kernel.members : [kernel],
        )
        chosen.forEach(compiles)
        return chosen
      }
      for (const member of guilty) refused.add(member)
    }
  }

  private assemble(phases: readonly Kernel[][], bytes: number): void {
    this.arenaBytes = bytes
    let pending: { code: CompiledKernel; kernel: Kernel }[][] = []
    const flush = (): void => {
      if (pending.length > 0) this.segments.push(this.nativeSegment(pending, bytes))
      pending = []
    }
    for (const phase of phases) {
      const native: { code: CompiledKernel; kernel: Kernel }[] = []
      const routines: Exclude<Kernel, Group>[] = []
      for (const kernel of phase) {
        const code = this.compiled.get(kernel)
        if (code) native.push({ code, kernel })
        else if (kernel.kind === 'group' || resultsOf(kernel).length > 1)
          throw new Error(`a kernel of ${resultsOf(kernel).length} results has no code`)
        else routines.push(kernel)
      }
      if (native.length > 0) pending.push(native)
      if (routines.length > 0) flush()
      for (const kernel of routines) {
        if (kernel.node.op === (scanOp as Op)) {
          const node = kernel.node as Node<ScanAttrs>
          const plan = new ScanPlan(node, (body) => new Plan(body, this.library, { arena: new Arena() }))
          this.segments.push({ kind: 'scan', node, plan })
          continue
        }
        this.segments.push({ kind: 'routine', kernel })
        this.routines.push(kernel.node.op.name)
      }
    }
    flush()
  }

  private nativeSegment(
    phases: readonly { code: CompiledKernel; kernel: Kernel }[][],
    intermediateBytes: number,
  ): Segment {
    const pages = CodePages.of(phases.flat().map(({ code }) => code.code.bytes))
    const calls = phases.map((phase) => {
      // Working memory lies behind the intermediates. Kernels of one phase run at the same time.
      this.scratchEnd = intermediateBytes
      return phase.map(({ code: { code, bindings } }): KernelCall => {
        const { chunks, bytes } = code
        const argumentBlock = this.cells.block(bindings)
        return { code: pages.pages, offset: pages.offsets.get(bytes)!, argumentBlock, chunks }
      })
    })
    const table = new PlanTable(calls)
    this.cells.reportTo(table.errorCell)
    const work = Math.max(...phases.flat().map(({ kernel }) => workOf(kernel)))
    return { kind: 'native', table, threads: work < this.shared ? 1 : threadPool().threads }
  }

  /** Offset of working memory for every thread. */
  private scratch(bytes: number): number {
    const all = bytes * threadPool().threads
    const offset = this.arena.behind(this.scratchEnd, all)
    this.scratchEnd = offset + all
    this.arenaBytes = Math.max(this.arenaBytes, this.scratchEnd)
    return offset
  }

  /** Leaves come first among the addresses of a run, then results. */
  private placeOf(node: Node): Place {
    const source = this.sources.get(node)
    if (source !== undefined) return { source }
    const offset = this.offsets.get(node)
    // An offset that is not a number would be written to all the same.
    if (offset === undefined) throw new Error(`${node.op.name} of [${node.shape}] is read but stored nowhere`)
    return { offset }
  }

  /**
   * Values of the roots. Each has memory of its own, which none of the leaves and of the other roots shares.
   */
  run(given: Given, memory: ResultMemory): TypedArray[] {
    const { arrays, finish } = this.bind(given, memory)
    const start = this.mayBeLong ? performance.now() : 0
    for (const segment of this.segments) {
      if (segment.kind === 'routine') this.runRoutine(segment.kernel, arrays, given.numbers)
      else if (segment.kind === 'scan') this.runScan(segment.node, segment.plan, arrays)
      else this.check(threadPool().runSync(segment.table, segment.threads))
    }
    if (this.mayBeLong) this.tookUntilNow(start)
    return finish()
  }

  /** Whether a run takes so long that it should not keep the program waiting: two in a row have. */
  get isLong(): boolean {
    const shorter = Math.min(this.milliseconds, this.before)
    return shorter > longMilliseconds && this.segments.length === 1 && this.segments[0]!.kind === 'native'
  }

  private tookUntilNow(start: number): void {
    this.before = this.milliseconds
    this.milliseconds = performance.now() - start
  }

  /** {@link run} beside the program; for plans that are long. */
  launch(given: Given, memory: ResultMemory): Landing {
    const [segment] = this.segments
    if (segment?.kind !== 'native') throw new Error('only a plan of one native segment runs beside the program')
    const { arrays, finish } = this.bind(given, memory)
    // Until it is over, nothing that it reads or writes may be collected.
    const pinned = [this, arrays, this.arena.memory]
    const start = performance.now()
    const { wait, done } = threadPool().launch(segment.table, segment.threads)
    return {
      values: () => {
        this.check(wait())
        return finish()
      },
      done: done.then(() => {
        this.tookUntilNow(start)
        pinned.length = 0
      }),
    }
  }

  /** Tells the kernels where everything lies in one run. `finish` gives the values of the roots once it is over. */
  private bind(
    { leaves, numbers, held, yielded }: Given,
    memory: ResultMemory,
  ): { readonly arrays: readonly TypedArray[]; readonly finish: () => TypedArray[] } {
    const arrays = [...leaves]
    const addresses = arrays.map(addressOf)
    for (const { dtype, length, root } of this.results) {
      const update = this.updates.get(arrays.length)
      const last = update && arrays[update.leaf]!
      const isTaken = update?.inPlace && yielded?.has(update.leaf) && isAlone(addresses, update.leaf)
      const array = last && isTaken ? last : memory.take(dtype, length, held[root]!)
      if (last && array !== last) array.set(last)
      arrays.push(array)
      addresses.push(addressOf(array))
    }
    this.arena.reserve(this.arenaBytes)
    this.cells.write(this.arena.address, addresses, numbers)
    const finish = (): TypedArray[] =>
      this.roots.map(({ source, dtype, isLeaf, isRepeated }, i) => {
        const array = arrays[source]!
        if (!isLeaf && !isRepeated) return array
        const copy = memory.take(dtype, array.length, held[i]!)
        copy.set(array)
        return copy
      })
    return { arrays, finish }
  }

  private check(outcome: Outcome): void {
    if (outcome.status !== 'failed') return
    const { index, position, size } = outcome.error
    const { op, counted } = this.library.indexUses[outcome.error.op]!
    throw outOfRange(op, counted, index, position, size)
  }

  private runRoutine(kernel: Exclude<Kernel, Group>, arrays: readonly TypedArray[], numbers: readonly number[]): void {
    const stored = this.storedIn(arrays)
    const number = (scalar: Node): number => numbers[this.scalars.get(scalar)!]!
    const result = runKernel(kernel, (node): Values => toValues(stored(node), node.dtype), number)
    stored(kernel.node).set(toStorage(result, kernel.node.dtype))
  }

  private runScan(node: Node, plan: ScanPlan, arrays: readonly TypedArray[]): void {
    const stored = this.storedIn(arrays)
    plan.run(node.inputs.map(stored), stored(node))
  }

  /** Where a node's elements lie in this run. */
  private storedIn(arrays: readonly TypedArray[]): (node: Node) => TypedArray {
    return (node) => arrays[this.sources.get(node)!] ?? this.inArena(node)
  }

  private inArena(node: Node): TypedArray {
    const like = allocate(node.dtype, 0)
    const make = like.constructor as new (buffer: ArrayBuffer, offset: number, length: number) => TypedArray
    const { buffer, byteOffset } = this.arena.memory
    return new make(buffer, byteOffset + this.offsets.get(node)!, sizeOf(node.shape))
  }
}

/** Whether nothing else lies where the leaf at a position does. */
function isAlone(addresses: readonly number[], position: number): boolean {
  const address = addresses[position]!
  return addresses.indexOf(address) === position && addresses.indexOf(address, position + 1) === -1
}

/** Elements that a kernel walks through. */
function workOf(kernel: Kernel): number {
  if (kernel.kind === 'group') return kernel.members.reduce((sum, member) => sum + workOf(member), 0)
  if (kernel.kind === 'product') return sizeOf(kernel.product.extents)
  if (kernel.kind === 'nest') return sizeOf(kernel.extents)
  return Math.max(...[kernel.node, ...readsOf(kernel)].map(({ shape }) => sizeOf(shape)))
}

/** Where nodes lie, those too that lie inside of others. */
function withViews(offsets: ReadonlyMap<Node, number>, views: ReadonlyMap<Node, View>): ReadonlyMap<Node, number> {
  const all = new Map(offsets)
  for (const [node, { source, offset }] of views)
    all.set(node, offsets.get(source)! + offset * bytesPerElement(node.dtype))
  return all
}

function lifetimes(
  phases: readonly Kernel[][],
  results: ReadonlySet<Node>,
  views: ReadonlyMap<Node, View>,
): Lifetime<Node>[] {
  const first = new Map<Node, number>()
  const last = new Map<Node, number>()
  const local = new Set(phases.flat().flatMap((kernel) => (kernel.kind === 'group' ? [...kernel.local] : [])))
  phases.forEach((kernels, phase) => {
    for (const kernel of kernels) {
      for (const node of resultsOf(kernel)) {
        first.set(node, phase)
        last.set(node, phase)
      }
      for (const node of readsOf(kernel)) last.set(views.get(node)?.source ?? node, phase)
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
