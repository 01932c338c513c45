/** Runs graphs as plans of their own, in buffers of the test's choice. */
import { allocate, bytesPerElement, type DType, type TypedArray } from '../../src/core/dtype.ts'
import type { Node } from '../../src/graph/node.ts'
import type { KernelLibrary } from '../../src/runtime/native/kernel-library.ts'
import { type GuardedBytes, guardedBytes } from '../../src/runtime/native/memory.ts'
import { Plan } from '../../src/runtime/native/plan.ts'
import { ResultMemory } from '../../src/runtime/native/result-memory.ts'
import { structureOf } from '../../src/schedule/key.ts'
import { GuardedArena } from './guarded-arena.ts'

type Constructor = new (buffer: ArrayBuffer, offset: number, length: number) => TypedArray

/** Arrays that touch unreadable pages. */
class GuardedMemory extends ResultMemory {
  private readonly side: 'start' | 'end'
  private readonly buffers: GuardedBytes[] = []

  constructor(side: 'start' | 'end') {
    super()
    this.side = side
  }

  override take(dtype: DType, length: number): TypedArray {
    const guarded = guardedBytes(length * bytesPerElement(dtype), this.side)
    this.buffers.push(guarded)
    const { buffer, byteOffset } = guarded.bytes
    return new (allocate(dtype, 0).constructor as Constructor)(buffer, byteOffset, length)
  }

  release(): void {
    for (const buffer of this.buffers) buffer.release()
  }
}

export interface Circumstances {
  /** All buffers end at unreadable pages, or begin behind them. */
  readonly guards?: 'start' | 'end'
  /** Even the smallest plan runs on all threads. */
  readonly shared?: boolean
}

/** Values of the roots, and the ops that the plan leaves to the interpreter. */
export function runPlan(
  roots: readonly Node[],
  library: KernelLibrary,
  { guards, shared = false }: Circumstances = {},
): { values: TypedArray[]; routines: readonly string[] } {
  const { leaves, scalars } = structureOf(roots)
  const numbers = scalars.map((scalar) => (scalar.attrs as { value: number }).value)
  const plan = new Plan(roots, library, {
    ...(guards && { arena: new GuardedArena(guards) }),
    ...(shared && { shared: 0 }),
  })
  const held = roots.map(() => true)
  if (!guards) {
    const given = { leaves: leaves.map(({ value }) => value!), numbers, held }
    return { values: plan.run(given, new ResultMemory()), routines: plan.routines }
  }
  const memory = new GuardedMemory(guards)
  const copies = leaves.map(({ value, dtype }) => {
    const copy = memory.take(dtype, value!.length)
    copy.set(value!)
    return copy
  })
  const values = plan.run({ leaves: copies, numbers, held }, memory).map((value) => value.slice())
  memory.release()
  return { values, routines: plan.routines }
}
