import type { TypedArray } from '../../core/dtype.ts'
import { giveUp, type Node } from '../../graph/node.ts'
import { sameWords, type Structure, structureOf } from '../../schedule/key.ts'
import type { Landing, Prepared, Target, Unavailable } from '../device.ts'
import { chooseInstructionSet, cpuFeatures, type InstructionSet } from './cpu.ts'
import { loadFfi } from './ffi.ts'
import { keepFreedMemory } from './memory.ts'
import { KernelLibrary } from './kernel-library.ts'
import { type Given, Plan } from './plan.ts'
import { ResultMemory } from './result-memory.ts'
import { threadPool } from './thread-pool.ts'

/** Plans that are kept; the one not used for longest goes first. */
const keptPlans = 256

interface Entry {
  readonly words: Int32Array
  readonly plan: Plan
}

/** Computes with machine code made for this processor. */
export class NativeTarget implements Target {
  readonly name = 'native'
  private readonly library: KernelLibrary
  /** By hash, used last at the end. Where structures of one hash meet, the later one replaces the earlier. */
  private readonly plans = new Map<number, Entry>()
  /** The plan that was used last: most likely the one that is used next. */
  private last: Entry | undefined
  private readonly memory = new ResultMemory()
  /** How many plans have been made, for tests and diagnosis. */
  compiled = 0
  /** Ops that some plan left to the interpreter. */
  readonly routines: Set<string> = new Set()

  constructor(set: InstructionSet) {
    this.library = new KernelLibrary(set)
  }

  get description(): string {
    const { threads } = threadPool()
    const set = this.library.set === 'avx512' ? 'AVX-512' : 'AVX2'
    return `${set} machine code on ${threads} thread${threads === 1 ? '' : 's'}`
  }

  run(roots: readonly Node[], spare: readonly Node[] = []): TypedArray[] {
    const { plan, given } = this.bind(roots, spare)
    return plan.run(given, this.memory)
  }

  launch(roots: readonly Node[], spare: readonly Node[]): TypedArray[] | Landing {
    const { plan, given } = this.bind(roots, spare)
    return plan.isLong ? plan.launch(given, this.memory) : plan.run(given, this.memory)
  }

  setThreads(threads: number): void {
    threadPool().setThreads(threads)
  }

  prepare(roots: readonly Node[]): Prepared {
    const structure = structureOf(roots, threadPool().threads)
    const { leaves, scalars } = structure
    const plan = this.planFor(structure, roots)
    const held = roots.map((root) => root.held > 0)
    return {
      leaves,
      scalars,
      get isLong(): boolean {
        return plan.isLong
      },
      run: (values, numbers, spare, yielded = new Set()) => {
        this.recycle(spare)
        return plan.run({ leaves: values, numbers, held, yielded }, this.memory)
      },
    }
  }

  /** The plan for `roots` and what it is given in this run. */
  private bind(roots: readonly Node[], spare: readonly Node[]): { readonly plan: Plan; readonly given: Given } {
    const structure = structureOf(roots, threadPool().threads)
    const { start, leaves, scalars } = structure
    const plan = this.planFor(structure, roots)
    this.recycle(spare.filter((node) => node.mark <= start))
    const given = {
      leaves: leaves.map((leaf) => leaf.value!),
      numbers: scalars.map((scalar) => (scalar.attrs as { value: number }).value),
      held: roots.map((root) => root.held > 0),
    }
    return { plan, given }
  }

  private recycle(spare: readonly Node[]): void {
    this.memory.begin()
    for (const node of spare) if (node.value) this.memory.giveBack(giveUp(node)!, node.dtype, node.ownsValue)
  }

  private planFor(structure: Structure, roots: readonly Node[]): Plan {
    const { words } = structure
    if (this.last && sameWords(this.last.words, words)) return this.last.plan
    const hash = structure.hash()
    const known = this.plans.get(hash)
    this.plans.delete(hash)
    if (known && sameWords(known.words, words)) {
      this.plans.set(hash, known)
      this.last = known
      return known.plan
    }
    const copy = words.slice()
    const plan = new Plan(roots, this.library)
    this.compiled++
    for (const name of plan.routines) this.routines.add(name)
    this.last = { words: copy, plan }
    this.plans.set(hash, this.last)
    if (this.plans.size > keptPlans) this.plans.delete(this.plans.keys().next().value!)
    return plan
  }
}

/** The target, or why there is none here. */
export function nativeTarget(): NativeTarget | Unavailable {
  const ffi = loadFfi()
  if ('reason' in ffi) return ffi
  const set = chooseInstructionSet()
  if (!set) return { reason: `this processor (${cpuFeatures().brand}) has neither AVX-512 nor AVX2 with FMA` }
  keepFreedMemory()
  return new NativeTarget(set)
}
