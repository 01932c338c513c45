/** Runs lane programs as machine code, in buffers that end at unreadable pages, beside the interpreter. */
import { emitX64, lanesOf } from '../../src/codegen/x64/emit.ts'
import type { InstructionSet } from '../../src/codegen/x64/register-file.ts'
import { LaneBuilder } from '../../src/lane/builder.ts'
import { type Binding, type IndexReport, interpret } from '../../src/lane/interpret.ts'
import type { LaneProgram } from '../../src/lane/program.ts'
import { cpuFeatures } from '../../src/runtime/native/cpu.ts'
import { loadFfi } from '../../src/runtime/native/ffi.ts'
import { CodePages, guardedBytes } from '../../src/runtime/native/memory.ts'
import { PlanTable } from '../../src/runtime/native/plan-table.ts'
import { threadPool } from '../../src/runtime/native/thread-pool.ts'

/** The instruction sets of this machine that code can be run for. */
export const runnableSets: readonly InstructionSet[] =
  'reason' in loadFfi() ? [] : (['avx512', 'avx2'] as const).filter((set) => cpuFeatures()[set])

/** Runs all chunks; the bindings are changed as the program changes its buffers. */
export function runNative(
  program: LaneProgram,
  set: InstructionSet,
  bindings: readonly Binding[],
  side: 'start' | 'end' = 'end',
): IndexReport | null {
  const code = new CodePages(emitX64(program, set))
  const block = new BigInt64Array(Math.max(1, program.parameters.length))
  const table = new PlanTable([[{ code, offset: 0, argumentBlock: block, chunks: program.chunks }]])
  const buffers = bindings.map((binding, cell) => {
    if (binding === null) {
      block[cell] = BigInt(table.errorCell)
      return null
    }
    if (typeof binding === 'number') {
      const view = new DataView(block.buffer, 8 * cell)
      if (
        program.parameters[cell]?.kind === 'scalar' &&
        (program.parameters[cell] as { type: string }).type === 'i32'
      ) {
        view.setInt32(0, binding, true)
      } else {
        view.setFloat32(0, binding, true)
      }
      return null
    }
    const guarded = guardedBytes(binding.byteLength, side)
    guarded.bytes.set(new Uint8Array(binding.buffer, binding.byteOffset, binding.byteLength))
    block[cell] = BigInt(guarded.address)
    return guarded
  })
  const outcome = threadPool().runSync(table)
  bindings.forEach((binding, cell) => {
    const guarded = buffers[cell]
    if (!guarded || binding === null || typeof binding === 'number') return
    new Uint8Array(binding.buffer, binding.byteOffset, binding.byteLength).set(guarded.bytes)
    guarded.release()
  })
  if (outcome.status !== 'failed') return null
  const { op, index, size, position } = outcome.error
  return { op, index, size, position }
}

const copy = (binding: Binding): Binding =>
  binding === null || typeof binding === 'number' ? binding : (binding.slice() as Binding)

/** What one machine left in the buffers, and what it reported. */
export interface Result {
  readonly name: string
  readonly bindings: Binding[]
  readonly report: IndexReport | null
}

/** Runs a program for each instruction set: by the interpreter with its number of lanes, and natively where this machine can. */
export function runEverywhere(
  write: (b: LaneBuilder) => void,
  bindings: readonly Binding[],
  options: { chunks?: number } = {},
): { interpreter: Result; results: Result[] }[] {
  return (['avx512', 'avx2'] as const).map((set) => {
    const b = new LaneBuilder({ name: 'test', lanes: lanesOf(set), ...options })
    write(b)
    const program = b.finish()
    const run = (name: string, machine: (own: Binding[]) => IndexReport | null): Result => {
      const own = bindings.map(copy)
      return { name, bindings: own, report: machine(own) }
    }
    const interpreter = run(`interpreter, ${program.lanes} lanes`, (own) => interpret(program, own))
    const native = (side: 'start' | 'end') =>
      run(`${set}, guarded ${side}`, (own) => runNative(program, set, own, side))
    // Code is generated even where it cannot run.
    if (!runnableSets.includes(set)) emitX64(program, set)
    return { interpreter, results: runnableSets.includes(set) ? [native('start'), native('end')] : [] }
  })
}
