/**
 * Tokens a second of greedy generation with a key-value cache, on one thread (`npm run ts bench/generation.ts`): the model of
 * stories260K, with its own weights where the data folder is, and one of 10.6 million parameters.
 */
import { existsSync } from 'node:fs'
import { Llama, readLlama } from '../test/sequences/llama.ts'
import { manualSeed, nn, setThreads } from '../src/index.ts'

const weights = `${process.env['GRADUS_DATA'] ?? '../shared/data'}/stories260k/stories260K.bin`
const small = { dim: 64, hiddenDim: 172, layers: 5, heads: 8, keyHeads: 4, vocabulary: 512 }
const large = { dim: 384, hiddenDim: 1024, layers: 6, heads: 6, keyHeads: 6, vocabulary: 65 }

/** Tokens a second of the fastest of three texts of `length` tokens; the first text of all, which compiles, does not count. */
async function speed(model: nn.Module & nn.LanguageModel, length: number): Promise<number> {
  let best = 0
  for (let round = 0; round < 4; round++) {
    const began = performance.now()
    const tokens = await nn.generate(model, [1], { maxNewTokens: length })
    if (round > 0) best = Math.max(best, (1000 * tokens.length) / (performance.now() - began))
  }
  return best
}

setThreads(1)
manualSeed(0)
const models = [
  ['stories260K', existsSync(weights) ? readLlama(weights) : new Llama(small), 500],
  ['10.6 M parameters', new Llama(large), 250],
] as const
for (const [name, model, length] of models) {
  const parameters = model.parameters().reduce((sum, { size }) => sum + size, 0)
  const perSecond = await speed(model.eval(), length)
  console.log(`${name}: ${parameters} parameters, ${length} tokens, ${Math.round(perSecond)} tokens/s on one thread`)
}
