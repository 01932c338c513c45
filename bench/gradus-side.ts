/** Gradus as a side, in a process of its own, so that the first iteration meets what a user's meets: nothing compiled, nothing warm. */
import * as gradus from 'gradus'
import { loadSafetensors, saveSafetensors } from 'gradus/io'
import { answerRequests } from './answer.ts'
import { kindOf } from './work/kinds.ts'

await answerRequests({
  version: `Node ${process.versions.node}`,

  async write({ work, file }) {
    gradus.setDevice('native')
    gradus.manualSeed(0)
    const { inputs, flops, checkAfter } = kindOf(work)
    await saveSafetensors(file, inputs(work))
    return { flops: flops(work), checkAfter }
  },

  async prepare({ work, inputs, threads }) {
    gradus.setDevice('native')
    gradus.setThreads(threads)
    const { tensors } = await loadSafetensors(inputs)
    const prepared = kindOf(work).prepare(work, tensors)
    // Weights that were loaded are in place before the first step begins.
    await gradus.realize()
    return prepared
  },
})
