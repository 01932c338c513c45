import type { TypedArray } from '../../core/dtype.ts'
import type { Node } from '../../graph/node.ts'
import { structuralKey } from '../../schedule/key.ts'
import type { Target } from '../device.ts'
import { chooseInstructionSet, cpuFeatures, type InstructionSet } from './cpu.ts'
import { loadFfi } from './ffi.ts'
import { Plan } from './plan.ts'
import { threadPool } from './thread-pool.ts'

/** Plans that are kept; the one not used for longest goes first. */
const keptPlans = 256

/** Computes with machine code made for this processor. */
export class NativeTarget implements Target {
  readonly name = 'native'
  private readonly set: InstructionSet
  private readonly plans = new Map<string, Plan>()
  /** How many plans have been made, for tests and diagnosis. */
  compiled = 0

  constructor(set: InstructionSet) {
    this.set = set
  }

  run(roots: readonly Node[]): TypedArray[] {
    return this.planFor(roots).run(roots)
  }

  private planFor(roots: readonly Node[]): Plan {
    const key = `${threadPool().threads}|${structuralKey(roots)}`
    const known = this.plans.get(key)
    if (known) {
      this.plans.delete(key)
      this.plans.set(key, known)
      return known
    }
    const plan = new Plan(roots, this.set)
    this.compiled++
    this.plans.set(key, plan)
    if (this.plans.size > keptPlans) this.plans.delete(this.plans.keys().next().value!)
    return plan
  }
}

/** The target, or why there is none here. */
export function nativeTarget(): NativeTarget | { readonly reason: string } {
  const ffi = loadFfi()
  if ('reason' in ffi) return ffi
  const set = chooseInstructionSet()
  if (!set) return { reason: `this processor (${cpuFeatures().brand}) has neither AVX-512 nor AVX2 with FMA` }
  return new NativeTarget(set)
}
