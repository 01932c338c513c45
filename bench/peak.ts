/**
 * What this machine can do at most: fused multiply-adds that touch no memory, and what calling generated code costs (`npm run ts bench/peak.ts`).
 * Other benchmarks state their results as a fraction of `measurePeak`.
 */
import { chooseInstructionSet, cpuFeatures } from '../src/runtime/native/cpu.ts'
import { loadFfi } from '../src/runtime/native/ffi.ts'
import { measureCall, measureForkJoin, measurePeak } from '../src/runtime/native/peak.ts'
import { threadPool } from '../src/runtime/native/thread-pool.ts'

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
