/** Starts a plan that would take an hour and leaves in the middle of it. */
import { PlanTable } from '../../src/runtime/native/plan-table.ts'
import { threadPool } from '../../src/runtime/native/thread-pool.ts'
import { burnCall } from './kernels.ts'

threadPool().setThreads(2)
void threadPool().runAsync(new PlanTable([[burnCall(1_000_000, 2_000_000)]]))
setTimeout(() => {
  process.stdout.write('leaving\n', () => process.exit(3))
}, 100)
