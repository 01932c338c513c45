/**
 * Gradus as a side, in a process of its own, so that the first iteration meets what a user's meets: nothing compiled, nothing warm.
 * `export` as the first argument writes the inputs of a workload to a file instead.
 */
import * as gradus from 'gradus'
import { loadSafetensors, saveSafetensors } from 'gradus/io'
import { answerRequests } from './answer.ts'
import { fromRoot } from './paths.ts'
import { kindOf } from './work/kinds.ts'
import type { Work } from './work/work.ts'

const [command, file, description] = process.argv.slice(2)
gradus.setDevice('native')

if (command === 'export') {
  const work = JSON.parse(description!) as Work
  const kind = kindOf(work)
  gradus.manualSeed(0)
  await saveSafetensors(file!, kind.inputs(work))
  console.log(JSON.stringify({ flops: kind.flops(work), checkAfter: kind.checkAfter }))
} else {
  await answerRequests(async ({ work, inputs, threads }) => {
    await setThreads(threads)
    const { tensors } = await loadSafetensors(inputs)
    const prepared = kindOf(work).prepare(work, tensors)
    // Weights that were loaded are in place before the first step begins.
    await gradus.realize()
    return prepared
  })
}

async function setThreads(threads: number): Promise<void> {
  const { threadPool } = (await import(
    fromRoot('dist/runtime/native/thread-pool.js')
  )) as typeof import('../src/runtime/native/thread-pool.ts')
  threadPool().setThreads(threads)
}
