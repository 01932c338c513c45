/**
 * What this machine can do at most: fused multiply-adds that touch no memory, and what calling generated code costs (`npm run ts bench/peak.ts`).
 * Other benchmarks state their results as a fraction of `measurePeak`.
 */
import { fileURLToPath } from 'node:url'
import { Assembler } from '../src/codegen/x64/assembler.ts'
import { mem, rcx, rdi, vec } from '../src/codegen/x64/operands.ts'
import { chooseInstructionSet, cpuFeatures, type InstructionSet } from '../src/runtime/native/cpu.ts'
import { loadFfi } from '../src/runtime/native/ffi.ts'
import { CodePages } from '../src/runtime/native/memory.ts'
import { PlanTable } from '../src/runtime/native/plan-table.ts'
import { threadPool } from '../src/runtime/native/thread-pool.ts'

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

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const ffi = loadFfi()
  if ('reason' in ffi) {
    console.error(ffi.reason)
    process.exit(2)
  }
  const cores = threadPool().threads
  console.log(`${cpuFeatures().brand}, ${cores} cores, ${chooseInstructionSet() ?? 'neither AVX2 nor AVX-512'}`)
  for (const set of ['avx512', 'avx2'] as const) {
    if (!cpuFeatures()[set]) continue
    for (let threads = 1; threads <= cores; threads *= 2) {
      const peak = measurePeak(set, threads)
      console.log(`${set.padEnd(6)} ${threads} threads: ${(peak / threads).toFixed(1)} GFLOP/s per core`)
    }
  }
  console.log(`call of a C function: ${measureCall().toFixed(0)} ns`)
  for (let threads = 1; threads <= cores; threads *= 2) {
    const one = measureForkJoin(threads, 1)
    const hundred = (measureForkJoin(threads, 101) - one) / 100
    console.log(
      `${threads} threads: plan of one empty phase ${one.toFixed(0)} ns, each further phase ${hundred.toFixed(0)} ns`,
    )
  }
}
