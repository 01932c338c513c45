/**
 * BERT-base (110 million parameters, random weights) beside transformers' on PyTorch: inference of one text of 128 tokens, and a
 * fine-tuning step of eight: `npm run ts bench/bert.ts [rounds]`, where `python3` has torch and transformers.
 * Both sides start from the same weights, take turns, and have to arrive at the same numbers.
 */
import { spawn } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { F, noGrad, optim, setDevice, setThreads, tensor } from 'gradus'
import { fromPretrained } from 'gradus/models'
import { disagreement, median, ratios } from './statistics.ts'

const rounds = Number(process.argv[2] ?? 10)
const [threads, batch, length, vocabulary] = [2, 8, 128, 30522]
/** Small: Adam's first steps follow the sign of gradients that are no more than rounding errors, and lead programs apart. */
const learningRate = 2e-6
/** Largest difference, relative to the largest value: of outputs, and of losses after some steps. */
const tolerance = { infer: 1e-4, step: 1e-3 }

const folder = await mkdtemp(join(tmpdir(), 'gradus-bert-'))
const python = fileURLToPath(new URL('peers/bert.py', import.meta.url))
const peer = spawn('python3', [python, folder, ...[threads, batch, length, learningRate].map(String)], {
  stdio: ['pipe', 'pipe', 'ignore'],
})
const answers = createInterface({ input: peer.stdout })[Symbol.asyncIterator]()
const answer = async <T>(): Promise<T> => {
  const { value, done } = await answers.next()
  if (done) throw new Error('python3 gave no answer: it needs torch and transformers')
  return JSON.parse(value) as T
}

try {
  const { version } = await answer<{ version: string }>()
  setDevice('native')
  setThreads(threads)
  const { model } = await fromPretrained(folder)
  const tokens = (rows: number) =>
    tensor(
      Int32Array.from({ length: rows * length }, (_, i) => (i * 37) % vocabulary),
      { shape: [rows, length], dtype: 'int32' },
    )
  const [one, many] = [tokens(1), tokens(batch)]
  const labels = tensor(Int32Array.from({ length: batch }, (_, i) => i % 2))
  const optimizer = new optim.AdamW(model.parameters(), { lr: learningRate })

  const passes = {
    async infer() {
      model.eval()
      return [...(await noGrad(() => model.forward(one)).data())]
    },
    async step() {
      model.train()
      optimizer.zeroGrad()
      const loss = F.crossEntropy(model.forward(many), labels)
      loss.backward()
      optimizer.step()
      return [await loss.item()]
    },
  }
  for (const pass of ['infer', 'step'] as const) {
    const [own, theirs]: [number[], number[]] = [[], []]
    let apart = 0
    // Two rounds before it counts: plans are made, memory is there.
    for (let round = -2; round < rounds; round++) {
      const started = performance.now()
      const values = await passes[pass]()
      const ms = performance.now() - started
      peer.stdin.write(`${pass}\n`)
      const other = await answer<{ ms: number; values: number[] }>()
      apart = Math.max(apart, disagreement(values, other.values))
      if (round < 0) continue
      own.push(ms)
      theirs.push(other.ms)
    }
    if (!(apart <= tolerance[pass])) throw new Error(`${pass}: results differ by ${apart}, relative to the largest`)
    const ratio = ratios(own, theirs)
    console.log(
      `${pass.padEnd(6)} Gradus ${median(own).toFixed(1)} ms, ${version} ${median(theirs).toFixed(1)} ms: ${ratio.median.toFixed(2)}×, lower quarter ${ratio.lowerQuartile.toFixed(2)}×; results within ${apart.toExponential(1)}`,
    )
  }
} finally {
  peer.kill()
  await rm(folder, { recursive: true })
}
process.exit(0)
