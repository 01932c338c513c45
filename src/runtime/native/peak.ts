/** What a processor can do at most, to measure everything else against. */
import { Assembler } from '../../codegen/x64/assembler.ts'
import { mem, rcx, rdi, vec } from '../../codegen/x64/operands.ts'
import type { InstructionSet } from './cpu.ts'
import { CodePages } from './memory.ts'
import { PlanTable } from './plan-table.ts'
import { threadPool } from './thread-pool.ts'

/** Independent chains: more than latency · throughput (4 cycles · 2 a cycle), and what the registers hold. */
const CHAINS = 12
const LOOPS = 200_000

/** Float32 multiply-adds from registers to registers, in GFLOP/s (2 per multiply-add and lane), best of `rounds`, all threads together. */
export function measurePeak(set: InstructionSet, threads: number, rounds = 20): number {
  const width = set === 'avx512' ? 64 : 32
  const a = new Assembler()
  a.mov(rcx, mem(rdi))
  for (let i = 0; i < CHAINS + 2; i++) a.vxorps(vec(width, i), vec(width, i), vec(width, i))
  a.align(64)
  const loop = a.here()
  for (let repeat = 0; repeat < 4; repeat++) {
    for (let i = 0; i < CHAINS; i++) a.vfmadd231ps(vec(width, i), vec(width, CHAINS), vec(width, CHAINS + 1))
  }
  a.sub(rcx, 1)
  a.jne(loop)
  a.ret()
  const code = new CodePages(a.finish())
  const argumentBlock = BigInt64Array.of(BigInt(LOOPS))
  const table = new PlanTable([[{ code, offset: 0, argumentBlock, chunks: threads }]])
  const flops = 2 * (width / 4) * CHAINS * 4 * LOOPS * threads
  return flops / bestTime(rounds, () => threadPool().runSync(table, threads)) / 1e9
}

/** Nanoseconds of a call that does nothing. */
export function measureCall(): number {
  const a = new Assembler()
  a.ret()
  const nothing = new CodePages(a.finish()).functionAt(0, 'void', 'uintptr_t')
  return 1e9 * perCall(100_000, () => nothing(0))
}

/** Nanoseconds of a plan of `phases` phases in which every thread does nothing, the call included. */
export function measureForkJoin(threads: number, phases: number): number {
  const a = new Assembler()
  a.ret()
  const code = new CodePages(a.finish())
  const call = { code, offset: 0, argumentBlock: new BigInt64Array(1), chunks: threads }
  const table = new PlanTable(Array.from({ length: phases }, () => [call]))
  return 1e9 * perCall(5_000, () => threadPool().runSync(table, threads))
}

/** Seconds of the fastest of some rounds. */
function bestTime(rounds: number, run: () => void): number {
  let best = Number.POSITIVE_INFINITY
  for (let round = 0; round < rounds; round++) {
    const start = performance.now()
    run()
    best = Math.min(best, (performance.now() - start) / 1000)
  }
  return best
}

function perCall(calls: number, run: () => void): number {
  return (
    bestTime(20, () => {
      for (let i = 0; i < calls; i++) run()
    }) / calls
  )
}
